"""A page as its elements and its words, and what holds for every page."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Outline(HTMLParser):
    """Checks nesting and collects what the tests ask about."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.page = page
        self.feed(page)
        assert self.open == []

    def check(self, *files: str) -> None:
        """What holds for every page: it needs nothing but itself and these files, and can be read without seeing it."""
        self._check_alone(files)
        self._check_readable()

    def _check_alone(self, files: tuple[str, ...]) -> None:
        assert "script" not in {tag for tag, _ in self.elements}
        links = {*files, *(f"#{name}" for name in self.ids)}
        for tag, attributes in self.elements:
            for name in ("src", "href", "srcset", "data"):
                loaded = attributes.get(name) or "data:"
                assert loaded.startswith("data:") or (name == "href" and loaded in links), f"{tag} {name}"
        assert all((image["src"] or "").startswith("data:") for image in self.all("img"))
        assert not re.search(r"url\(|@import|https?://", self.page)
        policy = next(meta["content"] for meta in self.all("meta") if meta.get("http-equiv"))
        assert policy is not None
        assert policy.startswith("default-src 'none'")

    def _check_readable(self) -> None:
        assert next(self.all("html"))["lang"] == "en"
        assert all(image["alt"] for image in self.all("img"))
        levels = [int(tag[1]) for tag, _ in self.elements if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
        assert len(self.ids) == len(set(self.ids))
        for figure in self.figures:
            assert set((figure["aria-labelledby"] or "").split()) <= set(self.ids)
        assert all(cell.get("scope") for cell in self.all("th"))
        boxes = [each for each in self.all("div") if each.get("class") == "scroll"]
        assert len(boxes) == len(list(self.all("table")))
        assert all(
            box.get("tabindex") == "0" and (box.get("aria-label") or box.get("aria-labelledby")) for box in boxes
        )

    @property
    def ids(self) -> list[str]:
        return [name for _, attributes in self.elements if (name := attributes.get("id"))]

    @property
    def figures(self) -> list[dict[str, str | None]]:
        return [svg for svg in self.all("svg") if svg.get("role") == "img"]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.elements if name == tag)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))
