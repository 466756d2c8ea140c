"""Pruning-shaped problems: many structures, few kinds of cost, values with all their digits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from knapsolve import Knapsack

SIX_TYPES = np.array([[4, 1, 9, 2, 0, 16], [1, 0, 2, 1, 1, 4]])
"""Cost of a structure of each type on two resources, shape (2, 6)."""


def six_types(
    n: int,
    m: int,
    rng: np.random.Generator,
    *,
    values: str = "uniform",
    capacity: float = 0.5,
    dense: bool = False,
) -> Knapsack:
    """Return n items of six types on two resources."""
    if m != 2:
        raise ValueError(f"m must be 2 for the six types; got {m}")
    return _typed(n, SIX_TYPES, rng, values, capacity, dense)


def many_types(n: int, m: int, rng: np.random.Generator, *, types: int = 60) -> Knapsack:
    """Return n items of `types` types whose costs on each resource are uniform in 0..16, half of all capacities."""
    return _typed(n, rng.integers(0, 17, (m, types)), rng, "uniform", 0.5, False)


def _typed(
    n: int, table: NDArray[np.int64], rng: np.random.Generator, values: str, capacity: float, dense: bool
) -> Knapsack:
    types = table.shape[1]
    item_type = rng.integers(0, types, n, dtype=np.uint8)
    worth: NDArray[np.float64] | NDArray[np.int64]
    if values == "uniform":
        worth = rng.random(n)
    elif values == "equal":
        worth = np.ones(n)
    elif values == "integer":
        worth = rng.integers(1, 1001, n)
    elif values == "quantised":
        worth = np.minimum(np.round(64 * np.abs(rng.normal(size=n))), 255) / 64
    else:
        raise ValueError(f"values must be uniform, equal, integer or quantised; got {values!r}")
    capacities = np.floor(capacity * (table @ np.bincount(item_type, minlength=types))).astype(np.int64)
    if dense:
        return Knapsack(worth, np.ascontiguousarray(table[:, item_type]), capacities)
    return Knapsack.from_types(worth, item_type, table, capacities)
