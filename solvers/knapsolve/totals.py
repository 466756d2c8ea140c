"""Totals of a selection in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from knapsolve.parallel import each, slices


def totals(
    values: NDArray[Any], item_type: NDArray[Any], types: int, selected: NDArray[np.bool_]
) -> tuple[Any, NDArray[np.int64]]:
    """Add up the values and count the types of the chosen items.

    Parameters
    ----------
    values, item_type
        Values and types, shape (n,).
    types
        Number of types, T.
    selected
        Whether each item is chosen, shape (n,).

    Returns
    -------
    total, counts
        A sum in the values' dtype, the same however many cores there are, and the number by type, shape (T,).
    """

    def one(start: int, stop: int) -> tuple[Any, NDArray[np.int64]]:
        part = slice(start, stop)
        return totals_of_slice(values[part], item_type[part], types, selected[part])  # type: ignore[no-any-return]

    parts = each(one, slices(len(values)))
    return np.sum([total for total, _ in parts], dtype=values.dtype), np.sum([counts for _, counts in parts], axis=0)


@njit(cache=True, nogil=True)
def totals_of_slice(values, item_type, types, selected):  # type: ignore[no-untyped-def]
    """Kernel of `totals` for one slice. Sums of short blocks keep the rounding error small."""
    counts = np.zeros(types, np.int64)
    total = values[:0].sum()
    for start in range(0, len(values), 512):
        block = values[:0].sum()
        for j in range(start, min(start + 512, len(values))):
            if selected[j]:
                block += values[j]
                counts[item_type[j]] += 1
        total += block
    return total, counts
