"""Real processes: the command, its worker when that dies, and a server that is told to end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import psutil
import pytest
from click.testing import CliRunner
from detectors import PATIENCE, World

from artfp.cli.main import artfp
from artfp.errors import ArtfpError
from artfp.serve.server import _served

BODY = (
    b'--b\r\nContent-Disposition: form-data; name="images"; filename="a.png"\r\n\r\n%s\r\n--b--\r\n',
    {"Content-Type": "multipart/form-data; boundary=b"},
)
# a server whose worker takes its time: all but the codec is real
SLOW = """
import time
from pathlib import Path
from artfp.serve.app import Detector
from artfp.serve.inquiries import Unreadable
from artfp.serve.journal import Journal
from artfp.serve.limits import Gate
from artfp.serve import server
from artfp.serve.server import listening, run, url_of
from artfp.serve.settings import Limits, Settings
from artfp.serve.waiting import Queue

def ask(inquiries, seconds):
    print("asked", flush=True)
    time.sleep(1)
    return [Unreadable(("slowly",))] * len(inquiries)

server.HEAD_SECONDS = 0.3
settings = Settings(Limits(upload_seconds=0.3), port=0, audit=Path("audit.jsonl"))
with listening(settings) as listener:
    queue, journal = Queue(ask, 60.0), Journal(settings.audit, 10_000)
    run(Detector(settings, queue, Gate(settings.limits), journal), settings, listener,
        lambda: print(url_of(listener), flush=True))
"""


class Said(NamedTuple):
    """An answer."""

    status: int
    retry_after: str | None
    text: str


def post(url: str, content: bytes) -> Said:
    request = Request(f"{url}api/v1/verdicts", BODY[0] % content, BODY[1])
    try:
        with urlopen(request, timeout=PATIENCE) as response:
            return Said(response.status, response.headers.get("Retry-After"), response.read().decode())
    except HTTPError as error:
        with error:
            return Said(error.status or 0, error.headers.get("Retry-After"), error.read().decode())


def test_a_worker_that_dies_is_replaced(served: tuple[str, subprocess.Popen[str]], world: World) -> None:
    url, server = served
    assert '"match"' in post(url, world.marked[0]).text
    children = {child.pid: child for child in psutil.Process(server.pid).children()}
    (worker,) = (child for child in children.values() if "spawn_main" in " ".join(child.cmdline()))
    worker.kill()
    while worker.status() != psutil.STATUS_ZOMBIE:  # the server has not looked yet
        time.sleep(0.01)
    lost = post(url, world.marked[0])
    assert (lost.status, lost.retry_after) == (503, "5")
    assert '"match"' in post(url, world.marked[0]).text
    assert world.audit.stat().st_mode & 0o777 == 0o600


@contextmanager
def slow_server(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address and the process of a server that takes its time."""
    command = [sys.executable, "-c", textwrap.dedent(SLOW)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip(), server
        finally:
            server.kill()


def test_who_says_nothing_or_says_it_slowly_is_not_waited_for(tmp_path: Path) -> None:
    with slow_server(tmp_path) as (url, _):
        address = (urlsplit(url).hostname, urlsplit(url).port)
        with socket.create_connection(address, PATIENCE) as silent:
            assert silent.recv(1) == b""
        with socket.create_connection(address, PATIENCE) as dripping:
            dripping.sendall(b"GET / HTTP/1.1\r\nHost: ")
            time.sleep(0.2)
            dripping.sendall(b"localhost")
            assert dripping.recv(1) == b""
        with socket.create_connection(address, PATIENCE) as slow:
            head = "POST /api/v1/verdicts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
            slow.sendall(f"{head}Content-Type: {BODY[1]['Content-Type']}\r\n\r\n--b".encode())
            assert slow.recv(100).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_finishes_what_runs_and_refuses_what_is_new(tmp_path: Path, number: signal.Signals) -> None:
    with slow_server(tmp_path) as (url, server):
        found: list[Said] = []
        asking = threading.Thread(target=lambda: found.append(post(url, b"x")))
        asking.start()
        assert server.stdout is not None
        assert server.stdout.readline() == "asked\n"
        server.send_signal(number)
        time.sleep(0.4)
        assert server.poll() is None
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((urlsplit(url).hostname, urlsplit(url).port)).close()
        asking.join(PATIENCE)
        assert found[0].status == 422
        assert "slowly" in found[0].text
        assert server.wait(PATIENCE) == 0
        assert server.stderr is not None
        assert server.stderr.read() == ""


def test_a_server_that_cannot_start_tells_no_address() -> None:
    class Failing:
        started = False

        async def serve(self, listeners: object) -> None:
            pass

    with pytest.raises(ArtfpError, match="could not start"):
        asyncio.run(_served(Failing(), None, lambda: pytest.fail("told")))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--registry", "{}/none.sqlite"], "artfp key new NAME"),
        (["--key", "nobody"], "nobody"),
        (["--show", "mine"], "give KEY=TEXT"),
        (["--show", "nobody=Somebody"], "nobody"),
        (["--behind-proxy", "proxy"], "neither an address"),
        (["--max-images", "1000"], "120 a minute"),
        (["--host", "203.0.113.1"], "cannot listen there"),
        (["--audit", "{}/no/where"], "cannot be written"),
    ],
)
def test_what_cannot_be_served_is_exit_2(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], words: str
) -> None:
    from artfp.serve import worker

    class Inside:
        """Starts in this process: what is wrong shows before anything is asked."""

        def __init__(self, bench: object) -> None:
            self.bench = bench

        def start(self) -> object:
            return _loaded(self.bench)

        def close(self) -> None:
            pass

    monkeypatch.setattr(worker, "Worker", Inside)
    usual = ["serve", "--port", "0", "--registry", str(world.registry), "--device", "cpu"]
    done = CliRunner().invoke(artfp, [*usual, *(option.format(tmp_path) for option in options)])
    assert done.exit_code == 2, done.output
    assert words in done.stderr
    assert done.stdout == ""


def _loaded(bench: object) -> object:
    from artfp.errors import UsageError
    from artfp.serve import worker
    from artfp.serve.inquiries import Failed, unpacked

    class Pipe:
        sent: object = None

        def send_bytes(self, message: bytes) -> None:
            (self.sent,) = unpacked(message)

        def recv(self) -> None:
            raise EOFError

    pipe = Pipe()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        worker.work(bench, pipe)  # type: ignore[arg-type]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if isinstance(pipe.sent, Failed):
        raise UsageError(pipe.sent.words)
    return pipe.sent
