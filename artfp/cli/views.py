"""The options that say on which images a codec is measured, and how they are taken."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from artfp.errors import UsageError

if TYPE_CHECKING:
    from artfp.codec.base import Codec
    from artfp.codec.evaluation import Images

OPTIONS = (
    click.argument("spec", metavar="CODEC"),
    click.argument("data", type=click.Path(path_type=Path)),
    click.option("--limit", type=click.IntRange(1), help="Use at most this many images, chosen by the seed."),
    click.option("--size", type=click.IntRange(16), help="Side of the centre squares [default: the codec's images']."),
    click.option("--crop", is_flag=True, help="Cut the squares out at full resolution instead of resizing."),
    click.option("--full", is_flag=True, help="Take every image at its own size and aspect, instead of squares."),
)


@dataclass(frozen=True)
class View:
    """What those options say."""

    spec: str
    data: Path
    limit: int | None
    size: int | None
    crop: bool
    full: bool

    def __post_init__(self) -> None:
        if self.full and (self.size or self.crop):
            raise UsageError("--full takes images as they are: neither --size nor --crop goes with it")

    def codec(self, device: str) -> Codec:
        """The codec to be measured, where it is to compute."""
        from artfp.codec.store import codec_for

        return codec_for(self.data, self.spec).to(device)

    def side(self, codec: Codec) -> int:
        """Of the squares."""
        return self.size or codec.side

    def images(self, codec: Codec, seed: int) -> AbstractContextManager[Images]:
        """The images, in batches."""
        from artfp.codec.pool import viewed

        way = "full" if self.full else "cropped" if self.crop else "resized"
        return viewed(self.data, way, self.side(codec), self.limit, seed)


def view_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options; the command gets them as one `view`."""

    @functools.wraps(command)
    def with_view(
        spec: str, data: Path, limit: int | None, size: int | None, crop: bool, full: bool, **rest: object
    ) -> None:
        command(view=View(spec, data, limit, size, crop, full), **rest)

    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(OPTIONS), with_view)
