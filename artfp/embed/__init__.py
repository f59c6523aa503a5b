"""Marking a dataset: every image gets the fingerprint of a key, everything else about the dataset stays.

    source --read ahead--> groups of 64 --one size--> codec --write behind--> staging --self-check--> final name

`request.py` checks all that can be checked for nothing, `run.py` does the work, a shard at a time, `dataset.py` has
every shard done by an engine, `records.py` says what came of it.
"""

from artfp.embed.dataset import Engine, Share, embed_dataset, embed_share
from artfp.embed.records import BadFilesError, BadImage, EmbedPlan, EmbedResult, KeyUse, SelfCheck, ShareResult
from artfp.embed.request import EmbedSettings, plan_embedding

__all__ = [
    "BadFilesError",
    "BadImage",
    "EmbedPlan",
    "EmbedResult",
    "EmbedSettings",
    "Engine",
    "KeyUse",
    "SelfCheck",
    "Share",
    "ShareResult",
    "embed_dataset",
    "embed_share",
    "plan_embedding",
]
