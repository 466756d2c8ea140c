"""Finding the types of a problem: groups of items with equal weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from knapsolve.kernels.hashing import OFFSET, mix
from knapsolve.kernels.jit import njit
from knapsolve.kernels.parallel import each, slices
from knapsolve.problem import Knapsack
from knapsolve.validation import read_only

T = TypeVar("T")

MOST_TYPES = 2**20
FIRST_ITEMS = 2**12
"""Items that are grouped first; slices start from their groups, so that few have to be brought together."""


def types_of(problem: Knapsack) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Return the type of each item, shape (n,), and the weights by type, shape (m, T).

    One pass with a hash table. None if there are more than `MOST_TYPES`.
    """
    if problem.type_weights is not None:
        assert problem.item_type is not None
        return problem.item_type, problem.type_weights
    return group_columns(problem.weights, MOST_TYPES)


def group_columns(weights: NDArray[Any], most: int) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Group equal columns.

    Parameters
    ----------
    weights
        Weights, shape (m, n), not negative.
    most
        Largest number of groups.

    Returns
    -------
    tuple or None
        The group of each column, shape (n,), in the smallest dtype that holds all, and a column of each group, shape
        (m, T), in the order in which they first occur. None where there are more than `most`.
    """
    # Not negative: equal numbers have equal bits but for the sign of a zero.
    bits = np.ascontiguousarray(weights).view(np.uint64)
    nothing = np.empty((0, len(bits)), np.uint64)
    dtypes: tuple[type[np.integer[Any]], ...] = (np.uint8, np.int32)
    found = _first_of(_group(bits, 0, min(FIRST_ITEMS, bits.shape[1]), nothing, dtype, most) for dtype in dtypes)
    if found is None:
        return None
    first = found[1]
    dtypes = dtypes if len(first) <= 2**7 else dtypes[1:]
    parts = each(
        lambda start, stop: _first_of(_group(bits, start, stop, first, dtype, most) for dtype in dtypes),
        slices(bits.shape[1]) or [(0, 0)],
    )
    groups: dict[bytes, int] = {column.tobytes(): t for t, column in enumerate(first)}
    labels = []
    for part in parts:
        if part is None:
            return None
        label, columns = part
        numbers = [groups.setdefault(column.tobytes(), len(groups)) for column in columns]
        if len(groups) > most:
            return None
        labels.append(label if numbers == list(range(len(numbers))) else np.array(numbers, np.int32)[label])
    table = np.frombuffer(b"".join(groups), weights.dtype).reshape(-1, len(bits)).T
    smallest = np.uint8 if len(groups) <= 2**8 else np.int32
    return read_only(np.concatenate(labels).astype(smallest, copy=False)), read_only(np.ascontiguousarray(table))


def _first_of(found: Iterable[T | None]) -> T | None:
    return next((one for one in found if one is not None), None)


def _group(
    bits: NDArray[np.uint64], start: int, stop: int, known: NDArray[np.uint64], dtype: type[np.integer[Any]], most: int
) -> tuple[NDArray[Any], NDArray[np.uint64]] | None:
    """Label columns start..stop by those known and new ones after them; return labels and all columns, (T, m).

    None where there are more than `most` groups or than the labels' dtype holds.
    """
    most = min(most, np.iinfo(dtype).max + 1)
    room = max(64, 2 * len(known))
    label = np.empty(stop - start, dtype)
    while True:
        columns = np.empty((min(room, most), len(bits)), np.uint64)
        columns[: len(known)] = known
        table = np.full(1 << (4 * len(columns)).bit_length(), -1, np.int32)
        count = group_slice(bits, start, len(known), columns, table, label)
        if count >= 0:
            return label, columns[:count]
        if room >= most:
            return None
        room *= 8


@njit(cache=True, nogil=True)
def group_slice(bits, start, count, columns, table, label):  # type: ignore[no-untyped-def]
    """Group columns of bits (m, n) from `start` on with a hash table; the first `count` of columns (room, m) are known.

    `columns`, `table` (a power of two, all -1) and `label` (as long as the slice) are written. Returns the number of
    groups, -1 where there is not room enough.
    """
    m = len(bits)
    mask = np.uint64(len(table) - 1)
    nothing, minus_zero = np.uint64(0), np.uint64(2**63)
    for t in range(count):
        mixed = OFFSET
        for i in range(m):
            mixed = mix(mixed, columns[t, i])
        slot = mixed & mask
        while table[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        table[slot] = t
    for j in range(len(label)):
        mixed = OFFSET
        for i in range(m):
            word = bits[i, start + j]
            mixed = mix(mixed, nothing if word == minus_zero else word)
        slot = mixed & mask
        known = table[slot]
        while known >= 0:
            same = True
            for i in range(m):
                word = bits[i, start + j]
                same &= columns[known, i] == (nothing if word == minus_zero else word)
            if same:
                break
            slot = (slot + np.uint64(1)) & mask
            known = table[slot]
        if known < 0:
            if count == len(columns):
                return -1
            known = count
            table[slot] = count
            for i in range(m):
                word = bits[i, start + j]
                columns[count, i] = nothing if word == minus_zero else word
            count += 1
        label[j] = known
    return count
