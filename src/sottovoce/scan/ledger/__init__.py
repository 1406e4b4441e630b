"""What a scan stores, and what follows from it for single recordings."""
