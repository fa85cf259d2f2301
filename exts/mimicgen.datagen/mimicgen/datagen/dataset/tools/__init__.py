"""The tools for datasets: convert, filter, info, merge, split and validate."""
