"""Marks in examples that a training pipeline has in its hands."""
