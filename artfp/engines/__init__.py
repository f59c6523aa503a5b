"""Who does the shards of a dataset: processes of this machine (`local.py`)."""
