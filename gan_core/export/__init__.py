"""Exporting a trained generator."""
