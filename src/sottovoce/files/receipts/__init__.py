"""The receipt of marked files: an account of every file in and out, for a client."""
