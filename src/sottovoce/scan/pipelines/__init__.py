"""Detection of marks in examples inside a training pipeline."""
