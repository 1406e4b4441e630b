"""The microphone on PipeWire."""
