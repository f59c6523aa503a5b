"""`artfp verify --c2pa`: drafts of C2PA manifests for the images that match by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from artfp.cli.console import err, printable, warn
from artfp.errors import UsageError
from artfp.files import LONE, check_new, json_text, new_folder
from artfp.iptc import TERMS

if TYPE_CHECKING:
    from artfp.keys.registry import Registry
    from artfp.verdict import Verdict

c2pa_option = click.option(
    "--c2pa",
    "drafts_folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write a draft C2PA manifest, NAME.c2pa.json, for each image that matches by itself, into DIR, a new folder. "
    "Nobody has signed it, and its algorithm name is unregistered. A soft binding is about one file: what only a set "
    "shows goes into the verdict alone.",
)
source_type_option = click.option(
    "--digital-source-type",
    "source_type",
    type=click.Choice(TERMS),
    metavar="TERM",
    help="What the drafts say of how all the images came to be, in a term of IPTC's as trainedAlgorithmicMedia. You "
    "state it: a match does not tell generated images from marked ones [default: what their artefacts.json lists, "
    "else nothing].",
)


def check_draft_options(folder: Path | None, source_type: str | None) -> None:
    """Refuse what could not be written, before any image is read."""
    if folder is None and source_type is not None:
        raise UsageError("--digital-source-type: is for the drafts that --c2pa writes")
    if folder is not None:
        check_new(folder)


def write_drafts(folder: Path, verdicts: Sequence[Verdict], registry: Registry, source_type: str | None) -> None:
    """The drafts, where there are any, and on stderr for how many images."""
    from artfp.c2pa import alone, drafts

    images, total = alone(verdicts), sum(verdict.n_images for verdict in verdicts)
    if not images:
        warn(f"--c2pa: no draft: none of {total:,} images matches by itself at the strictness of a set")
        return
    keys = registry.known(sorted({image.key for image in images}))
    with new_folder(folder) as stage:
        for name, manifest in drafts(images, keys, source_type).items():
            (stage / name).write_bytes(f"{json_text(manifest)}\n".encode("utf-8", LONE))
    err.print(
        printable(f"{folder}: unsigned C2PA drafts for {len(images):,} of {total:,} images, those that match alone"),
        markup=False,
    )
