"""The server's routes: a page, an API, its description, and whether all is well.

POST /api/v1/verdicts --Gate--> read_inquiry --Queue--> worker --Journal--> answer
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from artfp.serve.answers import Answers
from artfp.serve.clients import client_of
from artfp.serve.headers import Guard
from artfp.serve.inquiries import Failed, Inquiry, Reply, Unreadable, WorkerLostError
from artfp.serve.journal import Journal
from artfp.serve.limits import Gate
from artfp.serve.openapi import described
from artfp.serve.pages import FILES, file_of, front_page
from artfp.serve.refusals import RefusalError, full
from artfp.serve.settings import Settings
from artfp.serve.uploads import read_inquiry
from artfp.serve.waiting import Queue

VERDICTS = "/api/v1/verdicts"


class Detector:
    """Everything that requests share."""

    def __init__(
        self, settings: Settings, queue: Queue, gate: Gate, journal: Journal, three_words: bool = False
    ) -> None:
        self._settings, self._queue, self._gate, self._journal = settings, queue, gate, journal
        self._page = front_page(settings.limits, three_words)
        self._description = described(settings.limits, three_words)
        self._judging: asyncio.Task[None] | None = None

    def app(self) -> ASGIApp:
        """To be run by a server, or asked by a test."""
        routes = [
            Route("/", self._front),
            *(Route(f"/{name}", self._file) for name in FILES),
            Route("/openapi.json", self._openapi),
            Route("/healthz", self._health),
            Route(VERDICTS, self._verdicts, methods=["POST"]),
        ]
        handlers: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
            RefusalError: _refused,
            HTTPException: _not_found,
            Exception: _failed,
        }
        inner = Starlette(routes=routes, exception_handlers=handlers, lifespan=self._life)
        return Guard(inner, self._settings.is_local)  # outermost: answers to failures get its headers, too

    @asynccontextmanager
    async def _life(self, _: Starlette) -> AsyncIterator[None]:
        self._judging = asyncio.create_task(self._queue.run())
        yield
        self._judging.cancel()
        with suppress(asyncio.CancelledError):
            await self._judging

    async def _front(self, _: Request) -> Response:
        return Response(self._page, media_type="text/html")

    async def _file(self, request: Request) -> Response:
        content, kind = file_of(request.url.path.strip("/"))
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})

    async def _openapi(self, _: Request) -> Response:
        return JSONResponse(self._description)

    async def _health(self, _: Request) -> Response:
        judging = self._judging is not None and not self._judging.done()
        return JSONResponse({"status": "ok" if judging else "stopping"}, 200 if judging else 503)

    async def _verdicts(self, request: Request) -> Response:
        peer = request.client.host if request.client else None
        client = client_of(peer, request.headers.getlist("x-forwarded-for"), self._settings.proxies)
        with self._gate.entered(client) as visit:
            inquiry = await read_inquiry(request, self._settings.limits)
            visit.count(len(inquiry.files))
            reply = await unless_gone(request, self._reply(inquiry))
            visit.settle(1 if isinstance(reply, Failed) else reply.cost)
            self._note(client, inquiry, reply)
        return _said(reply)

    async def _reply(self, inquiry: Inquiry) -> Reply:
        try:
            return await self._queue.reply(inquiry)
        except WorkerLostError as error:
            _tell_operator(str(error))
            raise full("judging was interrupted; try again, with fewer or smaller images") from error

    def _note(self, client: str, inquiry: Inquiry, reply: Reply) -> None:
        """What cannot be written down is not told."""
        try:
            self._journal.note(client, inquiry, reply)
        except OSError as error:
            _tell_operator(f"the audit log cannot be written: {error}")
            raise full("the server cannot keep its records; try again later") from error


async def unless_gone(request: Request, work: Coroutine[Any, Any, Reply]) -> Reply:
    """What the work comes to; it is given up when nobody waits for it any more."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise RefusalError(400, "gone", "the client left before there was an answer")
    finally:
        leaving.cancel()
        working.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _said(reply: Reply) -> Response:
    if isinstance(reply, Answers):
        return JSONResponse(reply.to_dict(), headers={"Cache-Control": "no-store"})
    if isinstance(reply, Unreadable):
        words = "these images cannot be judged; `problems` says why"
        return _error(422, "unreadable", words, problems=list(reply.problems))
    _tell_operator(reply.words)
    return _error(500, "failed", "judging failed; the operator has been told")


async def _refused(_: Request, error: RefusalError) -> Response:
    response = _error(error.status, error.code, str(error))
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


async def _not_found(_: Request, error: HTTPException) -> Response:
    code = {404: "not-found", 405: "wrong-method"}.get(error.status_code, "bad-request")
    response = _error(error.status_code, code, error.detail)
    response.headers.update(error.headers or {})
    return response


async def _failed(_: Request, error: Exception) -> Response:
    _tell_operator(f"{type(error).__name__}: {error}")
    return _error(500, "failed", "something went wrong here; the operator has been told")


def _error(status: int, code: str, message: str, **more: Any) -> Response:
    return JSONResponse({"error": {"code": code, "message": message, **more}}, status)


def _tell_operator(words: str) -> None:
    print(f"artfp serve: {words.encode('unicode_escape').decode()}", file=sys.stderr, flush=True)
