"""Whether anything is found that is not there."""
