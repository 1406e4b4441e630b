"""Calls, the microphone, and what whole meetings say."""
