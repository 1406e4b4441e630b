"""Whole files and films."""
