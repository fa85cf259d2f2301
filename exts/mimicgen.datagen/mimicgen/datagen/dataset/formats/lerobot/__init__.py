"""LeRobot's datasets, v3.0: written from demonstrations, and read back."""
