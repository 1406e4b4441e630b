"""Recordings in archives."""
