"""Listening to a device: marks, and whether anybody speaks."""
