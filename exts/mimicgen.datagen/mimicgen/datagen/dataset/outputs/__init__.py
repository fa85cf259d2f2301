"""What a run writes: demonstrations, records and frames, so that nothing is lost."""
