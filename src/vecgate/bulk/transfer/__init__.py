"""Moves whole indexes: to a file, and to another index. A run that was interrupted continues at its pages."""
