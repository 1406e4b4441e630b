"""From a name to the source of recordings that it means, in processes of their own."""
