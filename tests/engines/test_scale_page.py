"""The commands that docs/scale.md shows are understood, and plan what it says."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from string import Template

import numpy as np
from click.testing import CliRunner

from artfp.cli.main import artfp

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()
JOB = {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "16", "RANK": "3", "WORLD_SIZE": "8"}


def shown(verb: str) -> list[list[str]]:
    """The arguments of every such command, in the job that the environment would say it is."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, flags=re.S)).replace("\\\n", " ")
    lines = re.findall(rf"artfp ({verb} [^\n']*)", blocks)
    return [shlex.split(Template(line).substitute(JOB)) for line in lines]


def test_shown_commands_plan_their_shares(
    tmp_path: Path, clean_pixels: np.ndarray, write_pngs: Callable[[Path, np.ndarray], list[Path]]
) -> None:
    write_pngs(tmp_path / "photos", clean_pixels[:3])
    (tmp_path / "private").mkdir(mode=0o700)

    def run(words: list[str]) -> str:
        here = [re.sub(r"^(/shared/|(?=photos/|marked/))", f"{tmp_path}/", word) for word in words]
        done = CliRunner(env={"ARTFP_REGISTRY": str(tmp_path / "private" / "keys.sqlite")}).invoke(artfp, here)
        assert done.exit_code == 0, (words, done.stderr)
        return done.stdout

    assert [words[:2] for words in shown("key")] == [["key", "new"]]
    run(shown("key")[0])
    commands = shown("embed-dataset")
    assert len(commands) == 3
    for words in commands:
        plan = run([*words, "--codec", "dct", "--device", "cpu", "--dry-run", "--json"])
        assert json.loads(plan)["shards"] == 1
        assert "--shard-index" in words
