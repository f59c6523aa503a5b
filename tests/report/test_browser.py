"""The pages in a real browser, where one is installed."""

from __future__ import annotations

import json
import re
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from contest_rows import write_contest
from devtools import BROWSER, QUIET
from sweeps import full_rows, write_sweep

from artfp.report.compare_page import write_comparison
from artfp.report.comparison import compare
from artfp.report.contest_page import write_contest_report
from artfp.report.page import write_report
from artfp.report.robustness_page import write_robustness_report
from artfp.robustness import ADVERSARY, GENERATED

LOGGING = "--enable-logging=stderr"
FIRST_START = 300  # seconds: a new browser looks at all fonts first
PHONE = 390  # a frame of this width, because a browser's own window does not become so narrow
PROBE = """<!doctype html><body><script>
const frame = document.querySelector("body").appendChild(document.createElement("iframe"));
frame.width = PHONE; frame.height = 844;
frame.onload = () => {
  const page = frame.contentDocument, inside = frame.contentWindow.innerWidth;
  const all = selector => [...page.querySelectorAll(selector)];
  const box = element => element.getBoundingClientRect();
  document.body.dataset.probe = JSON.stringify({
    width: inside,
    content: page.documentElement.scrollWidth,
    outside: all("body *").filter(e => !e.closest(".scroll, svg") && box(e).right > inside + .5).map(e => e.outerHTML),
    charts: all(".chart > svg").map(e => box(e).height),
    lines: all(".chart .line").map(e => box(e).height + box(e).width),
    pictures: all("img").map(e => e.complete && e.naturalWidth * box(e).width),
    letters: all(".chart text").map(e => box(e).height),
  });
};
frame.srcdoc = SOURCE;
</script>"""


pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium here (Debian: apt-get install chromium)")


def test_on_a_phone_nothing_overflows_and_nothing_is_empty(run_folder: Path, tmp_path: Path) -> None:
    found = probe(write_report(run_folder), tmp_path)
    check(found, charts=3)
    assert len(found["pictures"]) == 4 * 3 + 2


def test_the_robustness_page_fits_a_phone(tmp_path: Path) -> None:
    rows = full_rows()
    found = probe(write_robustness_report(write_sweep(tmp_path / "sweep", rows)), tmp_path)
    check(found, charts=6 * 2 + 2 * 2 + 2)
    shown = [each for each in rows if each.readout and (each.subject == GENERATED or each.kind == ADVERSARY)]
    assert len(found["pictures"]) == len(shown)


def test_a_comparison_fits_a_phone(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "sweep", full_rows(), thumbs=False)
    write_comparison(tmp_path / "compare.html", compare(folder, folder))
    check(probe(tmp_path / "compare.html", tmp_path), charts=1)


def test_artfp_beside_passive_systems_fits_a_phone(tmp_path: Path) -> None:
    check(probe(write_contest_report(write_contest(tmp_path / "contest")), tmp_path), charts=3 * 6 + 5 + 3)


def check(found: dict[str, Any], charts: int) -> None:
    """What holds for every page."""
    assert found["width"] == PHONE
    assert found["content"] <= PHONE
    assert found["outside"] == []
    assert len(found["charts"]) == charts
    assert min(found["charts"]) > 150
    assert min(found["lines"]) > 10
    assert min(found["pictures"], default=1) > 0
    assert min(found["letters"]) >= 10  # CSS pixels of the charts' text


def probe(page: Path, folder: Path) -> dict[str, Any]:
    """What a page measures of itself in a narrow frame; whatever the browser complains of is a failure."""
    source = json.dumps(page.read_text(encoding="utf-8")).replace("</", "<\\/")
    (folder / "probe.html").write_text(PROBE.replace("PHONE", str(PHONE)).replace("SOURCE", source), encoding="utf-8")
    command = [
        str(BROWSER),
        *QUIET,
        LOGGING,
        f"--user-data-dir={folder}/profile",
        "--dump-dom",
        f"file://{folder}/probe.html",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=FIRST_START, check=True)
    assert ":CONSOLE" not in done.stderr
    match = re.search(r'data-probe="([^"]+)"', done.stdout)
    assert match is not None
    return dict(json.loads(unescape(match[1])))
