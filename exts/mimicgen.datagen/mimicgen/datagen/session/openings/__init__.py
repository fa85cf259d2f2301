"""What opens the simulation of a job where that takes a module of its own, and what fits it to where it runs."""
