"""Blind listening tests: packs to listen to, and what the answers prove."""
