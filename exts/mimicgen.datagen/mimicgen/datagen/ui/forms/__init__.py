"""The configuration as it is edited: a form for each thing that the panel starts."""
