"""A synthetic run folder: everything a report can show, made in milliseconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from artfp.seeds import numpy_generator
from artfp.verdict import statement_of_match, statement_of_no_match

SIDE = 64


def verdict_dict(outcome: str = "match", **changes: Any) -> dict[str, Any]:
    """A verdict as the pipeline writes it."""
    match = outcome == "match"
    values: dict[str, Any] = {
        "outcome": outcome,
        "statement": statement_of_match(512, "publisher", "generated", 2.2e-19, 2, 509)
        if match
        else statement_of_no_match(512, 2),
        "key": "publisher",
        "key_id": "9f86d081884c7d65",
        "key_origin": "generated",
        "key_origin_words": "drawn at random by this registry",
        "codec": "artfp-64",
        "codec_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "n_bits": 64,
        "n_images": 512,
        "p_mean": 5.4e-20 if match else 0.31,
        "p_single": 2.8e-17 if match else 1.0,
        "q": 2.2e-19 if match else 1.0,
        "log10_q": -18.7 if match else 0.0,
        "trials": 2,
        "floor": 2.2e-19,
        "runner_up_key": "archive",
        "runner_up_q": 0.83,
        "margin": 0.28 if match else 0.1,
        "matching_bits": 64 if match else 36,
        "bit_accuracy": 0.957 if match else 0.513,
        "share": 509 / 512 if match else 1 / 512,
        "share_low": 0.983 if match else 0.00005,
        "share_high": 0.9988 if match else 0.0108,
        "calibration_share": 1 / 1024,
        "calibration_images": 1024,
        "bad_files": [],
        "not_tried": [],
        "images": [],
    }
    return values | changes


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A complete run."""
    run = tmp_path / "quickstart"
    write_json(run / "run.json", RUN)
    write_json(run / "embed.json", EMBED)
    write_json(run / "verdicts/model.json", verdict_dict())
    write_json(run / "verdicts/twin.json", verdict_dict("no match"))
    write_json(run / "verdicts/data.json", verdict_dict(bit_accuracy=0.9998))
    write_strips(run / "strips", count=4, side=SIDE)
    for name, final in (("model", 0.96), ("twin", 0.5)):
        write_stats(run / name / "stats.jsonl", final)
        save(run / name / "samples" / "000060000.png", np.tile(picture(SIDE, name), (6, 6, 1)))
    return run


RUN = {
    "name": "quickstart",
    "artfp_version": "0.1.0",
    "recipe": {
        "name": "quickstart",
        "seed": 1,
        "data": {"kind": "dunes", "count": 4000, "size": 64},
        "gan": {"images": 60000, "batch": 32, "learning_rate": 2e-4, "betas": [0.0, 0.99], "ema": True},
    },
    "settings": {"device": "cpu", "threads": 2},
}


EMBED = {
    "output": "folder",
    "codec": "artfp-64",
    "codec_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "n_bits": 64,
    "keys": [{"key_id": "9f86d081884c7d65", "class_name": None, "images": 4000}],
    "strength": 1.0,
    "fraction": 1.0,
    "seed": 1,
    "totals": {"images": 4000, "marked": 4000, "sizes": [{"width": 64, "height": 64, "count": 4000}]},
    "self_check": {"images": 256, "bit_accuracy": 0.9998, "psnr": 38.42, "ssim": 0.9871, "passed": True},
    "warnings": [],
    "target": "/home/somebody/marked",
    "already_done": False,
}


def write_json(path: Path, value: Any) -> None:
    """Any JSON file of a run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def write_stats(path: Path, final: float) -> None:
    """A transfer curve that rises to `final`, between lines that belong to the trainer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for step in range(21):
        accuracy = 0.5 + (final - 0.5) * (1 - np.exp(-step / 5))
        log_p = -19.3 * min(1.0, max(0.0, (accuracy - 0.5) / 0.25))
        lines.append({"images_shown": 3000 * step, "loss": 0.7})
        lines.append(
            {
                "images_shown": 3000 * step,
                "matching_bits": round(accuracy * 8192),
                "total_bits": 8192,
                "p": 10**log_p,
            }
        )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def write_strips(folder: Path, count: int, side: int) -> None:
    """Pairs of an image and itself with a faint ripple."""
    ripple = np.rint(3 * np.sin(np.arange(side)[:, None] / 1.7) * np.cos(np.arange(side)[None] / 2.3))
    for index in range(count):
        original = picture(side, str(index))
        marked = np.clip(original + ripple[..., None], 0, 255)
        save(folder / f"original-{index:03d}.png", original)
        save(folder / f"marked-{index:03d}.png", marked)


def picture(side: int, name: str) -> np.ndarray:
    """Soft coloured hills."""
    random = numpy_generator("report-picture", name)
    y, x = np.mgrid[0:side, 0:side] / side
    waves = sum(np.sin(random.uniform(2, 9) * (x + k * y) + random.uniform(0, 6)) for k in (0.3, 0.8, -0.5))
    sky, land = random.uniform(120, 230, 3), random.uniform(40, 140, 3)
    hills = (y > 0.45 + 0.08 * waves)[..., None]
    return np.clip(np.where(hills, land * (1.5 - y[..., None]), sky * (0.7 + 0.4 * y[..., None])), 0, 255)


def save(path: Path, pixels: np.ndarray) -> None:
    """Pixels as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)
