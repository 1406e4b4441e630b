"""What is written about findings."""
