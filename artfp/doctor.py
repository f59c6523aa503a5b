"""A check-up of this installation: what is here, what is missing, and whether marking and verifying work end to end."""

from __future__ import annotations

import functools
import os
import platform
import re
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import torch

from artfp import perceptual
from artfp.codec.base import Codec
from artfp.codec.learned import card_path
from artfp.codec.store import SMALL, load_codec, shipped
from artfp.data.procedural import generate
from artfp.devices import has_bf16, prepare_device
from artfp.files import read_json, sha256_file
from artfp.images import LoadedImage, encode_png, to_pixels, to_tensor
from artfp.keys.registry import Registry
from artfp.reading import Item
from artfp.results import Record
from artfp.statistics.decision import MATCH
from artfp.verify import verify

PACKAGES = ("torch", "numpy", "scipy", "pillow", "kornia", "safetensors")
TEST_IMAGES = 8
TEST_SEED = 1
REINSTALL = "install artfp again (README, Two commands)"


@dataclass(frozen=True)
class Finding(Record):
    """One thing that was looked at; where it is not well, `advice` says what to do."""

    name: str
    value: str
    well: bool = True
    advice: str = ""


@dataclass(frozen=True)
class CheckUp(Record):
    """All findings."""

    healthy: bool
    findings: tuple[Finding, ...]


def check_up(registry: Path) -> CheckUp:
    """Look at everything; a check that breaks is a finding, not an error."""
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("versions", _versions),
        ("device", _device),
        ("codecs", _checkpoints),
        ("extras", _extras),
        ("perceptual weights", _perceptual_weights),
        ("key registry", functools.partial(_registry, registry.expanduser())),
        ("self-test", _self_tests),
    )
    findings = tuple(finding for name, check in checks for finding in _guarded(name, check))
    return CheckUp(all(finding.well for finding in findings), findings)


def _guarded(name: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    try:
        return list(check())
    except Exception as error:  # a check-up must outlive whatever is broken; that is what it is for
        return [Finding(name, f"{type(error).__name__}: {error}", False, "repair what this error names")]


def _versions() -> Iterator[Finding]:
    yield Finding("python", platform.python_version())
    for package in ("artfp", *PACKAGES):
        yield Finding(package, metadata.version(package))
    yield Finding("zlib", zlib.ZLIB_RUNTIME_VERSION)  # which decides the bytes of PNG files


def _device() -> Iterator[Finding]:
    device = prepare_device("auto")
    name = torch.cuda.get_device_name() if device == "cuda" else platform.machine()
    yield Finding("device", f"{device} ({name})")
    yield Finding("cores", str(len(os.sched_getaffinity(0))))
    yield Finding("threads", str(torch.get_num_threads()))
    yield Finding("bf16", "fast" if has_bf16(device) else "not used on this device")


def _checkpoints() -> Iterator[Finding]:
    """Every codec file against the hash on its card."""
    found = shipped()
    for name, path in found.items():
        yield _checkpoint(f"codec {name}", path)
    if SMALL not in found:
        yield Finding(f"codec {SMALL}", "missing", False, REINSTALL)


def _checkpoint(name: str, path: Path) -> Finding:
    sha256, card = sha256_file(path), card_path(path)
    if not card.is_file():
        return Finding(name, f"{sha256[:12]}, no card", False, f"put {card.name} beside {path}, or {REINSTALL}")
    if read_json(card).get("sha256") != sha256:
        return Finding(name, f"{sha256[:12]}, not the hash on its card", False, f"{path} is damaged; {REINSTALL}")
    return Finding(name, f"{sha256[:12]}, as on its card")


def _extras() -> Iterator[Finding]:
    """Which optional dependencies are installed."""
    wanted: dict[str, list[str]] = {}
    for requirement in metadata.requires("artfp") or []:
        if match := re.match(r"([\w.-]+).*;.*extra == ['\"]([\w-]+)['\"]", requirement):
            wanted.setdefault(match[2], []).append(match[1])
    for extra, packages in wanted.items():
        missing = [package for package in packages if not _is_installed(package)]
        yield Finding(f"extra {extra}", f"without {', '.join(missing)}" if missing else "installed")


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _perceptual_weights() -> Iterator[Finding]:
    """Weights that only some measurements need; they are never downloaded behind the user's back."""
    folder = perceptual.weights_path().parent
    for name, files in (
        ("SqueezeNet (LPIPS)", (perceptual.WEIGHTS,)),
        ("Inception (FID)", perceptual.INCEPTION_WEIGHTS),
    ):
        path = next((folder / file for file in files if (folder / file).is_file()), None)
        yield Finding(name, str(path) if path else f"not found in {folder}")


def _registry(path: Path) -> Iterator[Finding]:
    if not path.exists():
        yield Finding("key registry", f"{path}: none yet; `artfp key new NAME` makes it")
        return
    mode = stat.S_IMODE(path.stat().st_mode)  # before it is opened, which repairs it
    with Registry(path, create=False) as registry:
        value = f"{path}: {len(registry.names()):,} key(s), mode {mode:04o}"
    if mode & 0o077:
        advice = "others could read the secrets; access is closed now, so decide whether to make new keys"
        yield Finding("key registry", value, False, advice)
    else:
        yield Finding("key registry", value)


def _self_tests() -> Iterator[Finding]:
    """Mark procedural images, verify them and their originals, with each codec that works out of the box."""
    for spec in ("dct", *(name for name in shipped() if name == SMALL)):
        yield _self_test(load_codec(spec).to(prepare_device("auto")))


def _self_test(codec: Codec) -> Finding:
    clean = np.stack(list(generate("photo-like", TEST_IMAGES, codec.size, TEST_SEED)))
    with tempfile.TemporaryDirectory() as folder, Registry(Path(folder) / "keys.sqlite") as registry:
        registry.new("self-test")
        bits = torch.from_numpy(registry.pair("self-test", codec.facts()).bits.copy())
        marked = to_pixels(codec.embed(to_tensor(clean), bits))
        outcomes = [verify(_items(pixels), registry, [codec]).outcome for pixels in (marked, clean)]
    value = f"marked images: {outcomes[0]}, unmarked: {outcomes[1]}"
    well = outcomes[0] == MATCH != outcomes[1]
    advice = "" if well else f"{REINSTALL}; if that does not help, report it with the output of `artfp doctor --json`"
    return Finding(f"self-test {codec.name}", value, well, advice)


def _items(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> list[Item]:
    return [(f"{i}.png", functools.partial(encode_png, LoadedImage(image))) for i, image in enumerate(pixels)]
