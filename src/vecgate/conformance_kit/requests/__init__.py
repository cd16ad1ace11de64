"""How the suite sends requests and reads answers."""
