"""Records in, a page out; no tensors."""
