"""Blind listening tests: packs to listen to, and what answers to them prove."""
