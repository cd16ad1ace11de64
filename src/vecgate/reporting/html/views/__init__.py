"""The data of a page for each kind of run: tiles, charts and tables."""
