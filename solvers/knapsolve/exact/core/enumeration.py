"""Depth-first search with Dantzig's bound, for problems so small and easy that a list's setting up would take longer.

Items are taken by decreasing efficiency as long as they fit; then the last one that was taken is left out, where the
bound of what can follow allows for a better value (Horowitz and Sahni, "Computing partitions with applications to the
knapsack problem", J. ACM 21, 1974). It gives up after a fixed number of steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.kernels.jit import njit

MOST_ITEMS = 2**10
"""Items up to which it is tried."""
MOST_STEPS = 10**4
"""Items looked at before giving up: some hundredths of a millisecond."""
LARGEST = 2.0**62


def enumerate_selections(
    values: NDArray[Any], weights: NDArray[Any], limit: Any
) -> tuple[NDArray[np.bool_], float] | None:
    """Return an optimal selection, bool, shape (n,), and the price of a unit of capacity; None where it gave up.

    Parameters
    ----------
    values, weights
        Positive, shape (n,).
    limit
        The capacity, less than the sum of weights.
    """
    if len(values) > MOST_ITEMS or values.dtype != np.int64 or weights.dtype != np.int64:
        return None
    if float(values.max()) * float(weights.max()) >= LARGEST:
        return None
    efficiency = values / weights
    order = np.argsort(-efficiency, kind="stable")
    chosen = np.zeros(len(values), np.bool_)
    position = search_depth_first(values[order], weights[order], limit, MOST_STEPS, chosen)
    if position < 0:
        return None
    selected = np.empty(len(values), np.bool_)
    selected[order] = chosen
    return selected, float(efficiency[order[position]])


@njit(cache=True, nogil=True)
def search_depth_first(values, weights, limit, most_steps, best_taken):  # type: ignore[no-untyped-def]  # noqa: C901
    """Search all selections of items that come by decreasing efficiency.

    Parameters
    ----------
    values, weights
        (n,) whole numbers, positive; no product of a value and a weight beyond 2**62.
    limit
        The capacity.
    most_steps
        Items to look at.
    best_taken
        (n,) bool, written: the best selection.

    Returns
    -------
    int
        Position of the break item, or -1 if the steps did not suffice.
    """
    n = len(values)
    taken = np.zeros(n, np.bool_)
    # Where not even the lightest item that follows fits, nothing can be gained.
    lightest = np.empty(n + 1, np.int64)
    lightest[n] = np.iinfo(np.int64).max
    for j in range(n - 1, -1, -1):
        lightest[j] = min(lightest[j + 1], weights[j])
    best, value, left, j, steps, position = -1, 0, limit, 0, 0, -1
    while True:
        # Dantzig's bound of what may follow.
        k, gain, rest = j, value, left
        while k < n and weights[k] <= rest:
            gain += values[k]
            rest -= weights[k]
            k += 1
        steps += k - j + 1
        if k < n:
            if position < 0:
                position = k
            gain += rest * values[k] // weights[k]
        if steps > most_steps:
            return -1
        if gain > best:
            while j < n and lightest[j] <= left:
                if weights[j] <= left:
                    taken[j] = True
                    value += values[j]
                    left -= weights[j]
                j += 1
                steps += 1
            if value > best:
                best = value
                for i in range(n):
                    best_taken[i] = taken[i]
                steps += n // 8
        # Leave out the last item that is taken.
        j -= 1
        while j >= 0 and not taken[j]:
            j -= 1
        if j < 0:
            return position
        taken[j] = False
        value -= values[j]
        left += weights[j]
        j += 1
