"""Every adversary, by name: the rows of the suite `full` beyond those of `standard`."""

from __future__ import annotations

from artfp.attacks.adversary import Adversary
from artfp.attacks.averaging import AVERAGING
from artfp.attacks.collusion import COLLUSION
from artfp.attacks.crosskeys import CrossKeys
from artfp.attacks.distillation import DISTILLATION
from artfp.attacks.fine_tuning import FINE_TUNING
from artfp.attacks.overwriting import OVERWRITING
from artfp.attacks.regeneration import Regeneration
from artfp.attacks.surrogate import Surrogate
from artfp.attacks.whitebox import WhiteBox

ADVERSARIES: dict[str, Adversary] = {
    adversary.name: adversary
    for adversary in (
        *AVERAGING,
        *OVERWRITING,
        Regeneration(),
        Surrogate(),
        WhiteBox(),
        CrossKeys(),
        *FINE_TUNING,
        *DISTILLATION,
        *COLLUSION,
    )
}
