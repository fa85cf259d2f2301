"""Learned policies: what they are, where they come from, and how they act in environments."""
