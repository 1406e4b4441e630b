"""Marking sound while it passes, in a process of its own."""
