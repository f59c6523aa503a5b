"""The worker as the server sees it: it is replaced by one with the same keys, and sends no objects."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from detectors import PATIENCE

from artfp.serve import worker
from artfp.serve.answers import Answer, Answers, ImageAnswer
from artfp.serve.inquiries import Failed, Inquiry, Message, Ready, Unreadable, WorkerLostError, packed, unpacked
from artfp.serve.settings import Bench
from artfp.serve.worker import Worker

ANSWER = Answer("match", None, 1e-6, "mine", "id", "words", 1)
ANSWERS = Answers(ANSWER, (ImageAnswer("a.png", "a" * 64, ANSWER),), 2, False, 2)
Begin = Callable[[bytes], Worker]


def work(bench: Bench, pipe: Connection) -> None:
    """A worker that loads nothing: what it says first lies in the registry's place, and then it echoes names."""
    pipe.send_bytes(bench.registry.read_bytes())
    with suppress(EOFError):
        while True:
            pipe.send_bytes(pipe.recv()[0].files.encode())


def ready(pairs: str) -> bytes:
    return packed([Ready(("dct",), 1, 0, pairs)])


def asking(text: str) -> Inquiry:
    return Inquiry(text)  # type: ignore[arg-type]


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setattr(worker, "work", work)
    (tmp_path / "said").write_bytes(ready("a"))
    one = Worker(Bench(tmp_path / "said"))
    assert one.start().pairs == "a"
    yield one
    one.close()


def test_messages_come_back_equal() -> None:
    sent: list[Message] = [Ready(("dct",), 2, 1, "a"), ANSWERS, Unreadable(("torn",)), Failed("inside")]
    assert unpacked(packed(sent)) == sent


@pytest.mark.parametrize(
    "sent",
    [b"", b"[]", b"7", b"{", b'[["Failed", {}]]', b'[["Failed", 7]]', b'[["Record", {}]]', b"[[[], {}]]", b"[" * 10**5],
)
def test_what_is_no_message_is_a_lost_worker(sent: bytes) -> None:
    with pytest.raises(WorkerLostError):
        unpacked(sent)


def test_objects_are_not_unpickled() -> None:
    with pytest.raises(WorkerLostError):
        unpacked(pickle.dumps([Failed("inside")]))


def test_who_takes_the_place_of_a_worker_has_the_same_keys(begun: Worker, tmp_path: Path) -> None:
    good = packed([Failed("as before")]).decode()
    with pytest.raises(WorkerLostError, match="no message"):
        begun.ask([asking("nonsense")], PATIENCE)
    assert begun.ask([asking(good)], PATIENCE) == [Failed("as before")]
    for said, words in ((ready("b"), "has changed"), (packed([Failed("no disk")]), "no disk")):
        with pytest.raises(WorkerLostError):
            begun.ask([asking("nonsense")], PATIENCE)
        (tmp_path / "said").write_bytes(said)
        with pytest.raises(WorkerLostError, match=words):
            begun.ask([asking(good)], PATIENCE)
        (tmp_path / "said").write_bytes(ready("a"))
        assert begun.ask([asking(good)], PATIENCE) == [Failed("as before")]
