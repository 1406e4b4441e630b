"""What it takes: time, memory, and room on a disk."""
