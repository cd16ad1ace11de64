"""Charts as data, drawn as inline SVG."""
