"""Other people's generators as torch programs."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image
from torch import Tensor, nn

from artfp.cli.main import artfp
from artfp.errors import BadInputError, UsageError
from artfp.generators.dcgan import DcganGenerator
from artfp.generators.export import PROGRAM, program_of
from artfp.generators.program import load_program, sample_program
from artfp.generators.sampling import sample, save_generator

ANY_ROWS = {0: torch.export.Dim("rows", min=1)}
SIDE = 8


class Stranger(nn.Module):
    """Noise of its own beside the one it is given, images in [-1, 1], and an optional condition."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.line = nn.Linear(4, 3 * SIDE * SIDE)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        images = self.line(z).view(-1, 3, SIDE, SIDE) + 0.1 * torch.randn(z.shape[0], 1, SIDE, SIDE)
        if c is not None and c.shape[1]:
            images = images + c[:, :1, None, None]
        return torch.tanh(images)


def write(path: Path, network: nn.Module, inputs: tuple[Any, ...], shapes: Any = None, **named: Any) -> Path:
    torch.export.save(torch.export.export(network, inputs, named, dynamic_shapes=shapes), path)
    return path


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """A program of any number of rows."""
    return write(tmp_path / "stranger.pt2", Stranger(), (torch.zeros(2, 4),), {"z": ANY_ROWS})


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    """Samples three images into tmp_path/out."""

    def invoke(*words: str | Path) -> Result:
        return CliRunner().invoke(artfp, ["sample", "--count", "3", *map(str, words), str(tmp_path / "out")])

    return invoke


def pixels(path: Path, count: int, chosen: int | None = None, *, seed: int = 0, signed: bool = True) -> np.ndarray:
    program = load_program(path, "cpu", signed=signed, trusted=True)
    return np.concatenate(list(sample_program(program, count, seed, chosen)))


def test_an_exported_generator_gives_the_images_of_its_run(tmp_path: Path, run: Callable[..., Result]) -> None:
    """Within a grey level: the program's kernels may add in another order."""
    torch.manual_seed(1)
    generator = DcganGenerator(16, latent=8, width=4, most=8).eval()
    save_generator(tmp_path / "generator.safetensors", generator, "dcgan", {})
    torch.export.save(program_of(generator), tmp_path / PROGRAM)
    done = run("--program", "--trust", tmp_path / PROGRAM, "--json")
    assert done.exit_code == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts == {"out": str(tmp_path / "out"), "count": 3, "seed": 0, "width": 16, "height": 16}
    files = sorted((tmp_path / "out").glob("*.png"))
    assert [path.name for path in files] == [f"img{index:08d}.png" for index in range(3)]
    made = np.stack([np.asarray(Image.open(path)) for path in files]).astype(int)
    assert np.abs(made - np.concatenate(list(sample(generator, 3, 0)))).max() <= 1


def test_an_image_follows_from_the_seed_and_its_place_also_where_the_program_draws_itself(stranger: Path) -> None:
    many = pixels(stranger, 40)
    assert many.shape == (40, SIDE, SIDE, 3)
    assert len({image.tobytes() for image in many}) == 40
    np.testing.assert_array_equal(pixels(stranger, 33), many[:33])
    assert not np.array_equal(pixels(stranger, 3, seed=1), many[:3])


@pytest.mark.parametrize(
    ("inputs", "shapes", "named"),
    [
        ((torch.zeros(3, 4),), None, {}),
        ((torch.zeros(2, 4), None), {"z": ANY_ROWS, "c": None}, {}),
        ((torch.zeros(2, 4), torch.zeros(2, 0)), {"z": ANY_ROWS, "c": ANY_ROWS}, {}),
        ((torch.zeros(2, 4),), {"z": ANY_ROWS, "c": ANY_ROWS}, {"c": torch.zeros(2, 5)}),
    ],
    ids=["three rows at a time", "no condition", "a condition of no columns", "a condition by name"],
)
def test_whatever_way_a_program_takes_its_inputs(
    inputs: tuple[Any, ...], shapes: Any, named: dict[str, Tensor], tmp_path: Path
) -> None:
    path = write(tmp_path / "x.pt2", Stranger(), inputs, shapes, **named)
    assert pixels(path, 7).shape == (7, SIDE, SIDE, 3)
    if named:
        assert pixels(path, 7, chosen=0).mean() > pixels(path, 7, chosen=1).mean() + 20


def test_a_class_that_a_program_does_not_know_is_refused(stranger: Path, run: Callable[..., Result]) -> None:
    done = run("--program", "--trust", "--signed", "--class", "0", stranger)
    assert (done.exit_code, "knows no classes" in done.stderr) == (2, True)


def test_a_range_that_cannot_be_meant_is_told(stranger: Path) -> None:
    with pytest.raises(UsageError, match=r"reach down to -\d\.\d\d; if they lie in \[-1, 1\], add --signed"):
        pixels(stranger, 1, signed=False)


class Bomb:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


def test_a_program_is_not_opened_before_its_maker_is_trusted(stranger: Path, tmp_path: Path) -> None:
    """The second half holds the reason: torch unpickles what it finds. Should it fail one day, --trust can go."""
    mined, mark = tmp_path / "mined.pt2", tmp_path / "mark"
    inputs = io.BytesIO()
    torch.save(Bomb(mark), inputs, pickle_module=pickle)
    with zipfile.ZipFile(stranger) as whole, zipfile.ZipFile(mined, "w", zipfile.ZIP_STORED) as copy:
        for name in whole.namelist():
            copy.writestr(name, inputs.getvalue() if name.endswith("sample_inputs/model.pt") else whole.read(name))
    with pytest.raises(UsageError, match="runs code of whoever made it.*add --trust"):
        load_program(mined, "cpu", signed=True, trusted=False)
    assert not mark.exists()
    with pytest.raises(BadInputError, match=r"mined\.pt2: not a program that this torch loads"):
        load_program(mined, "cpu", signed=True, trusted=True)
    assert mark.exists()


def test_what_is_no_program_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.pt2: no such file"):
        load_program(tmp_path / "absent.pt2", "cpu", signed=True, trusted=True)
    (tmp_path / "noise.pt2").write_bytes(b"noise")
    with pytest.raises(BadInputError, match=r"noise\.pt2: not a program"):
        load_program(tmp_path / "noise.pt2", "cpu", signed=True, trusted=True)


class Lookup(nn.Module):
    """Takes integers."""

    def forward(self, index: Tensor) -> Tensor:
        return index.float()


class Other(nn.Module):
    """Gives no images: two results, grey ones, or none that are numbers."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, z: Tensor) -> Any:
        images = z[:, :1, None, None].expand(-1, 1 if self.kind == "grey" else 3, SIDE, SIDE).abs()
        return (images, images) if self.kind == "pair" else images / (0 if self.kind == "endless" else 1)


def test_programs_of_other_inputs_and_outputs_are_refused(tmp_path: Path) -> None:
    numbers = write(tmp_path / "lookup.pt2", Lookup(), (torch.zeros(2, 4, dtype=torch.int64),))
    with pytest.raises(BadInputError, match=r"lookup\.pt2: takes \[\(2, 4\)\]; needed are rows of noise"):
        load_program(numbers, "cpu", signed=True, trusted=True)
    for kind, words in {"pair": "gives no images, but", "grey": r"must be N x 3 x H x W, not \(2, 1, 8, 8\)"}.items():
        path = write(tmp_path / f"{kind}.pt2", Other(kind), (torch.zeros(2, 4),))
        with pytest.raises(BadInputError, match=rf"{kind}\.pt2: .*{words}"):
            pixels(path, 1)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--trust"], "--trust: is for --program"),
        (["--steps", "3"], "--steps: is for --pipeline"),
        (["--program", "--source", "x"], "--source: does not go with --program"),
        (["--pipeline", "--class", "0"], "--class: does not go with --pipeline"),
    ],
)
def test_options_that_would_do_nothing_are_refused(words: list[str], why: str, run: Callable[..., Result]) -> None:
    done = run(*words, "x.pt2")
    assert (done.exit_code, why in done.stderr) == (2, True)
