"""Films: files in which only the sound is replaced; every other byte of a stream is copied."""
