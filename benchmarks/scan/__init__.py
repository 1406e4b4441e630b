"""Data sets: found, fast, and under faults."""
