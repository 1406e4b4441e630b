"""Access to bytes: local files and objects in stores, packed or not."""
