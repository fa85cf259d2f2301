"""What a robot is."""
