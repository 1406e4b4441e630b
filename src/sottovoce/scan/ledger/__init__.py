"""What a scan remembers, and what follows from it for single recordings."""
