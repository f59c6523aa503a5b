"""The page and its files, which come with the package: nothing is loaded from elsewhere."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from artfp import __version__
from artfp.report.templates import stamp_symbol
from artfp.serve.settings import MB, Limits
from artfp.verdict import OUTCOMES

FILES = {  # by address: the package and the file in it
    "report.css": ("artfp.report", "page.css", "text/css"),
    "page.css": ("artfp.serve", "page/page.css", "text/css"),
    "page.js": ("artfp.serve", "page/page.js", "text/javascript"),
}


def file_of(name: str) -> tuple[bytes, str]:
    """A file of the page, and what it is."""
    package, path, kind = FILES[name]
    return files(package).joinpath(path).read_bytes(), kind


def front_page(limits: Limits, three_words: bool) -> str:
    """The page, which knows the limits and tells of too much before it is sent."""
    environment = Environment(
        loader=PackageLoader("artfp.serve", "page"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.j2").render(
        limits=limits,
        megabytes=f"{limits.request_bytes / MB:g}",
        megapixels=f"{limits.pixels / MB:g}",
        sets_only=limits.least_images > 1,
        three_words=three_words,
        symbols={outcome: stamp_symbol(outcome) for outcome in OUTCOMES},
        version=__version__,
    )
