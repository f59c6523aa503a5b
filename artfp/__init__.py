"""artfp: fingerprints in training data that generators trained on it reproduce."""

__version__ = "0.1.0"
