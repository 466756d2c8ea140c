"""Splitting items by their reduced cost without sorting them: surely in, surely out, in doubt."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from knapsolve.parallel import each, slices


def split(
    values: NDArray[Any],
    item_type: NDArray[Any],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    selected: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split items by value against two thresholds a type, touching each once.

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
        band, counts = split_slice(values[part], item_type[part], low, high, selected[part])
        return band + start, counts

    parts = each(one, slices(len(values)))
    if not parts:
        return np.empty(0, np.int64), np.zeros(len(low), np.int64)
    return np.concatenate([band for band, _ in parts]), np.sum([counts for _, counts in parts], axis=0)


@njit(cache=True, nogil=True)
def split_slice(values, item_type, low, high, selected):  # type: ignore[no-untyped-def]
    """Kernel of `split` for one slice; positions in the band count from the slice's start."""
    band = np.empty(max(1024, len(values) // 8), np.int64)
    counts = np.zeros(len(low), np.int64)
    found = 0
    for j in range(len(values)):
        t = item_type[j]
        value = values[j]
        above = value > high[t]
        selected[j] = above
        counts[t] += above
        if not above and value >= low[t]:
            if found == len(band):
                grown = np.empty(2 * len(band), np.int64)
                grown[:found] = band
                band = grown
            band[found] = j
            found += 1
    return band[:found], counts
