"""Splitting items by value against two thresholds a type, without sorting them: surely in, surely out, in doubt.

Items in doubt are listed one by one, or, where many of them tie, counted in *runs* of equal type and value. What is
decided about runs becomes a selection in a last pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.kernels.hashing import OFFSET, mix
from knapsolve.kernels.jit import njit
from knapsolve.kernels.parallel import each, slices

MOST_RUNS = 2**15
"""Number of runs of one slice from which items are listed instead; a power of two."""


def split(
    values: NDArray[Any],
    item_type: NDArray[Any],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    selected: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the items in doubt, touching each item once.

    Parameters
    ----------
    values, item_type
        Values and types, shape (n,).
    low, high
        Thresholds, shape (T,): an item is in above `high`, out below `low`, in doubt between them.
    selected
        Bool, shape (n,), written: whether the item is in.

    Returns
    -------
    band, counts
        Indices of the items in doubt, in order, and the number of items in, by type, shape (T,).
    """

    def one(start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        part = slice(start, stop)
        counts = np.zeros(len(low), np.int64)
        band = np.empty(stop - start, np.int64)  # the system provides only what is written
        found = split_slice(values[part], item_type[part], low, high, selected[part], band, counts)
        return band[:found] + start, counts

    parts = each(one, slices(len(values)))
    if not parts:
        return np.empty(0, np.int64), np.zeros(len(low), np.int64)
    return np.concatenate([band for band, _ in parts]), np.sum([counts for _, counts in parts], axis=0)


@njit(cache=True, nogil=True)
def split_slice(values, item_type, low, high, selected, band, counts):  # type: ignore[no-untyped-def]
    """Kernel of `split` for one slice; writes the items in doubt, counted from its start, and returns how many."""
    found = 0
    for j in range(len(values)):
        t = item_type[j]
        value = values[j]
        above = value > high[t]
        selected[j] = above
        counts[t] += above
        if not above and value >= low[t]:
            band[found] = j
            found += 1
    return found


def tally(
    values: NDArray[Any], item_type: NDArray[Any], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None:
    """Count the items in doubt by type and value.

    Parameters
    ----------
    values, item_type, low, high
        As in `split`.

    Returns
    -------
    tuple or None
        The first item of each run and the number of its items, shape (r,), and the number of items in, by type, shape
        (T,). None where there are more than `MOST_RUNS` runs.
    """

    def one(start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None:
        part = slice(start, stop)
        counts = np.zeros(len(low), np.int64)
        first, size = np.empty((2, MOST_RUNS), np.int64)
        table = np.full(4 * MOST_RUNS, -1, np.int32)
        bits = values[part].view(np.uint64)
        found = tally_slice(values[part], bits, item_type[part], low, high, table, first, size, counts)
        return None if found < 0 else (first[:found] + start, size[:found], counts)

    parts = [part for part in each(one, slices(len(values))) if part is not None]
    if len(parts) < len(slices(len(values))):
        return None
    first = np.concatenate([part[0] for part in parts])
    size = np.concatenate([part[1] for part in parts])
    value, kind = values[first], item_type[first]
    order = np.lexsort((first, value, kind))
    value, kind = value[order], kind[order]
    heads = np.flatnonzero(np.concatenate(([True], (value[1:] != value[:-1]) | (kind[1:] != kind[:-1]))))
    counts = np.sum([part[2] for part in parts], axis=0)
    if not len(first):
        return first, size, counts
    return first[order][heads], np.add.reduceat(size[order], heads), counts


@njit(cache=True, nogil=True)
def tally_slice(values, bits, item_type, low, high, table, first, size, counts):  # type: ignore[no-untyped-def]  # noqa: PLR0913
    """Kernel of `tally` for one slice: a hash table by type and bits of the value; returns the runs, -1 if too many."""
    found = 0
    mask = np.uint64(len(table) - 1)
    for j in range(len(values)):
        t = item_type[j]
        value = values[j]
        if value > high[t]:
            counts[t] += 1
        elif value >= low[t]:
            slot = mix(mix(OFFSET, bits[j]), np.uint64(t)) & mask
            known = table[slot]
            while known >= 0 and (bits[first[known]] != bits[j] or item_type[first[known]] != t):
                slot = (slot + np.uint64(1)) & mask
                known = table[slot]
            if known < 0:
                if found == len(first):
                    return -1
                known = found
                table[slot] = found
                first[found] = j
                size[found] = 0
                found += 1
            size[known] += 1
    return found


@njit(cache=True, nogil=True)
def settle(values, item_type, cut, quota, selected):  # type: ignore[no-untyped-def]
    """Select the items above their type's cut, and the first `quota` of those on it.

    Parameters: values and types (n,), cut and quota (T,), the quota being used up; selected (n,) is written.
    """
    for j in range(len(values)):
        t = item_type[j]
        value = values[j]
        inside = value > cut[t]
        if value == cut[t] and quota[t] > 0:
            quota[t] -= 1
            inside = True
        selected[j] = inside
