"""Images of recorded states: which surfaces a scene shows, and a rasteriser that draws them on a CPU or on a GPU."""
