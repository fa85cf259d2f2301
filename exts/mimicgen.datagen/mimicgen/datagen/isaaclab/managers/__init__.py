"""Isaac Lab's managers, where a run has its own: of observations, of what is recorded, and of terminations."""
