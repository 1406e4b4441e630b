"""Speech and unmarked sound to measure with."""
