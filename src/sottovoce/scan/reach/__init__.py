"""What names in data may refer to: local folders and files, and network addresses."""
