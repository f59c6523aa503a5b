"""A learned codec for other runtimes (extra `onnx`): its two networks as ONNX programs, and a card.

    CODEC --export--> OUT/encoder.onnx   decoder.onnx   card.json   artefacts.json

    images N x 3 x size x size in [0, 1], bits N x n of 0/1 --encoder.onnx--> residual N x 3 x size x size
    images N x 3 x size x size                              --decoder.onnx--> logits N x n

Inside are the bands, the masks and the bounds, so that the residual is the one to add and a logit's sign is the bit.
Outside stay the steps of `OUTSIDE`. artfp itself reads safetensors and runs torch: onnxruntime is hardly
faster (LAB.md, measured).
"""

from __future__ import annotations

import importlib
import stat
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from artfp import __version__
from artfp.artefacts import Provenance, files_below, write_list
from artfp.codec.learned import FORMAT, LearnedCodec
from artfp.codec.mask import bounded_residual
from artfp.codec.store import codec_file, load_codec
from artfp.data.procedural import generate
from artfp.errors import ArtfpError, UsageError
from artfp.files import atomic_open, new_folder, sha256_file, write_json
from artfp.images import to_tensor
from artfp.seeds import numpy_generator

ENCODER, DECODER, CARD = "encoder.onnx", "decoder.onnx", "card.json"
OPSET = 18  # of ONNX 1.13 (December 2022): what torch's exporter writes of itself, and older runtimes read
EXAMPLES = 2  # rows of the example input; any number of rows runs
PAINTED, PAINTED_KIND, PAINTED_SEED = 16, "photo-like", 2  # what every program is tried on before it is given away
# half a step of 8 bits: in flat regions the mask is the root of a difference of nearly equal numbers
RESIDUAL_TOLERANCE, LOGITS_TOLERANCE = 0.5 / 255, 1e-3
OUTSIDE = (
    "resizing images to `size` (antialiased, bilinear) and the residual back",
    "adding strength x residual, clamping to [0, 1], rounding to 8 bits",
    "touch-up: gradient steps through the decoder where a bit is left weak",
    "the search for cuts and turns in images that read weakly",
    "soft bits, tanh(logit / 2), their mean over images, and the exact test",
)


class Marking(nn.Module):
    """What `LearnedCodec.residual` computes, but for the touch-up: that takes gradients."""

    def __init__(self, codec: LearnedCodec) -> None:
        super().__init__()
        self.encoder, self.decoder, self.psnr = codec.encoder, codec.decoder, codec.psnr

    def forward(self, images: Tensor, bits: Tensor) -> Tensor:
        """The bounded residual at the codec's own strength."""
        return bounded_residual(self.encoder(images, bits, self.decoder(images)), images, self.psnr)


@dataclass(frozen=True)
class Program:
    """A network, and how its inputs and its output are called."""

    network: nn.Module
    takes: Mapping[str, Tensor]  # examples
    gives: str


def programs(codec: LearnedCodec) -> dict[str, Program]:
    """What is exported, by the name of its file."""
    images = torch.full((EXAMPLES, 3, codec.size, codec.size), 0.5)
    bits = torch.zeros(EXAMPLES, codec.n_bits)
    return {
        ENCODER: Program(Marking(codec).eval(), {"images": images, "bits": bits}, "residual"),
        DECODER: Program(codec.decoder, {"images": images}, "logits"),
    }


def export(spec: str, out: Path) -> dict[str, Any]:
    """Write the codec called `spec` into the new folder `out`; what its card says."""
    codec = load_codec(spec)
    if not isinstance(codec, LearnedCodec):
        raise UsageError(f"{spec}: computed in closed form, it has no networks to export; name a learned codec")
    import_runtime()
    # a private codec's programs give away no less than its file, which nobody else can read
    mode = 0o600 | stat.S_IMODE(codec_file(spec).stat().st_mode) & 0o066
    with new_folder(out) as stage:
        for name, program in programs(codec).items():
            with atomic_open(stage / name, mode=mode) as stream:
                stream.write(onnx_bytes(program, identity(codec)))
        card = _described(codec, stage)
        write_json(stage / CARD, card, mode=mode)
        write_list(stage, Provenance("programs", {"codec": codec.sha256}), files_below(stage), mode=mode)
        return card


def import_runtime() -> ModuleType:
    """onnxruntime, if what writes programs is there too."""
    try:
        importlib.import_module("onnxscript")
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        raise UsageError(f"ONNX needs the extra `onnx` ({error}): pip install 'artfp[onnx]'") from error


def identity(codec: LearnedCodec) -> dict[str, Any]:
    """Which codec it is, as the card and the metadata of both programs have it."""
    return {
        "codec": codec.name,
        "sha256": codec.sha256,
        "bits": codec.n_bits,
        "size": codec.size,
        "side": codec.side,
        "psnr": codec.psnr,
        "format": FORMAT,
        "artfp": __version__,
    }


def onnx_bytes(program: Program, told: Mapping[str, Any]) -> bytes:
    """The file of a program for any number of images, its weights inside, with `told` as its metadata."""
    rows = torch.export.Dim("rows", min=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter warns of its own doings
        written: Any = torch.onnx.export(
            program.network,
            tuple(program.takes.values()),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            external_data=False,
            input_names=list(program.takes),
            output_names=[program.gives],
            dynamic_shapes=tuple({0: rows} for _ in program.takes),
        )
    # the exporter notes for every node which line of which file on this machine it comes from
    passes: Any = importlib.import_module("onnx_ir.passes.common")
    passes.ClearMetadataAndDocStringPass()(written.model)
    written.model.metadata_props.update({name: str(value) for name, value in told.items()})
    return bytes(written.model_proto.SerializeToString())


def _described(codec: LearnedCodec, folder: Path) -> dict[str, Any]:
    """The card of the programs in a folder, once they are found to compute what the codec does."""
    return {
        **identity(codec),
        "opset": OPSET,
        "programs": {name: _signature(program, folder / name) for name, program in programs(codec).items()},
        "outside": list(OUTSIDE),
        "tried": _tried(codec, folder),
    }


def _signature(program: Program, path: Path) -> dict[str, Any]:
    takes = {name: " x ".join(["N", *map(str, example.shape[1:])]) for name, example in program.takes.items()}
    return {"sha256": sha256_file(path), "takes": takes, "gives": program.gives}


def _tried(codec: LearnedCodec, folder: Path) -> dict[str, Any]:
    """How far the programs are from torch on painted images; an error if that is more than rounding."""
    images = to_tensor(np.stack(list(generate(PAINTED_KIND, PAINTED, codec.size, PAINTED_SEED))))
    draws = numpy_generator("codec export", PAINTED_SEED).integers(0, 2, (PAINTED, codec.n_bits))
    bits = torch.from_numpy(draws.astype(np.float32))
    marked = codec.embed(images, bits)
    with torch.no_grad():
        residual, logits = Marking(codec)(images, bits), codec.logits(marked)
    exported = run(session(folder / ENCODER), images, bits), run(session(folder / DECODER), marked)
    apart = float((exported[0] - residual).abs().max()), float((exported[1] - logits).abs().max())
    if not (apart[0] <= RESIDUAL_TOLERANCE and apart[1] <= LOGITS_TOLERANCE):
        raise ArtfpError(
            f"{codec.name}: onnxruntime computes something else than torch (residuals {apart[0]:.1e} apart, "
            f"log-odds {apart[1]:.1e}), so nothing is written; report it with the versions of both"
        )
    return {
        "images": PAINTED,
        "residuals_apart": apart[0],
        "logits_apart": apart[1],
        "bits": bits.numel(),
        "bits_that_differ": int(((exported[1] > 0) != (logits > 0)).sum()),
    }


def session(path: Path, threads: int = 1) -> Any:
    """The program in a file, to be run by onnxruntime on so many threads of the CPU."""
    runtime: Any = import_runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # beside others, as torch's (LAB.md)
    return runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run(program: Any, *given: Tensor) -> Tensor:
    """What a program makes of its inputs, in their order."""
    names = [taken.name for taken in program.get_inputs()]
    (made,) = program.run(None, {name: tensor.numpy() for name, tensor in zip(names, given, strict=True)})
    return torch.from_numpy(made)
