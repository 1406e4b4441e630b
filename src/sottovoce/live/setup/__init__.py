"""What is checked and installed before a microphone is used."""
