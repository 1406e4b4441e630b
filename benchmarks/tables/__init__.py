"""The page of measurements, and what else is made of the results."""
