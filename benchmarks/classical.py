"""Classical watermarks from the package registry, beside artfp-128, all measured by the harness of artfp's codecs.

    python benchmarks/classical.py ../shared/data/photos256.zip --size 256 --limit 64
    python benchmarks/classical.py ../shared/data/kodak --size 512 --crop

One JSON row a codec, data and size, in benchmarks/results/classical; what has one is not run again. The images are
those of `artfp codec evaluate CODEC DATA --size S [--limit N] [--crop]` with its default seed. Needs the extras
`baselines` and `quality`, and SqueezeNet's weights (see artfp/perceptual.py).

- invisible-watermark (MIT), dwtDctSvd: the largest singular value of 4 x 4 blocks, wavelet then DCT, of the colour
  channel U, in steps of 36. It puts the wavelet's horizontal and vertical details back exchanged, which costs fidelity.
- blind-watermark (MIT), bit mode: two singular values, in steps of 36 and 20, of shuffled blocks of all three channels.

Both need OpenCV (Apache-2.0; its wheels carry LGPL libraries) and PyWavelets (MIT). They are dependencies of this
benchmark alone. Strengths are the packages' defaults, and so are all their flaws: what is measured is what a user gets.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from artfp.codec.base import Codec
from artfp.codec.calibration import calibrate
from artfp.codec.evaluation import Images, evaluate
from artfp.codec.pool import in_batches, squares
from artfp.codec.store import load_codec
from artfp.devices import prepare_device
from artfp.errors import ArtfpError, UsageError
from artfp.files import read_json, sha256_bytes, write_json
from artfp.images import check_images, round_to_8_bits, to_pixels
from artfp.keys.fingerprint import CodecFacts
from artfp.perceptual import Perceptual

Pixels = NDArray[np.uint8]  # H x W x 3, in OpenCV's order: blue first

N_BITS = 64
SIDE = 256  # the smallest square that invisible-watermark takes
CERTAIN = 20.0  # the logit of a hard bit
SEED = 0
RESULTS = Path(__file__).parent / "results" / "classical"


class ClassicalCodec(Codec):
    """A package's own embedding and reading, of whole images at their own size; its bits are hard."""

    n_bits, flip_invariant = N_BITS, False
    size = side = SIDE
    module: str
    strength: str

    def __init__(self) -> None:
        self._package = _imported(self.module, self.name)
        versions = {name: version(name) for name in (self.name, "PyWavelets", "numpy")}
        versions["opencv"] = sys.modules["cv2"].__version__  # its distributions have several names
        self.card = {"name": self.name, "bits": N_BITS, "strength": self.strength, "versions": versions}
        self.sha256 = sha256_bytes(json.dumps(self.card, sort_keys=True).encode())

    @abstractmethod
    def mark(self, pixels: Pixels, bits: list[int]) -> NDArray[Any]:
        """One image with its bits, bytes or floats in 0 to 255."""

    @abstractmethod
    def read(self, pixels: Pixels) -> NDArray[np.bool_]:
        """The bits of one image."""

    @abstractmethod
    def check_size(self, height: int, width: int) -> None:
        """Refuse what the package cannot mark."""

    def embed(self, images: Tensor, bits: Tensor, strength: float = 1.0) -> Tensor:
        """Marked images, rounded to 8 bits."""
        if strength != 1:
            raise UsageError(f"{self.name} marks at the package's own strength alone, not {strength} times it")
        if bits.shape[-1] != N_BITS:
            raise ArtfpError(f"codec {self.name} carries {N_BITS} bits, not {bits.shape[-1]}")
        pixels = self._pixels(images)
        rows = bits.to(torch.int64).expand(len(pixels), N_BITS).tolist()
        marked = [self.mark(one, row) for one, row in zip(pixels, rows, strict=True)]
        blue_first = torch.from_numpy(np.stack(marked).astype(np.float32))
        return round_to_8_bits(blue_first.flip(-1).permute(0, 3, 1, 2).div(255).contiguous())

    def soft_bits(self, images: Tensor, aspects: Tensor | None = None) -> Tensor:  # noqa: ARG002 - the interface's
        """N x n of -1 and 1: what the package reads, of the image as it lies, not of its mirror."""
        read = np.stack([self.read(one) for one in self._pixels(images)])
        return torch.from_numpy(np.where(read, 1, -1).astype(np.float32))

    def residual(self, images: Tensor, bits: Tensor) -> Tensor:
        """What marking changes."""
        return self.embed(images, bits) - images.cpu()

    def logits(self, images: Tensor) -> Tensor:
        """Hard bits, as log-odds."""
        return CERTAIN * self.soft_bits(images)

    def facts(self) -> CodecFacts:
        """Consensus and calibration on procedural images."""
        consensus, calibration = calibrate(self, count=256)
        return CodecFacts(self.name, self.sha256, N_BITS, consensus, calibration)

    def to(self, device: torch.device | str) -> ClassicalCodec:  # noqa: ARG002 - the interface's
        """Stay: the packages compute on the processor."""
        return self

    @property
    def device(self) -> torch.device:
        """The processor."""
        return torch.device("cpu")

    def _pixels(self, images: Tensor) -> Pixels:
        self.check_size(*check_images(images).shape[-2:])
        return np.ascontiguousarray(to_pixels(images)[..., ::-1])


class InvisibleWatermark(ClassicalCodec):
    """Package invisible-watermark, method dwtDctSvd; leftovers of sides that are no multiples of 8 stay unmarked."""

    name, module = "invisible-watermark", "imwatermark"
    method = "dwtDctSvd"
    strength = f"{method}; step 36, on U alone; blocks of 4"

    def mark(self, pixels: Pixels, bits: list[int]) -> NDArray[Any]:
        """Each block's largest singular value is moved to the bit's half of its quantisation step."""
        encoder = self._package.WatermarkEncoder()
        encoder.set_watermark("bits", bits)
        return encoder.encode(pixels, self.method)

    def read(self, pixels: Pixels) -> NDArray[np.bool_]:
        """The vote of each bit's blocks."""
        return self._package.WatermarkDecoder("bits", N_BITS).decode(pixels, self.method)

    def check_size(self, height: int, width: int) -> None:
        """The package refuses small areas, with a side of any length."""
        if height * width < SIDE**2:
            raise UsageError(f"{self.name} takes images of {SIDE} x {SIDE} pixels or more, not {width} x {height}")


class BlindWatermark(ClassicalCodec):
    """Package blind-watermark, bit mode, passwords 1."""

    name, module = "blind-watermark", "blind_watermark"
    strength = "bit mode; steps d1 36, d2 20, on Y, U and V; blocks of 4"

    def __init__(self) -> None:
        super().__init__()
        self._package.bw_notes.close()  # its greeting would go to stdout

    def mark(self, pixels: Pixels, bits: list[int]) -> NDArray[Any]:
        """Each block's two largest singular values are moved to the bit's half of their quantisation steps."""
        watermark = self._package.WaterMark()
        watermark.read_img(img=pixels)
        watermark.read_wm(np.array(bits, bool), mode="bit")
        return watermark.embed()

    def read(self, pixels: Pixels) -> NDArray[np.bool_]:
        """The mean of each bit's blocks, cut in two classes at a threshold of the image's own."""
        return self._package.WaterMark().extract(embed_img=pixels, wm_shape=N_BITS, mode="bit")

    def check_size(self, height: int, width: int) -> None:
        """The package wants more blocks, of 8 x 8 pixels, than bits."""
        blocks = ((height + 1) // 8) * ((width + 1) // 8)
        if blocks <= N_BITS:
            raise UsageError(f"{self.name} needs more than {N_BITS} blocks; {width} x {height} pixels have {blocks}")


OURS = "artfp-128"
CODECS: dict[str, Callable[[], ClassicalCodec]] = {kind.name: kind for kind in (InvisibleWatermark, BlindWatermark)}
MEASURED: dict[str, Callable[[], Codec]] = {**CODECS, OURS: partial(load_codec, OURS)}


def _imported(module: str, name: str) -> Any:
    try:  # blind-watermark would change how the whole process starts its children, and fail where that is settled
        with mock.patch("multiprocessing.set_start_method"):
            return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(f"{name} needs the extra `baselines` ({error}): pip install 'artfp[baselines]'") from error


def measured(codec: Codec, images: Images, perceptual: Perceptual) -> dict[str, Any]:
    """One evaluation, its accuracies written out."""

    def tell(done: int, total: int, _note: str) -> None:
        print(f"{codec.name}: {done}/{total}", file=sys.stderr)

    result = evaluate(codec, images, SEED, tell, perceptual)
    return {**result.to_dict(), "rows": [{**row.to_dict(), "accuracy": row.accuracy} for row in result.rows]}


def label(codec: Codec) -> dict[str, Any]:
    """What was measured; our own codec's card lies beside its file, and holds measurements of its own."""
    return codec.card if isinstance(codec, ClassicalCodec) else {"name": codec.name, "sha256": codec.sha256}


def stored(path: Path, asked: dict[str, Any]) -> dict[str, Any] | None:
    """The row that lies there, if it is of what is asked for; None where there is none."""
    if not path.exists():
        return None
    row: dict[str, Any] = read_json(path)
    if other := {name: row.get(name) for name, value in asked.items() if row.get(name) != value}:
        raise UsageError(f"{path}: holds a row of {other}; move it away, or choose another folder with --json-out")
    return row


def rows(options: argparse.Namespace) -> list[dict[str, Any]]:
    """One row a codec; what lies in the folder is not measured again."""
    asked = {"data": options.data.name, "size": options.size, "crop": options.crop, "limit": options.limit}
    paths = {name: options.json_out / f"{name}-{options.data.stem}-{options.size}.json" for name in MEASURED}
    found = {name: stored(path, asked) for name, path in paths.items()}
    codecs = [MEASURED[name]() for name, row in found.items() if row is None]
    for codec in codecs:
        if isinstance(codec, ClassicalCodec):
            codec.check_size(options.size, options.size)
    if codecs:
        pixels = squares(options.data, options.size, options.limit, SEED, options.crop)
        perceptual, images = Perceptual(), in_batches(pixels, "cropped" if options.crop else "resized")
        options.json_out.mkdir(parents=True, exist_ok=True)
    for codec in codecs:
        row = {"codec": codec.name, **asked, "card": label(codec), "result": measured(codec, images, perceptual)}
        write_json(paths[codec.name], row)
    return [read_json(path) for path in paths.values()]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("data", type=Path, help="folder or zip")
    arguments.add_argument("--size", type=int, default=SIDE, help="side of the centre squares")
    arguments.add_argument("--limit", type=int, default=64, help="at most this many images")
    arguments.add_argument("--crop", action="store_true", help="cut the squares out instead of resizing")
    arguments.add_argument(
        "--json-out", type=Path, nargs="?", const=RESULTS, default=RESULTS, help="folder of the rows"
    )
    return arguments


def main() -> None:
    """Measure what is missing, print all rows."""
    options = parser().parse_args()
    prepare_device("cpu")
    try:
        print(json.dumps(rows(options), indent=2))
    except ArtfpError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
