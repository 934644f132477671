"""Ways to judge: one file for those of a kind, one object for each."""
