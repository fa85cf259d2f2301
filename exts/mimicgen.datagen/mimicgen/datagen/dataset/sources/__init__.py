"""Source demonstrations: reading files that are not ours, and what is usable in them."""
