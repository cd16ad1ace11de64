"""Records of load runs, and what is computed from them."""
