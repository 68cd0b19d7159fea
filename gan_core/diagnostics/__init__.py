"""Numbers and pictures that explain a run. What they compute changes nothing in it."""
