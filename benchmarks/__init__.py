"""Benchmarks: one question a script, run as `python -m benchmarks.NAME` from the root."""
