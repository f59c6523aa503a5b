"""Pieces of work in several processes: each once, in an order that serves what they need."""

from __future__ import annotations

import multiprocessing
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from artfp.contest.work import Piece, carry_out, needed
from artfp.errors import ArtfpError, UsageError
from artfp.reading import Progress, silent


def watching(_name: str) -> AbstractContextManager[Progress]:
    return nullcontext(silent)


def chain(folder: Path, count: int = 12) -> list[Piece]:
    """Each needs the one before; the last comes first."""
    journal = folder / "journal"

    def piece(place: int) -> Piece:
        def do(_tell: Progress) -> None:
            with journal.open("a") as stream:
                stream.write(f"{place}\n")
            (folder / f"{place}.done").touch()

        before = (folder / f"{place - 1}.done",) if place % 4 else ()
        return Piece(str(place), folder / f"{place}.done", do, before)

    return [piece(place) for place in reversed(range(count))]


def work(folder: Path) -> None:
    carry_out(chain(folder), folder / "locks", watching, lambda _: None)


def test_what_is_needed_comes_first(tmp_path: Path) -> None:
    work(tmp_path)
    done = [int(line) for line in (tmp_path / "journal").read_text().split()]
    assert sorted(done) == list(range(12))
    assert all(done.index(place - 1) < done.index(place) for place in done if place % 4)


def test_several_processes_do_each_piece_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artfp.contest.work.WAIT", 0.01)
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=work, args=(tmp_path,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert sorted(map(int, (tmp_path / "journal").read_text().split())) == list(range(12))


def test_only_what_is_wanted_and_needed_is_chosen(tmp_path: Path) -> None:
    pieces = chain(tmp_path)
    assert [piece.name for piece in needed(pieces, [pieces[5]])] == ["6", "5", "4"]


def test_a_piece_that_fails_stops_only_what_needs_it(tmp_path: Path) -> None:
    def fail(_tell: Progress) -> None:
        raise ArtfpError("it diverged")

    pieces = chain(tmp_path, 8)
    broken = [Piece(each.name, each.mark, fail if each.name == "1" else each.do, each.needs) for each in pieces]
    done: list[Piece] = []
    for _ in range(2):
        with pytest.raises(ArtfpError, match=r"1 piece\(s\) of work failed.*\n  1.done: it diverged"):
            carry_out(broken, tmp_path / "locks", watching, done.append)
        assert sorted(map(int, (tmp_path / "journal").read_text().split())) == [0, 4, 5, 6, 7]
    assert sorted(piece.name for piece in done) == ["0", "4", "5", "6", "7"]
    carry_out(pieces, tmp_path / "locks", watching, done.append)
    assert sorted(map(int, (tmp_path / "journal").read_text().split())) == list(range(8))


def test_what_ends_the_program_ends_it_here_too(tmp_path: Path) -> None:
    def fail(_tell: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out([Piece("x", tmp_path / "x.done", fail)], tmp_path / "locks", watching, lambda _: None)


def test_a_need_that_nothing_makes_is_refused_and_what_is_done_needs_nothing(tmp_path: Path) -> None:
    pieces = chain(tmp_path, 4)
    with pytest.raises(UsageError, match=r"2: needs .*1\.done, which nothing makes"):
        needed([each for each in pieces if each.name != "1"], [pieces[0]])
    (tmp_path / "2.done").touch()
    assert [piece.name for piece in needed(pieces, [pieces[0]])] == ["3", "2"]
    assert needed([pieces[0]], [pieces[0]]) == [pieces[0]]
