"""Data sets: found, fast, and whatever happens."""
