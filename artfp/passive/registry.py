"""Every passive system, by name: a line for each makes it a command, and subject to the contract's tests."""

from __future__ import annotations

from typing import Any

from artfp.passive.attnet import Attnet
from artfp.passive.base import Attributor
from artfp.passive.dct_linear import DctLinear
from artfp.passive.dnadet import DnaDet
from artfp.passive.harness import Harness
from artfp.passive.residual import Residual
from artfp.passive.visnet import Visnet

SYSTEMS: dict[str, type[Attributor[Any]]] = {
    system.name: system for system in (Residual, DctLinear, Attnet, Visnet, DnaDet, Harness)
}
