"""Reports of findings, as tables, pages and metadata."""
