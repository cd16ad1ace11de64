"""Sources that are objects of Python: data frames, Arrow tables, matrices, and async iterables."""
