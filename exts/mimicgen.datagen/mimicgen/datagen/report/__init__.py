"""The report of a run: what was generated, in one file for the browser."""
