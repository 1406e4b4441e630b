"""What live figures and tests need: an audio server of its own, and a call in a real browser."""
