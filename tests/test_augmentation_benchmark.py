"""The benchmark of augmentation in miniature: rows, the table, and rows that are not made twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from artfp.codec.dct import DctCodec
from artfp.data.procedural import generate
from artfp.embed import EmbedSettings, embed_dataset
from artfp.keys.registry import Registry
from benchmarks import augmentation


def test_each_setting_becomes_a_row_once(
    tmp_path: Path,
    write_pngs: Callable[..., list[Path]],
    dct: DctCodec,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_pngs(tmp_path / "clean", np.stack(list(generate("photo-like", 8, 16, 3))))
    registry.new("studio")
    embed_dataset(EmbedSettings(tmp_path / "clean", tmp_path / "marked", "studio"), dct, registry)
    folders = {"registry": registry.path, "out": tmp_path / "rows", "scratch": tmp_path / "scratch"}
    paths = [text for name, path in folders.items() for text in (f"--{name}", str(path))]
    brief = ["--size", "16", "--images", "64", "--every", "32", "--looked-at", "8", "--threads", "1"]
    monkeypatch.setattr(augmentation, "SETTINGS", {name: augmentation.SETTINGS[name] for name in ("none", "adaptive")})

    def call(*more: str) -> str:
        monkeypatch.setattr("sys.argv", ["augmentation", str(tmp_path / "marked"), *paths, *more])
        augmentation.main()
        return capsys.readouterr().out

    first = call(*brief)
    assert first.count("| 64 |") == 2
    row = json.loads((tmp_path / "rows" / "adaptive.json").read_text())
    assert [look["images_shown"] for look in row["looks"]] == [32, 64]
    assert row["settings"]["augment_target"] == 0.6
    written = (tmp_path / "rows" / "none.json").stat().st_mtime_ns
    assert call(*brief) == call("--table") == first
    assert (tmp_path / "rows" / "none.json").stat().st_mtime_ns == written
    brief[brief.index("64")] = "32"
    with pytest.raises(SystemExit):
        call(*brief)
    assert "other settings" in capsys.readouterr().err
