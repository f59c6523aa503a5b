"""The load: requests for a server, so many at a time or so many a second, and what became of each.

    python benchmarks/serving/load.py URL FOLDER --seconds 8 (--at-a-time 64 | --a-second 500) [--each 1]

Prints JSON. No artfp and no torch in it, so that it takes as little as it can from the server beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ADDRESSES = 16  # 127.0.0.2 and so on: clients of the server's
PATIENCE = 90.0  # seconds for one request: longer than the server's
HEAD = (
    "POST /api/v1/verdicts HTTP/1.1\r\nHost: {host}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    "Content-Length: {length}\r\nConnection: close\r\n\r\n"
)
PART = b'--b\r\nContent-Disposition: form-data; name="images"; filename="%d.png"\r\n\r\n%s\r\n'


@dataclass(eq=False)
class Load:
    """A server, what to send it, and what it said."""

    host: str
    port: int
    bodies: Sequence[bytes]
    said: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)  # that answers with a verdict took
    _next: Iterator[int] = field(default_factory=itertools.count)

    async def ask(self) -> None:
        """One request, on a connection of its own."""
        number, began = next(self._next), time.perf_counter()
        try:
            said = await asyncio.wait_for(self._answer(number), PATIENCE)
        except (OSError, TimeoutError, ValueError, IndexError) as error:
            said = f"broken: {type(error).__name__}"
        self.said[said] += 1
        if said == "200":
            self.seconds.append(time.perf_counter() - began)

    async def _answer(self, number: int) -> str:
        own = (f"127.0.0.{2 + number % ADDRESSES}", 0)
        reader, writer = await asyncio.open_connection(self.host, self.port, local_addr=own)
        try:
            body = self.bodies[number % len(self.bodies)]
            writer.write(HEAD.format(host=self.host, length=len(body)).encode() + body)
            await writer.drain()
            head, _, content = (await reader.read()).partition(b"\r\n\r\n")
            status = head.split()[1].decode()
            json.loads(content)
            late = status in ("429", "503") and b"retry-after" not in head.lower()
            return f"{status} without Retry-After" if late else status
        finally:
            writer.close()

    async def so_many_at_a_time(self, places: int, seconds: float) -> float:
        """Ask anew as soon as there is an answer; how long it took."""
        began = time.perf_counter()

        async def one() -> None:
            while time.perf_counter() - began < seconds:
                await self.ask()

        await asyncio.gather(*(one() for _ in range(places)))
        return time.perf_counter() - began

    async def so_many_a_second(self, rate: float, seconds: float) -> float:
        """Ask at fixed times, whatever became of the others; how long it took."""
        began, asking = time.perf_counter(), []
        for number in range(round(rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            asking.append(asyncio.create_task(self.ask()))
        await asyncio.gather(*asking)
        return time.perf_counter() - began


def bodies_of(folder: Path, each: int) -> list[bytes]:
    """The files of a folder as forms of so many images."""
    files = [path.read_bytes() for path in sorted(folder.iterdir())]
    groups = [files[start : start + each] for start in range(0, len(files) - each + 1, each)]
    return [b"".join(PART % (i, file) for i, file in enumerate(group)) + b"--b--\r\n" for group in groups]


def main() -> None:
    """Load a server and say what it said."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--at-a-time", type=int)
    parser.add_argument("--a-second", type=float)
    parser.add_argument("--each", type=int, default=1, help="images in a request")
    print(json.dumps(measured(parser.parse_args())))


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """What was said, and how fast."""
    server = urlsplit(options.url)
    load = Load(str(server.hostname), server.port or 80, bodies_of(options.folder, options.each))
    if options.a_second:
        took = asyncio.run(load.so_many_a_second(options.a_second, options.seconds))
    else:
        took = asyncio.run(load.so_many_at_a_time(options.at_a_time or 1, options.seconds))
    cuts = statistics.quantiles(load.seconds, n=100) if len(load.seconds) > 1 else load.seconds * 99
    return {
        "seconds": round(took, 2),
        "said": dict(sorted(load.said.items())),
        "answered_a_second": round(load.said["200"] / took, 1),
        "images_a_second": round(load.said["200"] * options.each / took, 1),
        "median_seconds": round(cuts[49], 3) if cuts else None,
        "p99_seconds": round(cuts[98], 3) if cuts else None,
    }


if __name__ == "__main__":
    main()
