"""Reading a request's images: in memory, within its limits, and no file in a temporary folder.

Each file counts once, however often it is sent: the p of a set that holds an image twice would tell more of the image
than its own. Files that differ and hold the same image are found in the worker, which decodes them (`judging`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import PurePosixPath

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from artfp.files import sha256_bytes
from artfp.serve.inquiries import Inquiry, Upload
from artfp.serve.refusals import RefusalError, too_large, wrong
from artfp.serve.settings import Limits

IMAGES, JUDGE = "images", "judge"  # fields of the form
TOGETHER, EACH, BOTH = "together", "each", "both"
WAYS = (TOGETHER, EACH, BOTH)
NAME_LENGTH = 100
MULTIPART = "multipart/form-data"
LEAST_RATE, HEAD_START = 20_000, 5.0  # bytes a second, after so many seconds: a place is not to be held by dripping


class InMemory(MultiPartParser):
    """Keeps files in memory: a request's bytes are bounded already."""

    spool_max_size = 0  # is "without a limit" to Python's SpooledTemporaryFile
    max_part_size = 1000  # of a field that is no file


async def read_inquiry(request: Request, limits: Limits) -> Inquiry:
    """What a request asks."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MULTIPART:
        raise RefusalError(415, "not-a-form", f"send the images as {MULTIPART}, in the field {IMAGES!r}")
    if int(request.headers.get("content-length") or 0) > limits.request_bytes:
        raise too_large(_too_many_bytes(limits))
    try:
        async with asyncio.timeout(limits.upload_seconds) as end:
            return await _parsed(request, limits, end)
    except TimeoutError as error:
        words = f"the upload took longer than {limits.upload_seconds:g} s, or fell under {LEAST_RATE:,} bytes a second"
        raise RefusalError(408, "too-slow", words) from error
    except MultiPartException as error:
        if error.message.startswith("Too many files"):
            raise too_large(f"more than {limits.images} images") from error
        raise wrong(f"not a form that can be read: {error.message}") from error
    except ClientDisconnect as error:
        raise wrong("the upload was broken off") from error


async def _parsed(request: Request, limits: Limits, end: asyncio.Timeout) -> Inquiry:
    parser = InMemory(request.headers, _bounded(request, limits, end), max_files=limits.images, max_fields=1)
    form = await parser.parse()
    try:
        files = [await _upload(field, value) for field, value in form.multi_items() if field != JUDGE]
        way = form.get(JUDGE, TOGETHER)
    finally:
        await form.close()
    if way not in WAYS:
        raise wrong(f"{JUDGE} must be one of {', '.join(WAYS)}")
    unique = tuple({file.sha256: file for file in reversed(files)}.values())[::-1]
    _check_count(len(files), len(unique), way != TOGETHER, limits)
    return Inquiry(unique, together=way != EACH, each=way != TOGETHER)


async def _bounded(request: Request, limits: Limits, end: asyncio.Timeout) -> AsyncGenerator[bytes, None]:
    """The body as it comes, and not too slowly; its length need not have been told truly, or at all."""
    received, began = 0, asyncio.get_running_loop().time()
    latest = began + limits.upload_seconds
    end.reschedule(min(latest, began + HEAD_START))
    async for piece in request.stream():
        received += len(piece)
        if received > limits.request_bytes:
            raise too_large(_too_many_bytes(limits))
        end.reschedule(min(latest, began + HEAD_START + received / LEAST_RATE))
        yield piece


async def _upload(field: str, value: UploadFile | str) -> Upload:
    if field != IMAGES or isinstance(value, str):
        raise wrong(f"the form has files in the field {IMAGES!r}, perhaps {JUDGE!r}, and nothing else")
    content = await value.read()
    await value.close()  # or all bytes of a request would be held twice
    return Upload(shown_name(value.filename or ""), content, sha256_bytes(content))


def _check_count(sent: int, unique: int, each: bool, limits: Limits) -> None:
    if not sent:
        raise wrong(f"no images: send at least one in the field {IMAGES!r}")
    if each and limits.least_images > 1:
        raise wrong("images are judged in sets here, and none by itself")
    if unique < limits.least_images:
        raise wrong(f"{unique} different image(s): this server judges sets of at least {limits.least_images}")


def shown_name(name: str) -> str:
    """A client's name of a file, fit for messages: its last part, printable and short."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return "".join(c if c.isprintable() else "?" for c in last)[:NAME_LENGTH] or "image"


def _too_many_bytes(limits: Limits) -> str:
    return f"more than {limits.request_bytes:,} bytes in one request"
