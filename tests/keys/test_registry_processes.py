"""Several processes on one registry: nothing is lost, nothing is torn."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artfp.keys import queries
from artfp.keys.fingerprint import CodecFacts, fingerprint
from artfp.keys.records import Pair
from artfp.keys.registry import Registry

N_KEYS = 25
FACTS = CodecFacts("made-up", "ab" * 32, 64, np.zeros(64, np.int64), np.zeros((1, 64), np.uint8))
WRITER = f"""
import sys, time
from pathlib import Path
import numpy as np
from artfp.errors import UsageError
from artfp.keys.fingerprint import CodecFacts
from artfp.keys.registry import Registry

path, me, start = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
facts = CodecFacts("made-up", "ab" * 32, 64, np.zeros(64, np.int64), np.zeros((1, 64), np.uint8))
(start / me).touch()
while len(list(start.iterdir())) < 2:
    time.sleep(0.001)
won = 0
for index in range({N_KEYS}):
    with Registry(path) as registry:
        registry.new(f"{{me}}/{{index}}")
        registry.pair(f"{{me}}/{{index}}", facts)
        try:
            registry.new(f"shared/{{index}}")
            won += 1
        except UsageError:
            pass
        registry.pair(f"shared/{{index}}", facts)
print(won)
"""


def test_two_writers_lose_nothing(tmp_path: Path) -> None:
    """They start on a missing file at the same moment; every shared name is won by exactly one of them."""
    path, start = tmp_path / "new" / "keys.sqlite", tmp_path / "start"
    start.mkdir()
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-c", WRITER, str(path)]
    writers = [
        subprocess.Popen([*command, me, str(start)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        for me in ("a", "b")
    ]
    results = [writer.communicate(timeout=60) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], results
    assert sum(int(out) for out, _ in results) == N_KEYS
    with Registry(path) as registry:
        assert len(registry.names()) == 3 * N_KEYS
        table = registry.pairs(FACTS.sha256)
        assert sorted(table.names) == sorted(registry.names())
        for row in range(0, len(table), 7):
            secret = bytes.fromhex(registry.export(table.names[row])["secret"])
            np.testing.assert_array_equal(table.bits(row), fingerprint(secret, FACTS, None)[0])
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert path.stat().st_mode & 0o077 == 0


def test_a_pair_that_another_process_has_just_recorded_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing at the first look, there at the second, which holds the lock."""
    honest, looks = queries.find_pairs, [0]

    def blind_at_first(*arguments: Any) -> dict[str, Pair]:
        looks[0] += 1
        return {} if looks[0] == 1 else honest(*arguments)

    with Registry(tmp_path / "keys.sqlite") as registry:
        registry.new("acme")
        recorded = registry.pair("acme", FACTS)
        monkeypatch.setattr(queries, "find_pairs", blind_at_first)
        np.testing.assert_array_equal(registry.pair("acme", FACTS).bits, recorded.bits)
        assert len(registry.pairs(FACTS.sha256)) == 1
