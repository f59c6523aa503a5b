"""The published schema: what the records say, and what the rows of a sweep follow."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from artfp.evaluate.request import Request
from artfp.evaluate.schema import schemas
from artfp.evaluate.sweep import Outcome
from artfp.evaluate.table import COLUMNS

DOCS = Path(__file__).parents[2] / "docs"
PUBLISHED = DOCS / "robustness-row.schema.json"
TYPES = {"integer": int, "number": int | float, "string": str, "boolean": bool, "null": type(None)}


def follows(value: Any, schema: dict[str, Any], names: dict[str, Any]) -> bool:
    """Whether a value follows a schema, as far as ours use the language."""
    if "$ref" in schema:
        return follows(value, names[schema["$ref"].rpartition("/")[2]], names)
    if "anyOf" in schema:
        return any(follows(value, each, names) for each in schema["anyOf"])
    if "const" in schema:
        return bool(value == schema["const"])
    if schema["type"] == "array":
        return isinstance(value, list) and all(follows(item, schema["items"], names) for item in value)
    if schema["type"] == "object":
        if not isinstance(value, dict) or "properties" not in schema:
            return isinstance(value, dict)
        whole = set(value) == set(schema["required"]) == set(schema["properties"])
        return whole and all(follows(value[name], each, names) for name, each in schema["properties"].items())
    return isinstance(value, TYPES[schema["type"]]) and (schema["type"] == "boolean" or not isinstance(value, bool))


def test_the_published_schema_is_that_of_the_records() -> None:
    assert json.loads(PUBLISHED.read_text()) == schemas()
    records = {"Row", "Sweep", "Readout", "Control", "Damage", "Share", "Interval", "Thresholds"}
    assert set(schemas()["$defs"]) == records


def test_the_files_of_a_sweep_follow_it(
    request_of: Callable[..., Request], swept: Callable[..., Outcome], tmp_path: Path
) -> None:
    request = request_of("standard", twin=None)
    swept(request, tmp_path, "image/untouched/*", "weights/prune/0.1/*", "weights/soup/0.5/*", "image/blur/0.012/*")
    names = json.loads(PUBLISHED.read_text())["$defs"]
    assert follows(json.loads((tmp_path / "sweep.json").read_text()), names["Sweep"], names)
    rows = [json.loads(path.read_text()) for path in sorted((tmp_path / "rows").iterdir())]
    assert len(rows) == 6
    assert all(follows(row, names["Row"], names) for row in rows)
    assert not follows({**rows[0], "schema": 2}, names["Row"], names)
    assert not follows({**rows[0], "more": 1}, names["Row"], names)


@pytest.mark.parametrize("name", ["Row", "Readout", "Control", "Damage", "Thresholds", "Sweep"])
def test_the_guide_explains_every_field(name: str) -> None:
    guide = (DOCS / "robustness.md").read_text()
    for field in schemas()["$defs"][name]["properties"]:
        assert f"`{field}`" in guide, field


def test_the_guide_has_every_column_of_the_table() -> None:
    guide = (DOCS / "robustness.md").read_text()
    for column in COLUMNS:
        stem = column.removesuffix("_low").removesuffix("_high")
        assert f"`{column}`" in guide or f"`{stem}`" in guide, column
