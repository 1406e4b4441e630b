"""Files that name recordings: lists, tables of paths and manifests."""
