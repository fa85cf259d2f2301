"""Looks in Isaac Sim: what is said in its stage, and where in a demonstration there is room."""
