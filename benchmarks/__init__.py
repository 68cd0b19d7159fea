"""The speed claims: each figure beside its bar and its peer, all from one run. Not part of the tests."""
