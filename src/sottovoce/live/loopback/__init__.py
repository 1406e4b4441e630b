"""The microphone for systems without virtual ones: a device that plays what it records."""
