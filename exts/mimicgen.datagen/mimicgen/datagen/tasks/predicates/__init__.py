"""The conditions of task files, evaluated: whether they hold, how far from it they are, and that in words."""
