"""A task by file as an environment of Isaac Lab: its scene, its terms, and its registration."""
