"""Rounding a relaxation: what fits is kept, the rest is filled up, then items are exchanged while that gains."""

from __future__ import annotations

from knapsolve.kernels.jit import njit


@njit(cache=True, nogil=True, error_model="numpy")
def add_all(columns, resources, candidates, count, left, selected, values):  # type: ignore[no-untyped-def]
    """Add the first `count` candidates in order, each that still fits; return what that is worth."""
    gain = 0.0
    for k in range(count):
        j = candidates[k]
        if selected[j]:
            continue
        i = 0
        while i < resources and columns[j, i] <= left[i]:
            i += 1
        if i == resources:
            selected[j] = True
            gain += values[j]
            for i in range(resources):
                left[i] -= columns[j, i]
    return gain


@njit(cache=True, nogil=True, error_model="numpy")
def exchange_all(columns, resources, near, left, selected, values):  # type: ignore[no-untyped-def]
    """Exchange a chosen item for one worth more that fits in its place, among those `near` the threshold.

    Parameters
    ----------
    columns, resources
        Weights (n, M), of which the first `resources` columns count.
    near
        Indices of the items to exchange.
    left
        What is left of the capacities, shape (M,); kept up to date.
    selected
        Whether each item is chosen, shape (n,); kept up to date.
    values
        Values (n,).

    Returns
    -------
    float
        What the exchanges gained; 0 where the selection admits none.
    """
    gain = 0.0
    for out in near:
        if not selected[out]:
            continue
        for j in near:
            if selected[j] or values[j] <= values[out]:
                continue
            i = 0
            while i < resources and columns[j, i] - columns[out, i] <= left[i]:
                i += 1
            if i == resources:
                selected[out], selected[j] = False, True
                gain += values[j] - values[out]
                for i in range(resources):
                    left[i] -= columns[j, i] - columns[out, i]
                break
    return gain
