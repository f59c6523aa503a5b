"""What is refused, with which words; and the headers of every answer."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from detectors import VERDICTS, Serve, World, ask
from PIL import Image
from starlette.requests import Request

from artfp.images import LoadedImage, encode_png
from artfp.serve import uploads
from artfp.serve.headers import SECURITY
from artfp.serve.refusals import RefusalError
from artfp.serve.settings import Limits


def png(width: int, height: int) -> bytes:
    return encode_png(LoadedImage(np.zeros((height, width, 3), np.uint8)))


def test_unreadable_images_are_all_named_and_nothing_is_judged(serve: Serve, world: World) -> None:
    frames = io.BytesIO()
    pictures = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    pictures[0].save(frames, "GIF", save_all=True, append_images=pictures[1:])
    client = serve(limits=Limits(pixels=10_000))
    found = ask(client, world.marked[0], b"no image", frames.getvalue(), png(101, 100), png(8, 8))
    assert found.status_code == 422
    expected = ("not a readable image", "animation", "over the limit of 10,000", "under 16")
    for words, problem in zip(expected, found.json()["error"]["problems"], strict=True):
        assert words in problem


@pytest.mark.parametrize(
    ("request_of", "status", "words"),
    [
        (
            lambda c, f: c.post(VERDICTS, content=f[0], headers={"content-type": "image/png"}),
            415,
            "multipart/form-data",
        ),
        (lambda c, f: c.post(VERDICTS, content=b"x", headers={"content-type": "multipart/form-data"}), 400, "boundary"),
        (lambda c, f: c.post(VERDICTS, files=[("pictures", ("a.png", f[0]))]), 400, "'images'"),
        (lambda c, f: c.post(VERDICTS, files=[("images", ("a.png", f[0]))], data={"key": "mine"}), 400, "nothing else"),
        (lambda c, f: ask(c, f[0], judge="gently"), 400, "together, each, both"),
        (lambda c, f: c.post(VERDICTS, files={"judge": (None, "both")}), 400, "no images"),
        (lambda c, f: ask(c, *f[:5]), 413, "more than 4 images"),
        (lambda c, f: ask(c, bytes(80_001)), 413, "80,000 bytes"),
        (lambda c, f: c.get(VERDICTS), 405, "Not Allowed"),
        (lambda c, f: c.get("/keys.sqlite"), 404, "Not Found"),
        (lambda c, f: c.get("/page.css/../../settings.py"), 404, "Not Found"),
        (lambda c, f: c.get("/", headers={"host": "stranger.example"}), 403, "localhost alone"),
        (lambda c, f: ask(c, f[0], headers={"sec-fetch-site": "cross-site"}), 403, "other sites"),
        (lambda c, f: ask(c, f[0], headers={"origin": "https://stranger.example"}), 403, "other sites"),
        (lambda c, f: ask(c, f[0], headers={"origin": "http://[1"}), 403, "other sites"),
        (lambda c, f: ask(c, f[0], headers={"origin": "null"}), 403, "other sites"),
    ],
)
def test_refusals_say_why_and_are_json(serve: Serve, world: World, request_of: Any, status: int, words: str) -> None:
    client = serve(ask=lambda inquiries, seconds: pytest.fail("nothing to judge"), limits=Limits(80_000, images=4))
    found = request_of(client, world.clean)
    assert found.status_code == status, found.text
    assert words in found.json()["error"]["message"]
    assert "Traceback" not in found.text


def test_the_page_of_the_server_itself_may_ask(serve: Serve, world: World) -> None:
    """Behind a proxy Host may come without the port that Origin has."""
    for origin in ("http://127.0.0.1", "https://127.0.0.1:8443"):
        assert ask(serve(), world.clean[0], headers={"origin": origin}).status_code == 200


def test_a_body_of_untold_length_is_bounded_too(serve: Serve) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\n'
        for _ in range(100):
            yield bytes(1000)

    found = serve(limits=Limits(request_bytes=40_000)).post(
        VERDICTS, content=pieces(), headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert found.status_code == 413


def test_who_sends_drop_by_drop_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "HEAD_START", 0.1)
    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    drops = iter(b"--b\r\nContent-Disposition: form-data")

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": bytes([next(drops)]), "more_body": True}

    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    with pytest.raises(RefusalError, match="bytes a second") as refused:
        asyncio.run(uploads.read_inquiry(request, Limits()))
    assert refused.value.status == 408
    assert len(bytes(drops)) > 0


def test_where_sets_are_asked_for_no_image_is_judged_by_itself(serve: Serve, world: World) -> None:
    client = serve(limits=Limits(least_images=2))
    assert ask(client, world.clean[0], world.clean[0]).status_code == 400
    assert ask(client, *world.clean[:2], judge="each").status_code == 400
    assert ask(client, *world.marked[:2]).json()["together"]["verdict"] == "match"
    page = client.get("/").text
    assert "At least 2 different images" in page
    assert 'value="each"' not in page


def test_every_answer_has_the_security_headers(serve: Serve, world: World) -> None:
    client = serve(ask=lambda inquiries, seconds: 1 / 0)  # type: ignore[arg-type, return-value]
    found = [client.get(path) for path in ("/", "/page.js", "/page.css", "/report.css", "/openapi.json", "/no")]
    for response in [*found, ask(client, world.clean[0])]:
        assert {name: response.headers[name] for name in SECURITY} == SECURITY
    assert "unsafe" not in SECURITY["Content-Security-Policy"]
    assert "<script>" not in found[0].text
    assert " style=" not in found[0].text
    assert "http" not in found[0].text
