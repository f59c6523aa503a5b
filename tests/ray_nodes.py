"""Two machines of a Ray cluster on one: each is a session of its own, as `ray start` begins it, and ends with it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import psutil

HEARTBEAT = {  # a machine that has died is noticed within seconds
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 4,
}
STARTED = "Ray runtime started"
PATIENCE = 90.0
TRIES = 3


@dataclass
class Node:
    """The session, by the number of its first process, and what that says."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def session(self) -> int:
        return self.process.pid

    def has_started(self) -> bool:
        """Wait for it; Ray itself gives up after half a minute, as on a machine that has much else to do."""
        deadline = time.monotonic() + PATIENCE
        while STARTED not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def end(self) -> None:
        """All of it, and wait until it is gone."""
        with suppress(ProcessLookupError):
            os.killpg(self.session, signal.SIGKILL)
        self.process.wait()
        await_end(self.session)


class Nodes:
    """A head and one more; nobody else can join, since nobody knows the token."""

    def __init__(self, folder: Path, paths: list[Path]) -> None:
        """`folder`'s path must be short: sockets lie in it."""
        self._folder, self.port = folder, _free_port()
        self._nodes: list[Node] = []
        paths_of_tests = os.pathsep.join(map(str, paths))
        self.environment = {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",
            "PYTHONPATH": os.pathsep.join(filter(None, [paths_of_tests, os.environ.get("PYTHONPATH")])),
        }

    def start(self) -> None:
        head = ("--head", f"--port={self.port}", "--include-dashboard=false", f"--temp-dir={self._folder}/ray")
        self.head = self._start("head", *head, f"--system-config={json.dumps(HEARTBEAT)}")
        self.other = self._start("other", f"--address={self.address}")

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _start(self, name: str, *options: str) -> Node:
        log = self._folder / f"{name}.log"
        sizes = ("--num-cpus=1", "--num-gpus=0", "--object-store-memory=80000000")
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *sizes, *options]
        for _ in range(TRIES):
            with log.open("wb") as output:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=os.environ | self.environment,
                    start_new_session=True,
                )
            self._nodes.append(Node(process, log))
            if self._nodes[-1].has_started():
                return self._nodes[-1]
            self._nodes.pop().end()
        raise AssertionError(log.read_text())

    def end(self) -> None:
        for node in reversed(self._nodes):
            node.end()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def living(session: int) -> list[psutil.Process]:
    """The processes of a session, those left out that are only not yet reaped."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def await_end(session: int) -> None:
    """Ray's workers leave when they notice that they are alone."""
    deadline = time.monotonic() + PATIENCE
    while left := living(session):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
