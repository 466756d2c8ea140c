"""Rows on disk: one JSON file a group, one row a problem and contestant, the newest in place of the older."""

from __future__ import annotations

import json
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


def save(path: Path, rows: list[Row]) -> None:
    """Write the rows, a row a line, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(" " + json.dumps(row) for row in rows)
    atomic.write_text(path, f"[\n{lines}\n]\n")
