"""Totals of a selection in one pass, on all cores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.kernels.jit import njit
from knapsolve.kernels.parallel import each, slices


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
        counts = np.zeros(types, np.int64)
        return totals_of_slice(values[part], item_type[part], selected[part], counts), counts

    parts = each(one, slices(len(values)))
    return np.sum([total for total, _ in parts], dtype=values.dtype), np.sum([counts for _, counts in parts], axis=0)


@njit(cache=True, nogil=True)
def totals_of_slice(values, item_type, selected, counts):  # type: ignore[no-untyped-def]
    """Kernel of `totals` for one slice, not empty. Sums of short blocks keep the rounding error small."""
    nothing = values[0] * 0
    total = nothing
    for start in range(0, len(values), 512):
        block = nothing
        for j in range(start, min(start + 512, len(values))):
            block += values[j] * selected[j]
            counts[item_type[j]] += selected[j]
        total += block
    return total


def row_totals(rows: list[NDArray[Any]], selected: NDArray[np.bool_]) -> list[Any]:
    """Add up the entries of the chosen items, row by row.

    Parameters
    ----------
    rows
        Values or weights, shape (n,) each, contiguous.
    selected
        Whether each item is chosen, shape (n,).

    Returns
    -------
    list
        A sum in each row's dtype, the same however many cores there are.
    """

    def one(start: int, stop: int) -> list[Any]:
        return [row_total_of_slice(row[start:stop], selected[start:stop]) for row in rows]

    parts = each(one, slices(len(selected)))
    return [np.sum([part[i] for part in parts], dtype=row.dtype) for i, row in enumerate(rows)]


@njit(cache=True, nogil=True)
def row_total_of_slice(row, selected):  # type: ignore[no-untyped-def]
    """Kernel of `row_totals` for one slice of one row, not empty."""
    nothing = row[0] * 0
    total = nothing
    for start in range(0, len(row), 512):
        block = nothing
        for j in range(start, min(start + 512, len(row))):
            block += row[j] * selected[j]
        total += block
    return total
