"""Published instances, read from the folder that ``KNAPPRUNE_DATA`` names, and the best values known for them.

A user obtains them from OR-Library (mknap1, mknapcb*), SAC-94, Glover and Kochenberger (gk), Pisinger's knapPI set,
Jooken et al. (github.com/JorikJooken/knapsackProblemInstances) and Khan's MMKP set.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from knapsolve import Knapsack, read

SINGLE_SETS = {"gk": "*.dat", "knapPI": "knapPI_*", "jooken": "*.in", "mmkp": "I*", "sac94": "*/*.dat"}
"""Sets with one problem a file, and the pattern of their files."""


def folder() -> Path | None:
    """Return the folder of knapsack files, or None where ``KNAPPRUNE_DATA`` does not name one."""
    named = os.environ.get("KNAPPRUNE_DATA")
    path = Path(named) / "knapsack" if named else None
    return path if path is not None and path.is_dir() else None


def problem(n: int, m: int, rng: np.random.Generator, *, path: str, index: int = 0) -> Knapsack:
    """Read a problem; `path` is relative to the folder of knapsack files, the other arguments are not used."""
    return read(_folder() / path, index)


def paths(name: str) -> list[str]:
    """Return the files of a set, relative to the folder and sorted; none where there is no folder."""
    root = folder()
    if root is None:
        return []
    return sorted(path.relative_to(root).as_posix() for path in (root / name).glob(SINGLE_SETS[name]))


def best_known(path: str, index: int) -> float | None:
    """Return the best value known of a problem, or None.

    OR-Library's large sets and the one-dimensional ones have a JSON file beside them; the others state it in the file.
    """
    file = _folder() / path
    if file.stem.startswith("mknapcb"):
        return float(json.loads((file.parent / "best_known.json").read_text())[file.stem][index])
    optima = file.parent / "optima.json"
    if optima.exists():
        known = json.loads(optima.read_text())
        optimum = known.get(file.name, known.get(file.name.removesuffix(".in")))
        return None if optimum is None else float(optimum)
    words = file.read_text().split()
    if file.stem == "mknap1":
        position = 1
        for _ in range(index):
            n, m = int(words[position]), int(words[position + 1])
            position += 3 + n + n * m + m
        return float(words[position + 2])
    return float(words[2]) or None


def _folder() -> Path:
    data = folder()
    if data is None:
        raise FileNotFoundError("KNAPPRUNE_DATA must name the folder of published instances")
    return data
