"""Ways to compute an update; all end in the same weights."""
