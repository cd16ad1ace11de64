"""What the commands `ramp`, `capacity`, `sweep` and `scale` do."""
