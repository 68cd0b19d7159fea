"""Runs: training that outlives the page which started it."""
