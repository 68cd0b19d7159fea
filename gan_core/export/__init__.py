"""Exporting a trained generator, and a run as plain PyTorch."""
