"""What survives what happens to sound, and what it sounds like."""
