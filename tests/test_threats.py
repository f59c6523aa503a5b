"""The threat model tells of every adversary, in numbers of rows that are committed, and every page names it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from artfp.statistics.decision import MATCH_AT, NO_MATCH_ABOVE
from benchmarks.threats.__main__ import TABLES, main
from benchmarks.threats.glance import GLANCES
from benchmarks.threats.swept import DEMO, FLOWERS, folder

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "threats.md").read_text()
NAMED = (  # by the issue
    "Averaging",
    "Forgery",
    "Overwriting",
    "Fine-tuning",
    "Regeneration",
    "White-box removal",
    "Collusion",
    "Oracle queries",
)
FURTHER = ("Distillation", "Alterations without purpose", "Secrecy", "Who holds what", "Operating advice")
NUMBER = re.compile(r"(?<![\w.])\.?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")
VERDICT = "What a verdict proves, and what not"
RULES = {f"{MATCH_AT:g}".replace("-0", "-"), f"{NO_MATCH_ABOVE:.0e}".replace("-0", "-"), "2", "64", ".5"}  # 2^-64; AUC


def sections() -> dict[str, str]:
    """By heading."""
    parts = re.split(r"^## (.+)$", PAGE, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def tables_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def numbers_in(text: str) -> set[str]:
    """Of prose: without code, links, numbered lists and the names of codecs, papers and conferences."""
    plain = re.sub(r"`[^`]*`|\]\([^)]*\)|^\d+\. |NeurIPS \d+|CIFAR-10", " ", text, flags=re.M)
    return {found.rstrip(".,") for found in NUMBER.findall(plain)}


@pytest.mark.parametrize("section", [*NAMED, *FURTHER])
def test_every_adversary_has_a_section(section: str) -> None:
    assert len(sections()[section].split()) > 60


@pytest.mark.parametrize("section", TABLES)
def test_the_tables_are_those_that_the_rows_make(section: str) -> None:
    """Printed by `python -m benchmarks.threats`."""
    lines = [line for make in TABLES[section] for line in make().splitlines()]
    assert tables_of(sections()[section]) == lines


def test_the_command_prints_every_table(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("|") and line not in PAGE] == []


@pytest.mark.parametrize("section", [name for name in sections() if name != VERDICT])
def test_prose_has_no_number_but_those_of_tables_and_of_pages_that_it_names(section: str) -> None:
    text = sections()[section]
    prose = "\n".join(line for line in text.splitlines() if not line.startswith("|"))
    named = [(ROOT / "docs" / name).resolve() for name in re.findall(r"\]\(([\w./-]+\.md)\)", prose)]
    known = "\n".join([*tables_of(text), *(path.read_text() for path in named)])
    assert numbers_in(prose) - numbers_in(known) - RULES == set()


def test_the_introduction_describes_the_sweeps() -> None:
    sides = {f"{folder(name).sweep.side}" for name in (FLOWERS, DEMO)}
    images = {f"{folder(name).sweep.images}" for name in (FLOWERS, DEMO)}
    assert numbers_in(PAGE.split("## ")[0]) == sides | images | {FLOWERS.split("-")[3].removesuffix("db"), "95"}


def test_what_a_verdict_proves_is_told_in_numbers_of_the_rules_alone() -> None:
    assert numbers_in(sections()[VERDICT]) <= RULES


def test_the_overview_tells_first_of_who_succeeds() -> None:
    done = [glance.cells()[-2].startswith("**") for glance in GLANCES]
    assert any(done)
    assert done == sorted(done, reverse=True)


def test_links_lead_somewhere() -> None:
    headings = {re.sub(r"[^\w -]", "", name).strip().lower().replace(" ", "-") for name in sections()}
    for link in re.findall(r"\]\(([^)]+)\)", PAGE):
        path, _, anchor = link.partition("#")
        assert (ROOT / "docs" / path).exists(), link
        assert path or anchor in headings, link


def test_every_page_and_the_readme_name_it() -> None:
    templates = {path.name: path.read_text() for path in (ROOT / "artfp" / "report").glob("*.html.j2")}
    assert "docs/threats.md" in templates["frame.html.j2"]
    whole = [name for name, text in templates.items() if "<!doctype" in text or "extends" in text]
    assert len(whole) >= 6
    assert all('extends "frame.html.j2"' in templates[name] for name in whole if name != "frame.html.j2")
    assert "(docs/threats.md)" in (ROOT / "README.md").read_text()
    assert "threats.md" in (ROOT / "SECURITY.md").read_text()
