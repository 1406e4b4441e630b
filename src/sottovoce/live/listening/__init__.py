"""Listening to a device: which marks are in the sound, and whether anybody speaks."""
