"""The tables of docs/threats.md, from rows that are committed."""
