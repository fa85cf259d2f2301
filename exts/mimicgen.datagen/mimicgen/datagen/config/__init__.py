"""The configuration of runs: its fields, where they come from, and what their values may be."""
