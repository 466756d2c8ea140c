"""Finding the types of a problem: groups of items with equal weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from knapsolve.hashing import OFFSET, mix
from knapsolve.problem import Knapsack

MOST_TYPES = 2**20


def types_of(problem: Knapsack) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Return the type of each item, shape (n,), and the weights by type, shape (m, T).

    One pass with a hash table. None if there are more than `MOST_TYPES`.
    """
    if problem.type_weights is not None:
        assert problem.item_type is not None
        return problem.item_type, problem.type_weights
    weights = problem.weights
    item_type, first, count = group_columns(weights, MOST_TYPES)
    if count < 0:
        return None
    return item_type, np.ascontiguousarray(weights[:, first[:count]])


@njit(cache=True)
def column_hash(weights, j):  # type: ignore[no-untyped-def]
    """Hash column j of (m, n) weights (FNV-1a over the entries' own hashes)."""
    mixed = OFFSET
    for i in range(weights.shape[0]):
        # Adding 0 makes -0.0 and 0.0 one type.
        bits = np.int64(hash(weights[i, j] + 0)).view(np.uint64)
        mixed = mix(mixed, bits)
    return mixed


@njit(cache=True)
def group_columns(weights, most):  # type: ignore[no-untyped-def]
    """Group equal columns of (m, n) weights; return labels (n,), the first column of each group, the group count.

    The count is -1 where there are more than `most` groups.
    """
    m, n = weights.shape
    label = np.empty(n, np.int32)
    capacity = 64
    first = np.empty(capacity, np.int64)
    table = np.full(4 * capacity, -1, np.int32)
    count = 0
    for j in range(n):
        slot = column_hash(weights, j) & np.uint64(len(table) - 1)
        while True:
            known = table[slot]
            if known < 0:
                break
            same = True
            for i in range(m):
                if weights[i, first[known]] != weights[i, j]:
                    same = False
                    break
            if same:
                break
            slot = (slot + np.uint64(1)) & np.uint64(len(table) - 1)
        if known >= 0:
            label[j] = known
            continue
        if count == most:
            return label, first, -1
        if count == capacity:
            capacity *= 4
            grown = np.empty(capacity, np.int64)
            grown[:count] = first
            first = grown
            table = np.full(4 * capacity, -1, np.int32)
            for t in range(count):
                slot = column_hash(weights, first[t]) & np.uint64(len(table) - 1)
                while table[slot] >= 0:
                    slot = (slot + np.uint64(1)) & np.uint64(len(table) - 1)
                table[slot] = t
            slot = column_hash(weights, j) & np.uint64(len(table) - 1)
            while table[slot] >= 0:
                slot = (slot + np.uint64(1)) & np.uint64(len(table) - 1)
        table[slot] = count
        first[count] = j
        label[j] = count
        count += 1
    return label, first, count
