"""The commands that docs/scale.md shows are understood, and plan what it says; so is the file of a Ray cluster."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from string import Template

import numpy as np
import pytest
from click.testing import CliRunner

from artfp import __version__
from artfp.cli.main import artfp

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scale.md").read_text()
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
    assert ["--shard-index" in words for words in commands] == [True, True, True, False]
    assert ["ray" in words for words in commands] == [False, False, False, True]
    for words in commands:
        if find_spec("ray") or "ray" not in words:
            plan = run([*words, "--codec", "dct", "--device", "cpu", "--dry-run", "--json"])
            assert json.loads(plan)["shards"] == 1


@pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra `ray`")
def test_the_example_of_a_ray_cluster_is_one() -> None:
    import yaml
    from ray.autoscaler._private.util import prepare_config, validate_config
    from ray.scripts.scripts import start

    cluster = yaml.safe_load((ROOT / "examples" / "ray-cluster.yaml").read_text())
    prepared = prepare_config(deepcopy(cluster))
    validate_config(prepared)
    assert prepared["provider"]["type"] == "local"
    assert cluster["min_workers"] == cluster["max_workers"] == len(cluster["provider"]["worker_ips"])
    for line in (*cluster["head_start_ray_commands"], *cluster["worker_start_ray_commands"]):
        before, ray, options = line.partition(".venv-artfp/bin/ray ")
        assert ray, line
        if options != "stop":
            assert before == "RAY_AUTH_MODE=token "
            verb, *words = shlex.split(options)
            assert verb == "start"
            start.make_context("start", words)  # refuses what it does not know
    assert f"artfp[ray]=={__version__}" in cluster["setup_commands"][1]
    with pytest.raises(Exception, match="min_worker"):
        validate_config(prepare_config(cluster | {"min_worker": 2}))
