"""The files behind identities: seed, recovery words, backup."""
