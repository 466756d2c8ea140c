"""Constraints that every better selection keeps.

Cardinality: so many items at most fit, or so many at least are needed for a better value (Martello and Toth, "Upper
bounds and algorithms for hard 0-1 knapsack problems", Oper. Res. 45, 1997). The same holds of any other whole weights
of the items. Where values are ``q * weight + d`` with few different d, as they are in the strongly correlated families,
the d are such weights: the value is then settled by the total weight and the total d.

Chvatal-Gomory: dividing ``weights @ x <= capacity`` by ``capacity / k`` and rounding gives
``sum((ceil(k w / capacity) - 1) x) <= k - 1``: with k = 2, at most one item heavier than half of the capacity.

Mixed-integer rounding: the same after replacing x by 1 - x for the items of a selection, so that what counts is by how
much a selection differs from it. With a divisor d and room = b modulo d, a coefficient a becomes
``(d - b) * floor(a / d) + max(0, a modulo d - b)`` (Marchand and Wolsey, "Aggregation and mixed integer rounding to
solve MIPs", Oper. Res. 49, 2001): where everything added weighs about d, so much at least must be removed first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = tuple[NDArray[np.int64], int]
"""Coefficients, shape (k,), and limit."""
PAIRS = 256
"""Pairs of items whose differences are compared."""
MOST_EXCESSES = 16
"""Different d up to which they are priced."""
LARGEST = 2.0**62
EXACT_FLOAT = 2.0**53
SUM_ROUNDING = 1e-12
"""Relative rounding of a sum of floats that is allowed for."""


def most_and_least(
    row: NDArray[np.int64], values: NDArray[Any], weights: NDArray[Any], capacity: Any, target: Any
) -> list[Row]:
    """Return how much of the row's coefficients fits at most, and how much a better value needs at least.

    Parameters
    ----------
    row
        Whole numbers, not negative, shape (k,).
    values, weights
        Of the items, shape (k,).
    capacity
        The capacity.
    target
        The least value wanted.
    """
    found = []
    total = int(row.sum())
    most = _greedy(row, weights, capacity)
    if most < total:
        found.append((row, most))
    # As little is taken as a better value allows where as much as it allows is left out.
    least = total - _greedy(row, values, values.sum() - target)
    if 0 < least <= total:
        found.append((-row, -least))
    return found


def _greedy(row: NDArray[np.int64], weights: NDArray[Any], capacity: Any) -> int:
    """Return an upper bound on ``row @ x`` where ``weights @ x <= capacity`` and 0 <= x <= 1; weights are positive."""
    if weights.dtype != np.int64:
        capacity += SUM_ROUNDING * float(weights.sum())
    if row.min() == row.max():
        filled = np.cumsum(np.sort(weights))
        return int(np.searchsorted(filled, capacity, side="right")) * int(row[0])
    counted = np.flatnonzero(row)
    order = counted[np.argsort(weights[counted] / row[counted])]
    filled = np.cumsum(weights[order])
    place = int(np.searchsorted(filled, capacity, side="right"))
    most = int(row[order[:place]].sum())
    if place < len(order):
        left = float(capacity - filled[place - 1]) if place else float(capacity)
        part = float(row[order[place]]) * left / float(weights[order[place]])
        # Rounding of the order and of the quotient may only let it be larger.
        most += int(np.floor(part * (1 + 1e-12) + 1e-9))
    return most


def excess(values: NDArray[Any], weights: NDArray[Any], seed: int = 0) -> NDArray[np.int64] | None:
    """Return whole numbers e >= 0 with ``values = q * weights + unit * e + constant``, few different ones, or None.

    Parameters
    ----------
    values, weights
        Whole numbers, shape (k,).
    seed
        Of the pairs of items that are compared.
    """
    if values.dtype != np.int64 or weights.dtype != np.int64 or len(values) < 3:
        return None
    drawn = np.random.default_rng(seed).integers(0, len(values), (2, PAIRS))
    rise, run = values[drawn[0]] - values[drawn[1]], weights[drawn[0]] - weights[drawn[1]]
    rise, run = rise[run != 0], run[run != 0]
    if not len(run):
        return None
    shared = np.gcd(rise, run) * np.sign(run)
    slopes, count = np.unique(np.stack((rise // shared, run // shared)), axis=1, return_counts=True)
    top = int(np.argmax(count))
    numerator, denominator = int(slopes[0, top]), int(slopes[1, top])
    largest = float(values.max()) * denominator + float(weights.max()) * abs(numerator)
    if count[top] < 0.05 * len(run) or largest >= LARGEST:
        return None
    above = denominator * values - numerator * weights
    if len(np.unique(above[:: max(1, len(above) // 1024)])) > MOST_EXCESSES:
        return None
    kinds = np.unique(above)
    if not 1 < len(kinds) <= MOST_EXCESSES:
        return None
    offset = min(int(kinds[0]), 0)
    unit = int(np.gcd.reduce(kinds - offset))
    return np.asarray((above - offset) // unit)


def rounded(weights: NDArray[Any], capacity: Any, divisor: int) -> NDArray[np.int64] | None:
    """Return ``ceil(divisor * weights / capacity) - 1``, or None where it cannot be had exactly."""
    if capacity <= 0:
        return None
    if weights.dtype == np.int64:
        if float(weights.max()) * divisor > LARGEST:
            return None
        return np.asarray((weights * divisor - 1) // capacity)
    # A float quotient is made smaller by more than its rounding: the constraint still holds.
    return np.asarray(np.maximum(np.ceil(weights * (divisor / capacity) * (1 - 1e-12)) - 1, 0), np.int64)


def whole(weights: NDArray[Any]) -> NDArray[np.int64] | None:
    """Return weights as integers, or None where they are not whole or so large that floats would not tell."""
    if weights.dtype == np.int64:
        return weights
    if not len(weights) or float(weights.max()) > EXACT_FLOAT or (weights != np.floor(weights)).any():
        return None
    return weights.astype(np.int64)


def mixed(weights: NDArray[np.int64], chosen: NDArray[np.bool_], room: int, divisor: int) -> Row | None:
    """Return the mixed-integer rounding of the capacity around a selection, or None where it says nothing.

    Parameters
    ----------
    weights
        Whole numbers, shape (k,).
    chosen
        The selection, bool, shape (k,).
    room
        Capacity that it leaves; may be negative.
    divisor
        Whole number, positive.
    """
    rest = room % divisor
    if rest == 0 or float(weights.sum()) + float(len(weights)) * divisor >= LARGEST:
        return None
    change = np.where(chosen, -weights, weights)
    row = (divisor - rest) * (change // divisor) + np.maximum(change % divisor - rest, 0)
    limit = (divisor - rest) * (room // divisor)
    # A removal counts by 1 - x.
    return np.where(chosen, -row, row), int(limit - row[chosen].sum())
