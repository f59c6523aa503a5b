"""artfp: fingerprints in training data that every generator trained on it reproduces."""

__version__ = "0.1.0"
