"""A detector in this process, and one in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from detectors import PATIENCE, HereAsk, Pixels, Serve, World
from starlette.testclient import TestClient

from artfp.codec.dct import DctCodec
from artfp.data.procedural import generate
from artfp.images import LoadedImage, encode_png, to_pixels, to_tensor
from artfp.keys.registry import Registry
from artfp.serve.app import Detector
from artfp.serve.journal import Journal
from artfp.serve.limits import Gate
from artfp.serve.settings import Bench, Limits, Settings
from artfp.serve.waiting import Ask, Queue


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Keys are drawn: an unmarked image or set matches one with a chance of one in a million."""
    folder, codec = tmp_path_factory.mktemp("serve"), DctCodec()
    pixels = np.stack(list(generate("photo-like", 6, 64, seed=12)))
    with Registry(folder / "keys.sqlite") as registry:
        registry.new_many(["mine", "other", "never-used"])
        pairs = registry.pair_many(["mine", "other"], codec.facts())
    marked = to_pixels(codec.embed(to_tensor(pixels), torch.from_numpy(pairs[0].bits.copy())))
    return World(folder / "keys.sqlite", _files(marked), _files(pixels), folder / "audit.jsonl")


def _files(images: Pixels) -> list[bytes]:
    return [encode_png(LoadedImage(image)) for image in images]


@pytest.fixture
def serve(world: World, tmp_path: Path) -> Iterator[Serve]:
    """Makes clients of detectors: `limits` and fields of the bench or the settings differ from the usual ones."""
    opened: list[TestClient] = []
    usual = Settings(audit=tmp_path / "audit.jsonl")

    def make(
        ask: Ask | None = None,
        clock: Callable[[], float] = lambda: 0.0,
        bench: dict[str, object] | None = None,
        **fields: object,
    ) -> TestClient:
        limits = fields.pop("limits", Limits())
        settings = replace(usual, limits=limits, **fields)
        usual_bench = {"registry": world.registry, "pixels": limits.pixels, "least_images": limits.least_images}
        chosen = Bench(**{**usual_bench, **(bench or {})})
        queue = Queue(ask or HereAsk(chosen), limits.judging_seconds, 1e-3, 1e-3)
        journal = Journal(settings.audit, settings.audit_bytes)
        detector = Detector(settings, queue, Gate(limits, clock), journal, chosen.three_words)
        client = TestClient(
            detector.app(), "http://127.0.0.1", raise_server_exceptions=False, client=("192.0.2.7", 50_000)
        )
        opened.append(client)
        return client.__enter__()

    yield make
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture(scope="session")
def served(world: World) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address and the process of `artfp serve`; told to end, it does so with 0."""
    command = [sys.executable, "-m", "artfp", "serve", "--port", "0", "--device", "cpu", "--registry", world.registry]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [*map(str, command), "--audit", str(world.audit)], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
