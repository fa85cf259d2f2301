"""Plans of subtasks, one by one and together."""
