"""From a recording to its finding, in processes that may crash."""
