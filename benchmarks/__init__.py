"""Benchmarks of the speed claims: each figure beside its bar and its peer. Not part of the tests."""
