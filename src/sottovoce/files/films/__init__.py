"""Films: files in which only the sound is replaced, and every other byte of a stream is copied."""
