"""Passive systems: they tell generators apart by what these leave in images on their own (docs/passive.md)."""
