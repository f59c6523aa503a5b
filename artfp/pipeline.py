"""A recipe's stages as functions, in order, each resumable, into one run folder.

RUN/run.json         recipe and version: a folder belongs to one recipe      RUN/keys.sqlite  the run's own keys
RUN/data/original    procedural images (a recipe may name a dataset instead) RUN/data/marked  the same, marked
RUN/model  RUN/twin  the two trainings                                       RUN/generated/   samples of both
RUN/verdicts         model, twin, data                                       RUN/strips       before and after
RUN/report.html      RUN/artefacts.json  hashes of all these, but of the originals: the marked data's manifest has them
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artfp import __version__
from artfp import recipe as recipes
from artfp.artefacts import LIST, Provenance, unlisted, write_list
from artfp.codec.base import Codec
from artfp.codec.store import codec_for, load_codec, suitable_for
from artfp.data.manifest import MANIFEST, made_from, read_manifest
from artfp.data.procedural import KINDS, generate
from artfp.data.readers import collect, open_source
from artfp.embed import EmbedSettings, embed_dataset
from artfp.errors import UsageError
from artfp.files import working_alone, write_json
from artfp.generators import training
from artfp.generators.base import Shape
from artfp.generators.dataset import size_of_first
from artfp.generators.families import check_used, planned_learner
from artfp.generators.sampling import load_generator, made_from_of, read_sources, write_samples
from artfp.generators.settings import GanRecipe
from artfp.generators.transfer import monitor_for
from artfp.images import LoadedImage, encode_png, load_image
from artfp.keys.registry import Registry
from artfp.ownership import check_owner
from artfp.recipe import setting
from artfp.report.page import write_report
from artfp.report.templates import PAGE
from artfp.seals import sealed
from artfp.verdict import Verdict, read_verdict
from artfp.verify import verify

# Shows a stage's progress: a context for its name, which gives a function of (done, total, note).
Watch = Callable[[str], AbstractContextManager[Callable[[int, int, str], None]]]

RUN, EMBED = "run.json", "embed.json"
STRIPS = 6  # images shown before and after


@dataclass(frozen=True)
class DataSettings:
    """A dataset at `path`, or `count` procedural images of a `kind`."""

    path: Path | None = setting(None)
    kind: str = setting("horizons", choices=tuple(KINDS))
    count: int = setting(4000, low=2)
    size: int = setting(32, low=16, high=1024)


@dataclass(frozen=True)
class MarkSettings:
    """How the data are marked."""

    codec: str = setting("auto")
    strength: float = setting(1.0, low=0)
    fraction: float = setting(1.0, low=0, high=1)


@dataclass(frozen=True)
class RunRecipe:
    """A whole experiment, from images to verdicts."""

    name: str
    key: str
    seed: int = setting(0, low=0)
    samples: int = setting(256, low=1)  # images generated and verified
    twin: bool = setting(True)  # also train the clean twin
    data: DataSettings = dataclasses.field(default_factory=DataSettings)
    embed: MarkSettings = dataclasses.field(default_factory=MarkSettings)
    gan: GanRecipe = dataclasses.field(default_factory=GanRecipe)


@dataclass(frozen=True)
class Run:
    """What every stage needs."""

    recipe: RunRecipe
    folder: Path
    registry: Registry
    codec: Codec
    device: str
    watch: Watch

    @property
    def original(self) -> Path:
        """The unmarked dataset."""
        return self.recipe.data.path or self.folder / "data" / "original"

    @property
    def marked(self) -> Path:
        """The marked dataset."""
        return self.folder / "data" / "marked"

    @property
    def models(self) -> tuple[str, ...]:
        """The trainings of this run."""
        return ("model", "twin") if self.recipe.twin else ("model",)


def run(recipe: RunRecipe, folder: Path, registry_path: Path | None, device: str, watch: Watch) -> dict[str, Verdict]:
    """Carry out, or go on with, all stages; gives the verdicts by name."""
    with _opened(recipe, folder, registry_path, device, watch) as opened:
        for stage in STAGES:
            stage(opened)
        return {name: read_verdict(opened.folder / "verdicts" / f"{name}.json") for name in (*opened.models, "data")}


def check(recipe: RunRecipe, folder: Path, device: str) -> dict[str, Any]:
    """The plan of a run, after everything that can be checked without working; changes nothing."""
    codec = _codec(recipe, device)
    check_owner(folder, RUN, _description(recipe), "a run", apart=("artfp_version",))
    plan: dict[str, Any] = {"name": recipe.name, "out": str(folder), "codec": codec.name, "key": recipe.key}
    if recipe.data.path is not None:
        with open_source(recipe.data.path) as source:
            size = size_of_first(source)
            plan |= {"images": len(source), "data": str(recipe.data.path)}
    else:
        size = recipe.data.size
        plan |= {"images": recipe.data.count, "data": f"procedural {recipe.data.kind} at {recipe.data.size} px"}
    if recipe.gan.size not in (None, size) and not recipe.gan.resize:
        raise UsageError(
            f"the images are {size} px, but gan.size is {recipe.gan.size}: leave it out, or set gan.resize"
        )
    if recipe.gan.data is not None:
        raise UsageError("gan.data: a run trains on the data that it marks; leave it out")
    if recipe.gan.keyed:
        raise UsageError(
            "gan.keyed: a run marks its data with one key; use embed-dataset --key-per image and train-gan"
        )
    if recipe.gan.classes and recipe.data.path is None:
        raise UsageError("gan.classes: painted images have no classes")
    check_used(recipe.gan)
    planned_learner(recipe.gan, Shape(size, int(recipe.gan.classes)), "cpu")  # says what its family needs
    plan |= {"images shown": recipe.gan.images, "trainings": 1 + recipe.twin, "samples": recipe.samples}
    return plan


def make_data(run: Run) -> None:
    """Paint the procedural dataset, unless the recipe names one."""
    target, data = run.original, run.recipe.data
    if data.path is not None or target.exists():
        return
    stage = target.with_name(f".{target.name}.artfp-partial")
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    with run.watch("paint") as advance:
        for index, pixels in enumerate(generate(data.kind, data.count, data.size, run.recipe.seed)):
            (stage / f"{data.kind}-{index:06d}.png").write_bytes(encode_png(LoadedImage(pixels)))
            advance(index + 1, data.count, "")
    stage.rename(target)


def mark_data(run: Run) -> None:
    """Make the key if it is new, and mark the dataset with it."""
    run.marked.parent.mkdir(parents=True, exist_ok=True)
    if run.recipe.key not in run.registry.names():
        run.registry.new(run.recipe.key)
    with run.watch("embed") as advance:
        result = embed_dataset(_embed_settings(run), run.codec, run.registry, advance)
    if not (result.already_done and (run.folder / EMBED).is_file()):  # what the first run measured stays as it is
        write_json(run.folder / EMBED, result.to_dict())


def _embed_settings(run: Run) -> EmbedSettings:
    mark = run.recipe.embed
    return EmbedSettings(run.original, run.marked, run.recipe.key, mark.strength, mark.fraction, seed=run.recipe.seed)


def train_models(run: Run) -> None:
    """Train the generator on the marked images, and its twin on the originals with the same seed."""
    for name in run.models:
        data = run.marked if name == "model" else run.original
        monitor = monitor_for(run.marked, run.registry, run.recipe.key, run.recipe.embed.codec)
        monitor.codec.to(run.device)
        with run.watch(f"train {name}") as advance:
            training.train(run.recipe.gan, data, run.folder / name, monitor, advance, run.device, twin=name == "twin")


def sample_models(run: Run) -> None:
    """Generate the images that are judged."""
    for name in run.models:
        target = run.folder / "generated" / name
        if target.exists():
            continue
        generator = load_generator(run.folder / name).to(run.device)
        with run.watch(f"sample {name}") as advance:
            sources = read_sources(generator, run.recipe.gan.source, advance)
            made_from = made_from_of(run.folder / name, run.recipe.gan.source)
            count, seed = run.recipe.samples, run.recipe.seed
            write_samples(generator, target, count, seed, advance, sources=sources, made_from=made_from)


def judge(run: Run) -> None:
    """Verify the model's images, the twin's, and the marked data themselves."""
    (run.folder / "verdicts").mkdir(exist_ok=True)
    folders = {name: run.folder / "generated" / name for name in run.models} | {"data": run.marked}
    for name, folder in folders.items():
        path = run.folder / "verdicts" / f"{name}.json"
        if path.exists():
            continue
        items = list(collect([str(folder)]))[: run.recipe.samples]
        with run.watch(f"verify {name}") as advance:
            verdict = verify(items, run.registry, [run.codec], run.recipe.key, on_progress=advance)
        write_json(path, sealed(verdict.to_dict()))


def show_strips(run: Run) -> None:
    """Copy a few images before and after marking to where the report looks for them."""
    target = run.folder / "strips"
    target.mkdir(exist_ok=True)
    with open_source(run.original) as originals, open_source(run.marked) as marked:
        step = max(1, len(originals) // STRIPS)
        for index in range(0, min(len(originals), len(marked)), step)[:STRIPS]:
            for side, source in (("original", originals), ("marked", marked)):
                image = load_image(source.read_at(index), source[index].name)
                (target / f"{side}-{index}.png").write_bytes(encode_png(image))


def write_page(run: Run) -> None:
    """Render the report."""
    write_report(run.folder)


def list_files(run: Run) -> None:
    """List all that was made, once: whoever runs the same command again does not take what it finds for the original.

    The keys are left out, which are private and change as they are used.
    """
    folder = run.folder
    if (folder / LIST).is_file():
        return
    manifest = read_manifest(run.marked) or {}
    parts = [RUN, EMBED, PAGE, *run.models, *(f"generated/{name}" for name in run.models), "verdicts", "strips"]
    names = [name for part in parts for name in unlisted(folder, part)]
    write_list(folder, Provenance("run", made_from(manifest)), [*names, f"data/marked/{MANIFEST}"])


STAGES: tuple[Callable[[Run], None], ...] = (
    make_data,
    mark_data,
    train_models,
    sample_models,
    judge,
    show_strips,
    write_page,
    list_files,
)


@contextmanager
def _opened(recipe: RunRecipe, folder: Path, registry_path: Path | None, device: str, watch: Watch) -> Iterator[Run]:
    check(recipe, folder, device)
    codec = _codec(recipe, device)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / RUN).exists():
        write_json(folder / RUN, _description(recipe))
    with working_alone(folder), Registry(registry_path or folder / "keys.sqlite") as registry:
        yield Run(recipe, folder, registry, codec, device, watch)


def _codec(recipe: RunRecipe, device: str) -> Codec:
    spec, data = recipe.embed.codec, recipe.data
    if data.path is not None:
        return codec_for(data.path, spec).to(device)
    return load_codec(suitable_for(data.size) if spec == "auto" else spec).to(device)


def _description(recipe: RunRecipe) -> dict[str, Any]:
    plain = recipes.to_dict(recipe)
    return {"name": recipe.name, "artfp_version": __version__, "recipe": plain}
