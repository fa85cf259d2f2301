"""Demonstrations as recordings of rerun, and the viewer that shows them."""
