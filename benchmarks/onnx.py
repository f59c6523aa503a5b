"""How fast onnxruntime runs a codec that `artfp codec export` wrote, beside torch, and whether it reads the same.

    python -m benchmarks.onnx CODEC DATA [--batches 64 16] [--threads 1 2] [--rounds 20]

Exports CODEC into a folder that goes again, marks images of DATA (a folder or zip of squares), and runs the encoder
(without touch-up) and the decoder in three ways: torch in float32, torch in bf16 where the processor has it
(`artfp.devices.fast_arithmetic`), onnxruntime. All three in one process, in turns, so that other jobs slow all alike;
of so many rounds the fastest counts. One JSON line for each part, batch and number of threads: milliseconds, how many
times as fast as each of torch's ways onnxruntime is, and how far each way is from torch's float32: at most, and for the
decoder the share of equal bits.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from artfp.codec.export import DECODER, ENCODER, export, programs, run, session
from artfp.codec.learned import LearnedCodec
from artfp.codec.store import codec_file
from artfp.data.survey import evenly_spaced
from artfp.devices import fast_arithmetic
from artfp.images import resize, to_tensor
from artfp.reading import silent
from artfp.seeds import numpy_generator
from benchmarks.measuring.images import at_side
from benchmarks.measuring.machine import prepare

FULL, FAST, ONNX = "torch float32", "torch bf16", "onnxruntime"
WARM = 3  # rounds before those that count

Way = Callable[..., Tensor]


def main() -> None:
    """Print a line for each part, batch and number of threads."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.onnx", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("codec")
    parser.add_argument("data", type=Path)
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 16], metavar="IMAGES")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    prepare("cpu", 1)
    with tempfile.TemporaryDirectory() as name:
        export(options.codec, Path(name) / "exported")
        codec = LearnedCodec.load(codec_file(options.codec))
        pixels = at_side(options.data, codec.side, silent)
        clean = to_tensor(pixels[evenly_spaced(len(pixels), max(options.batches))])
        for threads in options.threads:
            for row in rows(codec, Path(name) / "exported", clean, options.batches, threads, options.rounds):
                print(json.dumps({"codec": codec.name, **row}), flush=True)


def rows(
    codec: LearnedCodec, folder: Path, clean: Tensor, batches: Sequence[int], threads: int, rounds: int
) -> Iterator[dict[str, Any]]:
    """The encoder's and the decoder's, in batches of the first images each."""
    torch.set_num_threads(threads)
    draws = numpy_generator("onnx").integers(0, 2, (len(clean), codec.n_bits))
    bits = torch.from_numpy(draws).float()
    marked = resize(codec.embed(clean, bits), (codec.size, codec.size))
    given = {ENCODER: (resize(clean, (codec.size, codec.size)), bits), DECODER: (marked,)}
    for name, program in programs(codec).items():
        ways = all_ways(program.network, session(folder / name, threads))
        for batch in batches:
            inputs = [tensor[:batch] for tensor in given[name]]
            part = {"part": name, "batch": len(inputs[0]), "threads": threads}
            yield {**part, **speeds(ways, inputs, rounds), **agreement(ways, inputs, is_bits=name == DECODER)}


def all_ways(network: nn.Module, program: Any) -> dict[str, Way]:
    """Of computing the same."""

    def fast(*given: Tensor) -> Tensor:
        with fast_arithmetic("cpu"):
            made: Tensor = network(*given)
        return made.float()

    return {FULL: network, FAST: fast, ONNX: lambda *given: run(program, *given)}


@torch.inference_mode()
def speeds(ways: Mapping[str, Way], given: Sequence[Tensor], rounds: int) -> dict[str, Any]:
    """Milliseconds of each way's fastest round; they take turns."""
    best = dict.fromkeys(ways, float("inf"))
    for turn in range(WARM + rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way(*given)
            if turn >= WARM:
                best[name] = min(best[name], time.perf_counter() - began)
    times = {f"onnxruntime against {name}": round(best[name] / best[ONNX], 2) for name in (FULL, FAST)}
    return {"milliseconds": {name: round(1000 * seconds, 2) for name, seconds in best.items()}, **times}


@torch.inference_mode()
def agreement(ways: Mapping[str, Way], given: Sequence[Tensor], *, is_bits: bool) -> dict[str, Any]:
    """How far the other two are from torch's float32."""
    exact = ways[FULL](*given)
    others = {name: ways[name](*given) for name in (FAST, ONNX)}
    apart = {name: float(f"{(made - exact).abs().max():.2g}") for name, made in others.items()}
    found: dict[str, Any] = {"apart": apart}
    if is_bits:
        equal = {name: float(((made > 0) == (exact > 0)).double().mean()) for name, made in others.items()}
        found["equal bits"] = equal
    return found


if __name__ == "__main__":
    main()
