"""The part of the Hugging Face hub's protocol that reading needs, served on this machine from a folder.

folder/OWNER/NAME/REVISION/...     what the repository holds at a commit; MAIN is the name of the last of them
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

COMMIT, LATER = "c" * 40, "d" * 40


class Hub:
    """Repositories by their ids, each a folder for every commit; which of them only members may see; what was asked."""

    def __init__(self) -> None:
        self.commits: dict[str, dict[str, Path]] = {}
        self.gated: set[str] = set()
        self.asked: list[tuple[str, str]] = []  # method and path
        self.sent = 0  # bytes of contents

    def add(self, name: str, folder: Path, commit: str = COMMIT) -> None:
        """Make a folder the last commit of a repository."""
        self.commits.setdefault(name, {})[commit] = folder

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its address, while it answers."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Answers, self))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, hub: Hub, *args: Any) -> None:
        self.hub = hub
        super().__init__(*args)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path).lstrip("/")
        self.hub.asked.append((self.command, path))
        parts = path.split("/")
        if parts[0] == "datasets" and parts[3:4] == ["resolve"]:
            self._repository("/".join(parts[1:3]), "/".join(parts[4:]), self._file)
        elif parts[:2] == ["api", "datasets"] and parts[4:5] in ([], ["revision"], ["tree"]):
            answer = self._tree if parts[4:5] == ["tree"] else self._revision
            self._repository("/".join(parts[2:4]), "/".join(parts[5:]) or "main", answer)
        else:
            self._error(404, "")

    def _repository(self, name: str, rest: str, answer: Any) -> None:
        commits = self.hub.commits.get(name, {})
        revision, _, path = rest.partition("/")
        commit = next(reversed(commits)) if commits and revision == "main" else revision
        if not commits:
            self._error(404, "RepoNotFound")
        elif commit not in commits:
            self._error(404, "RevisionNotFound")
        else:
            self.name, self.commit, self.root = name, commit, commits[commit]
            answer(path)

    def _file(self, path: str) -> None:
        file = self.root / path
        if self.name in self.hub.gated:
            self._error(403, "GatedRepo")
        elif not file.is_file():
            self._error(404, "EntryNotFound")
        else:
            data, status = file.read_bytes(), 200
            headers = {"ETag": f'"{file.stat().st_size}-{self.commit}"', "X-Repo-Commit": self.commit}
            if wanted := self.headers.get("Range"):
                first, last = wanted.removeprefix("bytes=").split("-")
                headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
                data, status = data[int(first) : int(last) + 1], 206
            self.hub.sent += len(data) * (self.command == "GET")
            self._send(status, data, headers)

    def _revision(self, path: str) -> None:
        self._json({"id": self.name, "sha": self.commit, "siblings": [], "tags": [], "downloads": 0, "likes": 0})

    def _tree(self, path: str) -> None:
        found = sorted((self.root / path).glob("**/*" if "recursive=true" in self.path.lower() else "*"))
        self._json([self._entry(file) for file in found])

    def _entry(self, file: Path) -> dict[str, Any]:
        kind, size = ("directory", 0) if file.is_dir() else ("file", file.stat().st_size)
        return {"type": kind, "path": file.relative_to(self.root).as_posix(), "size": size, "oid": "0" * 40}

    def _json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _error(self, status: int, code: str) -> None:
        self._send(status, b"{}", {"X-Error-Code": code, "Content-Type": "application/json"})

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


@contextmanager
def connected(hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The libraries pointed at this hub, with their caches in a folder of the test's own."""
    datasets = pytest.importorskip("datasets", reason="needs the extra `datasets`")
    import huggingface_hub

    with hub.serving() as url:
        constants = huggingface_hub.constants
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache / "hub"))
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", url)
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", cache / "datasets")
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        huggingface_hub.HfFileSystem.clear_instance_cache()
        yield hub
    huggingface_hub.HfFileSystem.clear_instance_cache()
