"""Rows on disk: one JSON file a group, one row a problem and contestant, the newest in place of the older."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from knapsolve.files import atomic

Row = dict[str, Any]


def load(path: Path) -> list[Row]:
    """Return the rows of a file, none where there is no file."""
    if not path.exists():
        return []
    rows = json.loads(path.read_text())
    assert isinstance(rows, list)
    return rows


def merge(old: list[Row], new: list[Row], order: list[str]) -> list[Row]:
    """Replace rows of the same problem and contestant, and sort by the registry's order of problems."""
    by_key = {(row["spec"], row["solver"]): row for row in [*old, *new]}
    rank = {name: i for i, name in enumerate(order)}
    return sorted(by_key.values(), key=lambda row: rank.get(row["spec"], len(rank)))


def save(path: Path, content: list[Row] | Mapping[str, Any]) -> None:
    """Write rows, or lists of rows by name, a row a line, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, list):
        text = _lines(content)
    else:
        values = (_lines(value, " ") if isinstance(value, list) else json.dumps(value) for value in content.values())
        parts = (f" {json.dumps(name)}: {value}" for name, value in zip(content, values, strict=True))
        text = "{\n" + ",\n".join(parts) + "\n}"
    atomic.write_text(path, text + "\n")


def _lines(rows: list[Row], margin: str = "") -> str:
    return "[\n" + ",\n".join(f"{margin} {json.dumps(row)}" for row in rows) + f"\n{margin}]"
