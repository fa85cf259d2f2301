"""Datasets of demonstrations: reading them, writing them and the tools for them."""
