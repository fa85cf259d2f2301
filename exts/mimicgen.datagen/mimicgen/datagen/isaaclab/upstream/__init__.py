"""Where Isaac Lab does not do what is needed: one named place each."""
