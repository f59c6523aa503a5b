"""The process that has the codecs and the keys, as the server sees it: it starts, is asked, dies and starts again.

Here strangers' images are decoded. What hangs is killed, what crashes takes nobody along but the requests of its
batch, and the server stays.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, cast

from artfp.errors import ArtfpError, UsageError
from artfp.processes import SPAWN, begin_worker, interrupts_held
from artfp.serve.inquiries import Failed, Inquiry, Message, Ready, Reply, WorkerLostError, packed, unpacked
from artfp.serve.settings import Bench

if TYPE_CHECKING:  # torch comes with it
    from artfp.serve.judging import Judge

STARTING_SECONDS = 300.0  # a busy machine, a cold disk
STOPPING_SECONDS = 5.0
MESSAGE_BYTES = 1 << 26  # from the worker; a thousand images take less than one megabyte


@dataclass(frozen=True, eq=False)
class _Running:
    """A process, and the way to it."""

    process: SpawnProcess
    pipe: Connection


class Worker:
    """One process, started by `start` and whenever it is asked and does not live. For one thread at a time."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._running: _Running | None = None
        self._first: Ready | None = None

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return self._running.process.pid if self._running else None

    def start(self) -> Ready:
        """Load everything, or say why that cannot be; whoever replaces another must have the same keys."""
        with interrupts_held():
            ours, theirs = SPAWN.Pipe()
            process = SPAWN.Process(target=work, args=(self._bench, theirs), daemon=True)
            process.start()
        theirs.close()  # or the end of the process would not show here
        self._running = _Running(process, ours)
        ready = self._received(self._running, STARTING_SECONDS)[0]
        if isinstance(ready, Failed):
            self.close()
            raise UsageError(ready.words)
        self._first = self._first or cast(Ready, ready)
        if cast(Ready, ready).pairs != self._first.pairs:
            self.close()
            raise UsageError("the registry has changed since the server started: restart it")
        return self._first

    def ask(self, inquiries: Sequence[Inquiry], seconds: float) -> list[Reply]:
        """The reply to each; who takes longer is killed."""
        if self._running is None:
            self._replace()
        running = cast(_Running, self._running)
        try:
            running.pipe.send(list(inquiries))
        except OSError as error:
            self._lose(running)
            raise WorkerLostError("the worker died while it waited") from error
        return cast(list[Reply], self._received(running, seconds))

    def _replace(self) -> None:
        try:
            self.start()
        except (ArtfpError, OSError) as error:
            raise WorkerLostError(f"no worker could be started: {error}") from error

    def close(self) -> None:
        """End it: it has nothing to save."""
        if self._running is not None:
            self._running.pipe.close()
            self._running.process.join(STOPPING_SECONDS)
            self._lose(self._running)

    def _received(self, running: _Running, seconds: float) -> list[Message]:
        try:
            if running.pipe.poll(seconds):
                return unpacked(running.pipe.recv_bytes(MESSAGE_BYTES))
        except WorkerLostError:
            self._lose(running)
            raise
        except (EOFError, OSError) as error:
            self._lose(running)
            raise WorkerLostError("the worker died") from error
        self._lose(running)
        raise WorkerLostError(f"the worker took longer than {seconds:g} s")

    def _lose(self, running: _Running) -> None:
        running.process.kill()
        running.process.join()
        running.pipe.close()
        self._running = None


def work(bench: Bench, pipe: Connection) -> None:
    """What the process does: load, say so, answer until nobody asks any more."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a service manager tells all processes; the server ends this one
    with suppress(EOFError, BrokenPipeError):
        try:
            _serve(bench, pipe)
        except (ArtfpError, OSError) as error:
            pipe.send_bytes(packed([Failed(str(error))]))


def _serve(bench: Bench, pipe: Connection) -> None:
    device = begin_worker(bench.device, None)
    from artfp.codec.store import load_codec
    from artfp.keys.registry import Registry
    from artfp.serve.judging import Judge
    from artfp.verify import recorded_codecs

    with Registry(bench.registry, create=False) as registry:
        for spec in bench.codecs:
            load_codec(spec)  # what was named must be there
        for name in bench.shown:
            registry.get(name)
        codecs = [codec.to(device) for codec in recorded_codecs(registry, bench.key, bench.codecs)]
        judge = Judge(bench, registry, codecs)
        names = tuple(codec.name for codec in codecs)
        pipe.send_bytes(packed([Ready(names, judge.trials, registry.unused(), judge.pairs_hash)]))
        while True:
            pipe.send_bytes(packed(_replies(judge, pipe.recv())))


def _replies(judge: Judge, inquiries: Sequence[Inquiry]) -> list[Reply]:
    """One for each: what goes wrong with one of them alone must not be felt by the others."""
    try:
        return judge.replies(inquiries)
    except Exception as error:
        if len(inquiries) > 1:
            return [reply for inquiry in inquiries for reply in _replies(judge, [inquiry])]
        return [Failed(f"{type(error).__name__}: {error}")]
