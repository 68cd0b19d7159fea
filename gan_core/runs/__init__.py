"""Runs: training that continues when the page that started it is closed."""
