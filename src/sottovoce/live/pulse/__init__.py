"""The microphone on PulseAudio."""
