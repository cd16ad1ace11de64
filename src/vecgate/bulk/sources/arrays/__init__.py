"""Files of vectors alone, and files of keys for them."""
