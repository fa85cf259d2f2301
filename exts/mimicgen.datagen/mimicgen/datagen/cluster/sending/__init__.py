"""Shards and sources between machines that have no folder in common: packed, sent, and whole where they arrive."""
