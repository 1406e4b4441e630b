"""The watermark: arrays in, arrays and evidence out.  NumPy and SciPy only."""
