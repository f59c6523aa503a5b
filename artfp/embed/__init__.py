"""Marking a dataset: every image gets the fingerprint of a key, everything else about the dataset stays.

    source --read ahead--> groups of 64 --one size--> codec --write behind--> staging --self-check--> final name

`request.py` checks all that can be checked for nothing, `run.py` does the work, `records.py` says what came of it.
"""

from artfp.embed.records import BadFilesError, BadImage, EmbedPlan, EmbedResult, KeyUse, SelfCheck
from artfp.embed.request import EmbedSettings, plan_embedding
from artfp.embed.run import embed_dataset

__all__ = [
    "BadFilesError",
    "BadImage",
    "EmbedPlan",
    "EmbedResult",
    "EmbedSettings",
    "KeyUse",
    "SelfCheck",
    "embed_dataset",
    "plan_embedding",
]
