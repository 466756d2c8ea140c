"""Adding items in a given order, each that still fits."""

from __future__ import annotations

import numpy as np

from knapsolve.kernels.jit import njit


@njit(cache=True)
def fill(columns, left):  # type: ignore[no-untyped-def]
    """Take items in order, skipping the ones that do not fit.

    Parameters
    ----------
    columns
        (n, m) weights, in the order to try.
    left
        (m,) what is left of each capacity.

    Returns
    -------
    (n,) bool
        Whether each item is taken.
    """
    n, m = columns.shape
    taken = np.zeros(n, np.bool_)
    remaining = left.copy()
    for j in range(n):
        fits = True
        for i in range(m):
            if columns[j, i] > remaining[i]:
                fits = False
                break
        if fits:
            taken[j] = True
            for i in range(m):
                remaining[i] -= columns[j, i]
    return taken
