"""The page in a real browser, where one is installed, before a real `artfp serve`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from detectors import World
from devtools import BROWSER, Browser, browser

PHONE, DESK = 390, 1200
VERDICT = "!document.getElementById('answer').hidden && document.getElementById('answer').innerText"
STATE = "document.getElementById('state').textContent"
FOCUS = "document.activeElement.id || document.activeElement.className"
OUTSIDE = """[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + .5)
  .map(e => e.outerHTML)"""
# the least contrast of what is read with what is behind it, by the formula of WCAG 2
CONTRAST = r"""(() => {
  const style = e => getComputedStyle(e);
  const linear = v => (v / 255) <= .04045 ? v / 255 / 12.92 : ((v / 255 + .055) / 1.055) ** 2.4;
  const light = colour => {
    const [r, g, b] = colour.match(/[\d.]+/g).slice(0, 3).map(v => linear(Number(v)));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const behind = e => style(e).backgroundColor === "rgba(0, 0, 0, 0)" && e.parentElement
    ? behind(e.parentElement) : style(e).backgroundColor;
  const ratio = e => {
    const [less, more] = [light(style(e).color), light(behind(e))].sort((a, b) => a - b);
    return (more + .05) / (less + .05);
  };
  const read = "h1, p, label, .stamp, td, th, button:enabled, small";
  return Math.min(...[...document.querySelectorAll(read)].filter(e => e.innerText).map(ratio));
})()"""

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium here (Debian: apt-get install chromium)")

Served = tuple[str, "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def files(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    folder = tmp_path_factory.mktemp("images")
    found = {"marked": world.marked[:3], "clean": world.clean[:2], "bad": [b"no image"]}
    return {
        kind: [_written(folder / f"{kind}-{i}.png", file) for i, file in enumerate(all_)]
        for kind, all_ in found.items()
    }


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_dropped_image_is_judged_on_a_phone(page: Browser, served: Served, files: dict[str, list[Path]]) -> None:
    page.open(served[0], PHONE)
    page.drop(195, 500, files["marked"][:1])
    page.wait("document.querySelectorAll('#chosen li').length === 1")
    assert page.see(STATE) == "One image ready."
    assert page.see("getComputedStyle(document.getElementById('ways')).display") == "none"
    page.see("document.getElementById('go').click()")
    words = page.wait(VERDICT)
    assert words.startswith("MATCH\n")
    assert "This image carries the key mine" in words
    assert "at most one in a million" in words
    assert "p: at most 0.000001" in words
    _fits(page)
    assert page.see("document.getElementById('answer').getAttribute('aria-live')") == "polite"


def test_everything_can_be_done_by_keyboard(page: Browser, served: Served, files: dict[str, list[Path]]) -> None:
    page.open(served[0], DESK, dark=True)
    page.press("Tab")
    assert page.see(FOCUS) == "files"
    page.choose("#files", [*files["marked"], *files["clean"]])  # what the picker gives; it is the browser's own
    page.wait("document.querySelectorAll('#chosen li').length === 5")
    page.press("Tab")
    assert page.see(FOCUS) == "remove"
    page.press("Enter")
    page.wait("document.querySelectorAll('#chosen li').length === 4")
    for _ in range(4):
        page.press("Tab")
    assert page.see("document.activeElement.value") == "together"
    page.see("document.querySelector('input[value=both]').focus()")  # the arrows are the browser's own
    page.press(" ")
    page.press("Tab")
    assert page.see(FOCUS) == "go"
    page.press("Enter")
    words = page.wait(VERDICT)
    assert "As a set, these 4 images carry the key mine" in words
    rows = page.see("[...document.querySelectorAll('#answer tbody tr')].map(r => r.innerText)")
    assert [row.split()[:3] for row in rows] == [
        [name, *verdict] for name, verdict in (
            ("marked-1.png", ("MATCH", "mine")), ("marked-2.png", ("MATCH", "mine")),
            ("clean-0.png", ("NO", "MATCH")), ("clean-1.png", ("NO", "MATCH")),
        )
    ]  # fmt: skip
    _fits(page)
    page.see("document.getElementById('clear').focus()")
    page.press("Enter")
    assert page.see(VERDICT) is False
    assert page.see(FOCUS) == "files"


def test_what_cannot_be_judged_is_said_in_the_servers_words(
    page: Browser, served: Served, files: dict[str, list[Path]]
) -> None:
    page.open(served[0], PHONE, dark=True)
    page.choose("#files", files["bad"])
    page.wait("document.querySelectorAll('#chosen li').length === 1")
    page.see("document.getElementById('go').click()")
    page.wait(f"{STATE}.includes('bad-0.png: not a readable image')")
    assert page.see(VERDICT) is False
    _fits(page)
    page.complaints.clear()  # the browser notes that the server answered 422


def test_a_pasted_image_is_taken_and_too_many_are_told_before_they_are_sent(page: Browser, served: Served) -> None:
    page.open(served[0], PHONE)
    page.see("""(() => {
      const held = new DataTransfer();
      held.items.add(new File([new Uint8Array(10)], "pasted.png", {type: "image/png"}));
      document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: held}));
    })()""")
    assert page.see(STATE) == "One image ready."
    page.see("add(Array.from({length: 64}, (_, i) => new File(['x'], `${i}.png`, {type: 'image/png'})))")
    assert page.see(STATE) == "At most 64 images at a time; these are 65."
    assert page.see("document.getElementById('go').disabled")
    page.see("add([new File(['x'], 'words.txt', {type: 'text/plain'})])")
    assert page.see(STATE) == "Files that are no images were left out."


def _fits(page: Browser) -> None:
    """Nothing sticks out, all can be read, everything has a name, and the browser has nothing to complain of."""
    assert page.see("document.documentElement.scrollWidth <= innerWidth")
    assert page.see(OUTSIDE) == []
    assert page.see(CONTRAST) >= 4.5
    assert page.see("[...document.querySelectorAll('input, button')].every(e => e.labels?.length || e.innerText)")
    assert [text for text in page.complaints if "422" not in text] == []
