"""Recordings in the cells of tables."""
