"""The averaging attack on a codec: what N marked images of one key let an attacker without the codec remove and forge.

    python benchmarks/averaging.py artfp-64 --data ../shared/data/flowers64.zip [--independent]

Keys are drawn from the seed: this is a measurement, not evidence. The images fall into four disjoint groups, in an
order of the seed's: `originals` (marked, then averaged), `others` (clean, what `unpaired` knows), `victims` (marked,
then robbed of their marks) and `innocents` (clean, then forged). `--independent` gives every image the same mark at the
same PSNR instead, for comparison. One JSON file for each codec and data lies in benchmarks/results/averaging; what is
there of the same codec is shown, not measured again, unless with --again. Two cores take an hour or two.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from artfp import __version__
from artfp.attacks.averaging import VARIANTS, common_share, estimate, forged, removed, strength_at
from artfp.codec.base import Codec
from artfp.codec.fidelity import Fidelity
from artfp.codec.pool import squares
from artfp.codec.store import load_codec
from artfp.data.procedural import generate
from artfp.devices import prepare_device
from artfp.errors import ArtfpError, UsageError
from artfp.files import read_json, write_json
from artfp.images import to_pixels, to_tensor
from artfp.keys.fingerprint import CodecFacts, pack
from artfp.results import Record
from artfp.seeds import numpy_generator
from artfp.statistics.calibration import matching_bits
from artfp.statistics.decision import MATCH_AT
from artfp.statistics.evidence import Evidence, p_values
from artfp.statistics.exact import matches_needed

RESULTS = Path(__file__).parent / "results" / "averaging"
STRENGTHS: dict[str, float | None] = {
    "1": 1.0,
    "2": 2.0,
    "scaled": None,
}  # scaled: to the PSNR of the codec's own marks
BATCH = 64
ALIKE_OVER = 256  # procedural images whose mean residual is the content-independent mark
ALIKE_SEED = 990_002  # no training recipe uses it
HEAD = f"{'estimate':9}{'N':>6} {'strength':9}|{'removed: bits':>14}{'dB':>6}{'folders':>9}{'log10 p':>9}"
HEAD += f" |{'forged: bits':>13}{'dB':>6}{'singles':>9}{'folders':>9}{'log10 p':>9}"


class ContentIndependent(Codec):
    """Another codec's decoder, and for every image the same mark: the mean of that codec's over procedural images."""

    def __init__(self, inner: Codec, psnr: float) -> None:
        self.inner, self.psnr = inner, psnr
        self.name, self.sha256 = f"{inner.name}-independent", inner.sha256
        self.n_bits, self.size, self.side = inner.n_bits, inner.size, inner.side
        self.flip_invariant, self.card = inner.flip_invariant, {}
        self._images = to_tensor(np.stack(list(generate("photo-like", ALIKE_OVER, inner.size, ALIKE_SEED))))
        self._marks: dict[bytes, Tensor] = {}

    def residual(self, images: Tensor, bits: Tensor) -> Tensor:
        """The key's mark, whatever the images."""
        return torch.stack([self._mark(row).expand_as(image) for image, row in zip(images, bits, strict=True)])

    def _mark(self, bits: Tensor) -> Tensor:
        key = bits.cpu().numpy().tobytes()
        if key not in self._marks:
            batches = self._images.to(self.device).split(BATCH)
            mean = torch.cat([self.inner.residual(batch, bits.expand(len(batch), -1)) for batch in batches]).mean(dim=0)
            self._marks[key] = strength_at(mean, self.psnr) * mean
        return self._marks[key]

    def logits(self, images: Tensor) -> Tensor:
        """The codec's own."""
        return self.inner.logits(images)

    def facts(self) -> CodecFacts:
        """The codec's own."""
        return self.inner.facts()

    def to(self, device: torch.device | str) -> ContentIndependent:
        """Move the codec."""
        self.inner.to(device)
        return self

    @property
    def device(self) -> torch.device:
        """Where the codec is."""
        return self.inner.device


@dataclass(frozen=True)
class Reading(Record):
    """What one folder a key says of that key, as counts; add those of several keys, then conclude."""

    images: int
    bits: int
    squared_error: int  # against what was attacked, of 8-bit values
    values: int
    bits_right: tuple[int, ...]  # of each key's folder, like the next two
    singles: tuple[int, ...]  # images that match the key alone at p <= 1e-6
    log10_p: tuple[float, ...]  # of artfp's test of the folder

    def __add__(self, other: Reading) -> Reading:
        return Reading(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    def concluded(self) -> dict[str, Any]:
        """The counts and what follows from them."""
        psnr = Fidelity(squared_error=self.squared_error, values=self.values).psnr
        return self.to_dict() | {
            "bit_accuracy": sum(self.bits_right) / self.bits,
            "single_share": sum(self.singles) / self.images,
            "folders_matched": sum(log10_p <= math.log10(MATCH_AT) for log10_p in self.log10_p),
            "log10_p_median": statistics.median(self.log10_p),
            "psnr": psnr if math.isfinite(psnr) else None,
        }


Rows = dict[tuple[str, ...], Reading]


def read(codec: Codec, key: Tensor, attacked: Tensor, before: Tensor) -> Reading:
    """Decode one folder and count its agreement with the key."""
    evidence = Evidence(codec.n_bits)
    for batch in attacked.split(BATCH):
        evidence.add(codec.soft_bits(batch).to(torch.float64).cpu().numpy())
    packed = pack(key.numpy().astype(np.uint8))
    matches = matching_bits(evidence.hard, packed, codec.n_bits)
    p = min(1.0, float(p_values(evidence, packed[None]).combined[0]))
    error = to_pixels(attacked).astype(np.int64) - to_pixels(before)
    return Reading(
        images=len(attacked),
        bits=len(attacked) * codec.n_bits,
        squared_error=int((error**2).sum()),
        values=error.size,
        bits_right=(int(matches.sum()),),
        singles=(int((matches >= matches_needed(codec.n_bits, MATCH_AT)).sum()),),
        log10_p=(math.log10(p),),
    )


def marked(codec: Codec, images: Tensor, key: Tensor) -> Tensor:
    """The images with one key's mark."""
    return torch.cat([codec.embed(batch, key).cpu() for batch in images.split(BATCH)])


def own_psnr(codec: Codec, images: Tensor, keys: Tensor) -> float:
    """The PSNR of the codec's own marks, over all keys."""
    pixels = to_pixels(images).astype(np.int64)
    errors = [int(((to_pixels(marked(codec, images, key)) - pixels) ** 2).sum()) for key in keys]
    return Fidelity(squared_error=sum(errors), values=len(keys) * pixels.size).psnr


def attack(codec: Codec, key: Tensor, groups: dict[str, Tensor], counts: list[int], psnr: float) -> tuple[Rows, float]:
    """Every attack on one key, and the share of its marks' energy that they have in common."""
    seen, fresh = (marked(codec, groups[name], key) for name in ("originals", "victims"))
    innocents = groups["innocents"]
    rows: Rows = {
        ("unattacked", "marked"): read(codec, key, fresh, groups["victims"]),
        ("unattacked", "clean"): read(codec, key, innocents, innocents),
    }
    for variant, n, found in estimates(seen, groups, counts):
        for label, strength in STRENGTHS.items():
            factor = strength_at(found, psnr) if strength is None else strength
            row = (variant, str(n), label)
            rows[*row, "removed"] = read(codec, key, removed(fresh, found, factor), fresh)
            rows[*row, "forged"] = read(codec, key, forged(innocents, found, factor), innocents)
        print(f"  {variant}, N = {n}", file=sys.stderr)
    return rows, common_share(seen - groups["originals"])


def estimates(seen: Tensor, groups: dict[str, Tensor], counts: list[int]) -> Iterator[tuple[str, int, Tensor]]:
    """What each kind of attacker makes of the first N marked images."""
    for variant, known in VARIANTS.items():
        for n in counts:
            yield variant, n, estimate(seen[:n], None if known is None else groups[known][:n])


def measured(codec: Codec, arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole measurement, as its file holds it."""
    groups = image_groups(arguments, codec.side)
    shape = (arguments.keys, codec.n_bits)
    keys = torch.from_numpy(numpy_generator(arguments.seed, "averaging", "keys").integers(0, 2, shape))
    if arguments.independent:
        codec = ContentIndependent(codec, own_psnr(codec, groups["victims"], keys))
    psnr = own_psnr(codec, groups["victims"], keys)
    totals, shares = Rows(), []
    for index, key in enumerate(keys):
        print(f"key {index + 1} of {len(keys)}", file=sys.stderr)
        rows, share = attack(codec, key, groups, arguments.counts, psnr)
        totals = {row: totals[row] + reading if row in totals else reading for row, reading in rows.items()}
        shares.append(share)
    return described(codec, arguments) | {"psnr": psnr, "common_share": shares} | tabled(totals)


def image_groups(arguments: argparse.Namespace, size: int) -> dict[str, Tensor]:
    """Disjoint groups of images, drawn by the seed; neighbours in a folder are too alike to be split in order."""
    most, probes = max(arguments.counts), arguments.probes
    if min(*arguments.counts, most - 1, probes, arguments.keys) < 1:
        raise UsageError("--counts, --keys and --probes start at 1, the largest count at 2")
    sizes = {"originals": most, "others": most, "victims": probes, "innocents": probes}
    pixels = squares(arguments.data, size, sum(sizes.values()), arguments.seed)
    if len(pixels) < sum(sizes.values()):
        raise UsageError(f"{arguments.data}: {len(pixels)} images, of which --counts needs {sum(sizes.values())}")
    order = numpy_generator(arguments.seed, "averaging", "order").permutation(len(pixels))
    return dict(zip(sizes, to_tensor(pixels[order]).split(list(sizes.values())), strict=True))


def described(codec: Codec, arguments: argparse.Namespace) -> dict[str, Any]:
    """What was measured, on what, and how to do it again."""
    flags = f"--seed {arguments.seed} --keys {arguments.keys} --probes {arguments.probes}"
    flags += f" --counts {' '.join(map(str, arguments.counts))}{' --independent' * arguments.independent}"
    command = f"python benchmarks/averaging.py {Path(arguments.codec).name} --data {arguments.data.name} {flags}"
    return {
        "codec": codec.name,
        "sha256": codec.sha256,
        "bits": codec.n_bits,
        "size": codec.side,
        "independent": arguments.independent,
        "data": arguments.data.name,
        "seed": arguments.seed,
        "keys": arguments.keys,
        "command": command,
        "made_with": {"artfp": __version__, "torch": torch.__version__},
    }


def tabled(totals: Rows) -> dict[str, Any]:
    """The readings by name, with what follows from their counts."""
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for (*row, part), reading in totals.items():
        rows.setdefault(tuple(row), {})[part] = reading.concluded()
    unattacked = rows.pop(("unattacked",))
    named = [{"estimate": v, "n": int(n), "strength": s} | parts for (v, n, s), parts in rows.items()]
    return {"unattacked": unattacked, "rows": named}


def show(found: dict[str, Any]) -> None:
    """The table on stdout."""
    print(f"{found['codec']} {found['sha256'][:12]} on {found['data']}: {found['psnr']:.1f} dB, {found['keys']} keys")
    print("bits read from:", *(f"{name} {part['bit_accuracy']:.3f}" for name, part in found["unattacked"].items()))
    print("share of a mark's energy in its key's mean residual:", *(f"{share:.3f}" for share in found["common_share"]))
    print(HEAD, "-" * len(HEAD), sep="\n")
    for row in found["rows"]:
        line = f"{row['estimate']:9}{row['n']:6} {row['strength']:9}|"
        line += numbers(row["removed"], 14) + folders(row["removed"]) + " |"
        print(line + numbers(row["forged"], 13) + f"{row['forged']['single_share']:9.3f}" + folders(row["forged"]))


def numbers(part: dict[str, Any], width: int) -> str:
    """Bits read right, and the PSNR of the attack."""
    psnr = "-" if part["psnr"] is None else f"{part['psnr']:.1f}"
    return f"{part['bit_accuracy']:{width}.3f}{psnr:>6}"


def folders(part: dict[str, Any]) -> str:
    """How many keys' folders match, and their median p."""
    matched = f"{part['folders_matched']}/{len(part['log10_p'])}"
    return f"{matched:>9}{part['log10_p_median']:9.1f}"


def main() -> None:
    """Measure, or read what was measured of this codec, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("codec", help="a name or a .safetensors file")
    parser.add_argument("--data", type=Path, required=True, help="folder or zip of 2,256 images or more")
    parser.add_argument("--independent", action="store_true", help="the same mark on every image, at the codec's PSNR")
    parser.add_argument("--counts", type=int, nargs="+", default=[10, 100, 1000], help="the N of the attackers")
    parser.add_argument("--keys", type=int, default=4)
    parser.add_argument("--probes", type=int, default=128, help="images attacked, and as many forged, for each key")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--again", action="store_true", help="measure although there is a file of this codec")
    arguments = parser.parse_args()
    try:
        codec = load_codec(arguments.codec).to(prepare_device(arguments.device))
        name = f"{codec.name}-independent" if arguments.independent else codec.name
        path = arguments.out / f"{name}-{arguments.data.stem}.json"
        if arguments.again or not path.exists() or read_json(path)["sha256"] != codec.sha256:
            arguments.out.mkdir(parents=True, exist_ok=True)
            write_json(path, measured(codec, arguments))
        else:
            print(f"{path}: of this codec already; --again measures anew", file=sys.stderr)
    except ArtfpError as error:
        parser.error(str(error))
    show(read_json(path))


if __name__ == "__main__":
    main()
