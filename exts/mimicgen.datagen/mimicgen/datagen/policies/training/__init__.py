"""Training policies: networks and losses are those of libraries, the way of the data onto the device is ours."""
