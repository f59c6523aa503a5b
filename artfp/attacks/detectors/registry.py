"""Every attacker of a secrecy study, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from artfp.attacks.detectors import cooccurrence, frequency
from artfp.attacks.detectors.artificial import Rounds, once_only, published
from artfp.attacks.detectors.detector import Detector, Linear
from artfp.attacks.detectors.network import Network
from artfp.attacks.detectors.own_codec import both
from artfp.attacks.detectors.template import Averaging
from artfp.codec.base import Codec
from artfp.secrecy import OTHER_CODEC
from artfp.statistics.exact import Floats

SUSPICIOUS = "Images of which some are marked, but not which; and a codec of his own, to mark all of them again."
LABELLED = "Labelled images of both kinds"


@dataclass(frozen=True)
class Unlabelled:
    """Somebody who has suspects and no example."""

    score: Callable[[Rounds, int], Floats]
    knows: str = SUSPICIOUS


UNLABELLED = {"ats": Unlabelled(published), "ats-once": Unlabelled(once_only)}


def supervised(codec: Codec, device: str) -> dict[str, Detector]:
    """Those who learn from labelled examples; the codec is one's own."""
    found = (
        Averaging(),
        Linear("frequency", f"{LABELLED}, of which he takes spectra; neither codec nor key.", frequency.features),
        Linear("cooccurrence", f"{LABELLED}, whose residuals he counts; neither codec nor key.", cooccurrence.features),
        Network(device),
        Linear(OTHER_CODEC, f"{LABELLED}, which he lets a codec of his own read; not the key.", partial(both, codec)),
    )
    return {detector.name: detector for detector in found}
