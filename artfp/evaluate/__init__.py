"""Sweeps: what is left of a key in images, after every attack at every strength (docs/robustness.md)."""
