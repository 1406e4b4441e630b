"""What every question needs around it."""
