"""From a name to the source of recordings that it means, in separate processes."""
