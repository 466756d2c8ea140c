"""Splitting items by their reduced cost without sorting them: surely in, surely out, in doubt."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def split(values, item_type, low, high, selected, band, counts):  # type: ignore[no-untyped-def]
    """Split items by value against two thresholds a type, touching each once.

    Parameters
    ----------
    values, item_type
        (n,) values and types.
    low, high
        (T,) thresholds: an item is in above `high`, out below `low`, in doubt between them.
    selected
        (n,) bool, written: whether the item is in.
    band
        (size,) int, written: indices of the items in doubt.
    counts
        (T,) int, written: number of items in, by type.

    Returns
    -------
    int
        Number of items in doubt; beyond the size of `band` they are counted but not stored.
    """
    counts[:] = 0
    found = 0
    for j in range(len(values)):
        t = item_type[j]
        value = values[j]
        above = value > high[t]
        selected[j] = above
        if above:
            counts[t] += 1
        elif value >= low[t]:
            if found < len(band):
                band[found] = j
            found += 1
    return found


@njit(cache=True)
def spread(values, item_type, types):  # type: ignore[no-untyped-def]
    """Return the smallest and largest value of each type, (T,) each; inf and -inf where a type has no item."""
    smallest = np.full(types, np.inf)
    largest = np.full(types, -np.inf)
    for j in range(len(values)):
        t = item_type[j]
        smallest[t] = min(smallest[t], values[j])
        largest[t] = max(largest[t], values[j])
    return smallest, largest
