"""One module for each command of `vecgate`."""
