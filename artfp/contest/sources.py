"""The images of a comparison, and the models that they are of.

RUN/keys.sqlite                    a key for each owner
RUN/data/COLLECTION/real           photographs at the comparison's size
RUN/data/COLLECTION/taught         those of them that generators see: all but what tests passive systems
RUN/data/COLLECTION/marked-OWNER   the same, marked
RUN/models/NAME-clean, NAME-marked trainings            *.jsonl  the seconds that each took
RUN/images/NAME-clean, NAME-marked their images         ...@jpeg the same with the traces of a JPEG file

Photographs that test passive systems are seen by no generator.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from artfp import recipe as recipes
from artfp.codec.store import load_codec
from artfp.contest.photographs import Photograph, photographs
from artfp.contest.settings import COLLECTIONS, JPEG, NOBODY, REAL, REAL_OTHER, Contest, ModelSpec, collection_of
from artfp.contest.work import Piece
from artfp.data.labels import Label
from artfp.data.listing import LABEL_FILE
from artfp.data.procedural import generate
from artfp.data.readers import Entry, Source, open_source
from artfp.data.writers import image_name
from artfp.embed import EmbedSettings, embed_dataset
from artfp.errors import UsageError
from artfp.files import new_folder
from artfp.generators import training
from artfp.generators.folder import DONE
from artfp.generators.sampling import load_generator, made_from_of, write_samples
from artfp.generators.settings import GanRecipe
from artfp.generators.transfer import monitor_for
from artfp.images import LoadedImage, encode_png, load_image
from artfp.keys.registry import Registry
from artfp.passive.classes import TEST, Pixels, part_of
from artfp.perturb.pillow import stored
from artfp.reading import Progress
from artfp.shipped import find_recipe
from artfp.timing import timed

CLEAN, MARKED = "clean", "marked"
VARIANTS = (CLEAN, MARKED)


@dataclass(frozen=True)
class Studio:
    """Where a comparison's images are made."""

    contest: Contest
    folder: Path
    device: str = "cpu"

    def real(self, collection: str) -> Path:
        """All photographs of a collection."""
        return self.folder / "data" / collection / "real"

    def data(self, collection: str, owner: str) -> Path:
        """What generators are trained on: marked for their owner, or as it is for NOBODY."""
        return self.folder / "data" / collection / ("taught" if owner == NOBODY else f"marked-{owner}")

    def model(self, name: str, variant: str) -> Path:
        """A training."""
        return self.folder / "models" / f"{name}-{variant}"

    def cost(self, name: str, variant: str) -> Path:
        """The seconds of a training."""
        return self.folder / "models" / f"{name}-{variant}.jsonl"

    def cost_of_marking(self, collection: str, owner: str) -> Path:
        """The seconds in which data were marked."""
        return self.folder / "data" / collection / f"marked-{owner}.jsonl"

    def images(self, source: str, variant: str) -> Path:
        """The images of a source; photographs have no variants."""
        plain, collection = source.removesuffix(JPEG), collection_of(source)
        if collection is not None and plain == source:
            return self.real(collection)
        name = f"{plain}-{variant}" if collection is None else f"{REAL}-{collection}"
        return self.folder / "images" / (name + source.removeprefix(plain))

    def registry(self) -> Registry:
        """The keys."""
        return Registry(self.folder / "keys.sqlite")

    def pieces(self) -> list[Piece]:
        """All that can be made here; what is needed of it depends on the courses."""
        contest, found = self.contest, []
        for collection in COLLECTIONS:
            found += list(self._of_collection(collection))
        for spec in contest.models:
            for variant in VARIANTS:
                found += list(self._of_model(spec, variant))
        return found + list(self._stored())

    def _of_collection(self, collection: str) -> Iterator[Piece]:
        real, taught = self.real(collection), self.data(collection, NOBODY)
        yield Piece(f"{collection}-real", real, lambda tell: self._gather(collection, tell))
        yield Piece(f"{collection}-taught", taught, lambda tell: self._teach(collection, tell), (real,))
        owners = dict.fromkeys(spec.owner for spec in self.contest.models if spec.data == collection)
        for owner in (each for each in owners if each != NOBODY):
            target = self.data(collection, owner)
            yield Piece(
                f"{collection}-{target.name}",
                target,
                lambda tell, owner=owner: self._mark(collection, owner, tell),  # type: ignore[misc]
                (taught,),
            )

    def _of_model(self, spec: ModelSpec, variant: str) -> Iterator[Piece]:
        owner = NOBODY if variant == CLEAN else spec.owner
        done, images = self.model(spec.name, variant) / DONE, self.images(spec.name, variant)
        before = [self.data(spec.data, owner)]
        if spec.start is not None:
            before.append(self.model(spec.start, variant) / DONE)
        name = f"{spec.name}-{variant}"
        yield Piece(f"train-{name}", done, lambda tell: self._train(spec, variant, owner, tell), tuple(before))
        yield Piece(f"sample-{name}", images, lambda tell: self._sample(spec, variant, tell), (done,))

    def _stored(self) -> Iterator[Piece]:
        """Every source there is, as JPEG leaves it."""
        for source in (REAL, REAL_OTHER, *self.contest.by_name):
            for variant in (CLEAN,) if source in (REAL, REAL_OTHER) else VARIANTS:
                plain, target = self.images(source, variant), self.images(source + JPEG, variant)
                yield Piece(
                    f"store-{target.name}",
                    target,
                    lambda tell, plain=plain, target=target: self._store(plain, target, tell),  # type: ignore[misc]
                    (plain,),
                )

    def _gather(self, collection: str, tell: Progress) -> None:
        """Photographs at the comparison's size."""
        given, size, seed = self.contest.images(collection), self.contest.size, self.contest.seed
        target = self.real(collection)
        target.parent.mkdir(parents=True, exist_ok=True)
        if given.path is None:
            painted = enumerate(generate(given.kind, given.count, size, seed))
            _write(target, (Photograph(number, pixels, None) for number, pixels in painted), given.count, tell)
            return
        with open_source(given.path) as source:
            _write(target, photographs(source, given, size, seed), given.count, tell)

    def _teach(self, collection: str, tell: Progress) -> None:
        """All photographs but those that passive systems are tested with, which no generator may have seen."""
        with open_source(self.real(collection)) as source:
            chosen = [entry for entry in source if part_of(entry.name) != TEST]
            shown = (Photograph(_number(entry), _pixels(source, entry.index), entry.label) for entry in chosen)
            _write(self.data(collection, NOBODY), shown, len(chosen), tell)

    def _mark(self, collection: str, owner: str, tell: Progress) -> None:
        target, codec = self.data(collection, owner), load_codec(self.contest.codec).to(self.device)
        settings = EmbedSettings(self.data(collection, NOBODY), target, owner, self.contest.strength)
        with self.registry() as registry, timed(self.cost_of_marking(collection, owner)):
            registry.ensure([owner])
            embed_dataset(settings, codec, registry, tell)

    def _train(self, spec: ModelSpec, variant: str, owner: str, tell: Progress) -> None:
        data, out = self.data(spec.data, owner), self.model(spec.name, variant)
        out.parent.mkdir(parents=True, exist_ok=True)
        monitor = None
        if owner != NOBODY:
            with self.registry() as registry:
                monitor = monitor_for(data, registry, owner, self.contest.codec)
            monitor.codec.to(self.device)
        start = None if spec.start is None else self.model(spec.start, variant)
        twin = variant == CLEAN
        recipe = dataclasses.replace(recipe_of(spec, self.contest, data), start=start)
        with timed(self.cost(spec.name, variant)):
            training.train(recipe, data, out, monitor, tell, self.device, twin=twin)

    def _sample(self, spec: ModelSpec, variant: str, tell: Progress) -> None:
        generator = load_generator(self.model(spec.name, variant)).to(self.device)
        target = self.images(spec.name, variant)
        target.parent.mkdir(parents=True, exist_ok=True)
        made_from = made_from_of(self.model(spec.name, variant))
        write_samples(generator, target, self.contest.samples, self.contest.seed, tell, made_from=made_from)

    def _store(self, plain: Path, target: Path, tell: Progress) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        quality = self.contest.jpeg
        with open_source(plain) as source:
            shown = (
                Photograph(_number(entry), _as_jpeg(_pixels(source, entry.index), quality), None) for entry in source
            )
            _write(target, shown, len(source), tell)


def recipe_of(spec: ModelSpec, contest: Contest, data: Path | None = None) -> GanRecipe:
    """How a model is trained; what its recipe says of classes holds where the data have some."""
    recipe = recipes.load(find_recipe(spec.recipe), GanRecipe)
    if recipe.size not in (None, contest.size):
        raise UsageError(f"{spec.name}: recipe {spec.recipe} is for {recipe.size} px, the comparison of {contest.size}")
    changed: dict[str, Any] = {"seed": spec.seed, "size": contest.size, "loss": spec.loss}
    if spec.images is not None:
        changed["images"] = spec.images
    if recipe.classes and data is not None:
        with open_source(data) as source:
            changed["classes"] = source.labels.count() > 1
    return dataclasses.replace(recipe, **changed)


def _pixels(source: Source, place: int) -> Pixels:
    return load_image(source.read_at(place), source[place].name).rgb


def _as_jpeg(pixels: Pixels, quality: int) -> Pixels:
    return np.asarray(stored(Image.fromarray(pixels), "JPEG", quality))


def _number(entry: Entry) -> int:
    """Of a file that is called as `image_name` calls it, or as samples are."""
    return int(PurePosixPath(entry.name).stem.removeprefix("img"))


def _write(target: Path, shown: Iterator[Photograph], count: int, tell: Progress) -> None:
    """PNG files, and their labels where each has one."""
    labels: dict[str, Label | None] = {}
    with new_folder(target) as stage:
        for each in shown:
            name = image_name(each.number)
            (stage / name).parent.mkdir(exist_ok=True)
            (stage / name).write_bytes(encode_png(LoadedImage(each.pixels)))
            labels[name] = each.label
            tell(len(labels), count, "")
        if all(label is not None for label in labels.values()):
            document = {"labels": list(labels.items())}
            (stage / LABEL_FILE).write_text(json.dumps(document), encoding="utf-8")
