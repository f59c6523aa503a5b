"""Listening, and leaving: what runs is finished, what is new is refused."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from artfp.errors import ArtfpError, UsageError
from artfp.serve.app import Detector
from artfp.serve.settings import CONNECTIONS, Settings

SIGNALS = (signal.SIGINT, signal.SIGTERM)
HEAD_SECONDS = 10.0  # for the head of a request
IDLE_SECONDS = 5  # between two requests of a connection
GRACE_SECONDS = 10.0  # beyond what an upload and its judgement may take


class Impatient(H11Protocol):
    """Hangs up on whoever opens a connection and then says nothing, or says it byte by byte."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to watch."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._watch(None)

    def _watch(self, last: object) -> None:
        """Close where nothing has been asked since the last look; `last` is the request that was the latest then."""
        if self.transport.is_closing():
            return
        cycle: Any = self.cycle
        waiting = cycle is None or cycle.response_complete
        if waiting and last is (cycle or self):
            self.transport.close()
        else:
            self.loop.call_later(HEAD_SECONDS, self._watch, (cycle or self) if waiting else None)


def listening(settings: Settings) -> socket.socket:
    """The socket, bound; port 0 is any that is free."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((settings.host, settings.port), family=family, backlog=CONNECTIONS)
    except (OSError, OverflowError) as error:
        raise UsageError(f"--host {settings.host} --port {settings.port}: cannot listen there ({error})") from error


def url_of(listener: socket.socket) -> str:
    """Where a browser finds it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def run(detector: Detector, settings: Settings, listener: socket.socket, on_start: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM, and then until all that runs is answered."""
    limits = settings.limits
    config = uvicorn.Config(
        detector.app(),
        http=Impatient,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="error",
        access_log=False,  # the audit log says what matters
        proxy_headers=False,  # clients.py alone decides whom to believe
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=round(limits.upload_seconds + limits.judging_seconds + GRACE_SECONDS),
    )
    # uvicorn raises the signal again when all is done; by then it has been heard
    before = [signal.signal(each, lambda *_: None) for each in SIGNALS]
    try:
        asyncio.run(_served(uvicorn.Server(config), listener, on_start))
    finally:
        for each, handler in zip(SIGNALS, before, strict=True):
            signal.signal(each, handler)


async def _served(server: uvicorn.Server, listener: socket.socket, on_start: Callable[[], None]) -> None:
    serving = asyncio.ensure_future(server.serve([listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        on_start()
    await serving
    if not server.started:
        raise ArtfpError("the server could not start")
