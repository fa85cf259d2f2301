"""Commands about policies: `train`, `evaluate` and `evaluations`."""
