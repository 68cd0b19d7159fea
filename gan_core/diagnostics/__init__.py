"""Numbers and images that explain a run without changing it."""
