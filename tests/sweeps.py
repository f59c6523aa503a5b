"""Sweep folders as the runner writes them, with numbers made up from each row's address; for tests of all readers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from artfp.robustness import (
    ADVERSARY,
    DATA,
    FORGERY,
    GENERATED,
    IMAGE,
    REMOVAL,
    SCHEMA,
    UNTOUCHED,
    WEIGHTS,
    Control,
    Damage,
    Readout,
    Row,
    Sweep,
    Thresholds,
    address_of,
    row_path,
    thumb_path,
)
from artfp.seeds import numpy_generator
from artfp.statistics.calibration import Share
from artfp.statistics.exact import binomial_tails
from artfp.statistics.jackknife import Interval

BITS, IMAGES, SIDE = 64, 32, 48
UNITS = {"jpeg": "quality", "blur": "share of the side", "brightness": "factor", "flip": "probability"}
GRIDS: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    IMAGE: {
        "jpeg": (90, 80, 50, 30),
        "noise": (0.056, 0.111, 0.222),
        "blur": (0.012, 0.024, 0.036),
        "centre-crop": (121 / 128, 100 / 128),
        "brightness": (0.75, 0.5, 1.25, 1.5),
        "flip": (1,),
    },
    WEIGHTS: {"rounding": (0.1, 1), "weight-noise": (0.12, 0.24)},
}


def read(accuracy: float, images: int = IMAGES, log10_p: float | None = None) -> Readout:
    """A readout in which every image reads about this share of its bits."""
    matches = tuple(round(BITS * accuracy) + index % 3 - 1 for index in range(images))
    matches = tuple(min(BITS, max(0, match)) for match in matches)
    value = sum(matches) / (BITS * images)
    return Readout(
        images=images,
        matching_bits=sum(matches),
        total_bits=BITS * images,
        accuracy=Interval(value, max(0.0, value - 0.01), min(1.0, value + 0.01)),
        single=Share.of(sum(match >= 51 for match in matches), images),
        single_empirical=Share.of(sum(match >= 46 for match in matches), images),
        log10_p=min(0.0, -19 * (value - 0.5) / 0.2) if log10_p is None else log10_p,
        images_needed=1 if value > 0.8 else 9 if value > 0.57 else None,
        matches=matches,
    )


def row(kind: str, attack: str, strength: float, subject: str, readout: Readout | None, **changes: Any) -> Row:
    """One row of a sweep."""
    made = Row(
        schema=SCHEMA,
        address=address_of(kind, attack, strength, subject),
        kind=kind,
        attack=attack,
        strength=strength,
        unit=UNITS.get(attack, "strength"),
        subject=subject,
        readout=readout,
        damage=None if readout is None else Damage(31.5, 0.08, 20_000 if subject == GENERATED else None),
        clean=Control(Share.of(0, IMAGES), None),
        twin=None,
    )
    return dataclasses.replace(made, **changes)


def alterations(kind: str, subject: str, lowered: float = 0.0) -> list[Row]:
    """Every strength of a kind's grid; accuracy falls from .95 by 14 points a step."""
    return [
        row(
            kind,
            attack,
            strength,
            subject,
            read(max(0.5, 0.95 - 0.14 * place - lowered)),
            damage=Damage(
                40 - 5.0 * place, 0.01 + 0.04 * place, 15_000 + 10_000 * place if subject == GENERATED else None
            ),
        )
        for attack, strengths in GRIDS[kind].items()
        for place, strength in enumerate(strengths)
    ]


def adversaries() -> list[Row]:
    """One who removes, one who does not, one who forges, one who does not, one who cannot try."""
    told = {"knows": "nothing but the images", "costs": "a minute"}
    return [
        row(ADVERSARY, "averaging", 10, GENERATED, read(0.93), **told),
        row(ADVERSARY, "averaging", 1000, GENERATED, read(0.51, log10_p=-0.3), **told, notes={"psnr_found": 21.5}),
        row(ADVERSARY, "forging", 10, DATA, read(0.5, log10_p=-0.2), aim=FORGERY, **told),
        row(ADVERSARY, "forging", 1000, DATA, read(0.9), aim=FORGERY, **told),
        row(ADVERSARY, "regeneration", 1, DATA, None, failure="there is no twin", aim=REMOVAL, clean=None),
    ]


def full_rows() -> list[Row]:
    """All kinds of rows on both subjects."""
    unharmed = [row(IMAGE, UNTOUCHED, 0, subject, read(value)) for subject, value in ((GENERATED, 0.96), (DATA, 0.99))]
    unharmed = [dataclasses.replace(each, damage=Damage(None, 0.0, 15_000)) for each in unharmed]
    altered = [*alterations(IMAGE, GENERATED), *alterations(IMAGE, DATA, -0.03), *alterations(WEIGHTS, GENERATED)]
    return [*unharmed, *altered, *adversaries()]


def clean_matches(images: int = 20_000) -> tuple[int, ...]:
    """Unmarked images by the bits in which they match, as the binomial has them."""
    tails = np.append(binomial_tails(BITS), 0.0)
    return tuple(int(count) for count in np.rint(images * (tails[:-1] - tails[1:])))


def sweep_of(rows: Iterable[Row], **changes: Any) -> Sweep:
    """The record of a sweep with these rows."""
    rows = list(rows)
    made = Sweep(
        schema=SCHEMA,
        artfp_version="0.1.0",
        name="flowers",
        suite="standard",
        seed=7,
        key="publisher",
        key_id="9f86d081884c7d65",
        codec="artfp-64",
        codec_sha256="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        n_bits=BITS,
        images=IMAGES,
        side=SIDE,
        subjects=tuple(sorted({each.subject for each in rows})),
        generator_sha256="ab" * 32,
        twin_sha256=None,
        family="dcgan",
        addresses=tuple(each.address for each in rows),
        thresholds=Thresholds(51, 45, clean_matches(), None),
    )
    return dataclasses.replace(made, **changes)


def write_sweep(folder: Path, rows: Iterable[Row], thumbs: bool = True, **changes: Any) -> Path:
    """The folder of a sweep."""
    rows = list(rows)
    for name in ("rows", "thumbs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    put(folder / "sweep.json", sweep_of(rows, **changes).to_dict())
    for each in rows:
        put(row_path(folder, each.address), each.to_dict())
        if thumbs and each.readout is not None:
            pixels = numpy_generator("thumb", each.address).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
            Image.fromarray(pixels).save(thumb_path(folder, each.address))
    (folder / "rows.csv").write_text("address\n" + "".join(f"{each.address}\n" for each in rows))
    return folder


def put(path: Path, values: Mapping[str, Any]) -> None:
    """A JSON file."""
    path.write_text(json.dumps(values))


def change(path: Path, **values: Any) -> None:
    """Rewrite some fields of a JSON file."""
    put(path, json.loads(path.read_text()) | values)
