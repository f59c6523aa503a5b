"""What all pages are made with: their templates, and what these have in common."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from artfp.artefacts import relist
from artfp.files import write_text
from artfp.report.figures import BOX

PAGE = "report.html"  # in the folder that it is of
SMALL_IMAGE = 128  # up to this side, pixels are shown as squares

SYMBOLS = {
    "match": Markup('<path d="M5 10.5l3.5 3.5L15 7" fill="none" stroke="currentColor" stroke-width="2"/>'),
    "no match": Markup('<path d="M5.5 10h9" fill="none" stroke="currentColor" stroke-width="2"/>'),
    "inconclusive": Markup(
        '<path d="M7.5 8a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.8-1.1 1.6M10 14v1" fill="none" stroke="currentColor" '
        'stroke-width="1.8"/>'
    ),
}
SYMBOL = Markup(
    '<svg viewBox="0 0 20 20" aria-hidden="true"><circle cx="10" cy="10" r="8.7" fill="none" stroke="currentColor" '
    'stroke-width="1.3"/>{}</svg>'
)


@functools.cache
def environment() -> Environment:
    """The templates of all pages, which know the box that charts are drawn in; undefined names are errors."""
    loader = PackageLoader("artfp.report", ".")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    made.globals.update(BOX)
    return made


def rendered(template: str, /, **parts: Any) -> str:
    """A page as text."""
    return environment().get_template(template).render(**parts)


def put_page(folder: Path, text: str) -> Path:
    """Write a folder's page, whole or not at all, and into the folder's list of files where it has one."""
    write_text(folder / PAGE, text)
    relist(folder, PAGE)
    return folder / PAGE


def stamp_symbol(outcome: str) -> Markup:
    """The sign that stands before an outcome, for who does not see its colour."""
    return SYMBOL.format(SYMBOLS[outcome])
