"""A trained generator for use elsewhere: weights, and the code that loads them."""
