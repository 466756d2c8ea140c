"""Constraints that every better selection keeps, priced into the reduced costs.

Cardinality: so many items at most fit, or so many at least are needed for a better value. Chvatal-Gomory: dividing
``weights @ x <= capacity`` by ``capacity / k`` and rounding gives ``sum((ceil(k w / capacity) - 1) x) <= k - 1``: with
k = 2, at most one item heavier than half of the capacity. Their prices come from the dual of the linear relaxation
(`knapsolve.dual`). A selection loses the reduced costs of its flips against the bound whatever the prices, so that the
list search needs to know nothing of the constraints. Martello and Toth ("Upper bounds and algorithms for hard 0-1
knapsack problems", Oper. Res. 45, 1997) introduced the cardinality bounds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.dual import minimise_dual
from knapsolve.exact.core.base import ROUNDING, Base

MOST_ROWS = 4
"""Constraints priced at most, besides the capacity."""
MANY_ITEMS = 5_000
"""Free items above which only cardinality is looked at."""
DIVISORS = (*range(2, 65), 96, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
"""The k that are tried."""
WORTHWHILE = 0.98
"""A constraint is kept if it shrinks the gap at least by this factor."""
CUT_SECONDS = 1.0
"""Time after which no further constraint is tried."""
ITEM_SECONDS = 5e-6
"""Time that must be left, by free item, for the dual to be solved a few times."""


@dataclass(eq=False)
class Program:
    """The relaxation over the items that are not fixed.

    Parameters
    ----------
    items
        Their indices, shape (k,).
    values, weights
        Of the items, shape (k,).
    capacity
        What the fixed items leave.
    rows, limits
        Further constraints ``rows[i] @ x <= limits[i]``, whole numbers.
    """

    items: NDArray[np.int64]
    values: NDArray[Any]
    weights: NDArray[Any]
    capacity: Any
    rows: list[NDArray[np.int64]] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)

    def relaxed(self, row: NDArray[np.int64] | None = None, limit: int = 0) -> Relaxed:
        """Return the relaxation with one more constraint."""
        rows, limits = list(self.rows), list(self.limits)
        if row is not None:
            rows, limits = [*rows, row], [*limits, limit]
        columns = np.array([self.weights.astype(np.float64), *(a.astype(np.float64) for a in rows)])
        right = np.array([float(self.capacity), *(float(b) for b in limits)])
        dual = minimise_dual(self.values, columns, right)
        prices = dual.prices
        reduced = self.values - prices @ columns
        at_one = dual.at_one  # As the basis says: where reduced costs are zero, their signs are rounding.
        magnitude = self.values + prices @ np.abs(columns)
        excess = np.maximum(np.where(at_one, -reduced, reduced), 0.0).sum() + ROUNDING * magnitude.sum()
        room = self.capacity - self.weights[at_one].sum()
        bound = prices[0] * float(room) + float(excess)
        for price, a, b in zip(prices[1:], rows, limits, strict=True):
            bound += price * float(b - int(a[at_one].sum()))
        return Relaxed(
            prices,
            at_one,
            np.maximum(np.where(at_one, reduced, -reduced), 0.0),
            room,
            float(bound),
            self.values[at_one].sum(),
        )


@dataclass(frozen=True, eq=False)
class Relaxed:
    """Prices, the selection of positive reduced cost, the costs of flips, and the bound relative to its value."""

    prices: NDArray[np.float64]
    at_one: NDArray[np.bool_]
    cost: NDArray[np.float64]
    room: Any
    bound: float
    value: Any


def free_items(base: Base) -> NDArray[np.int64]:
    """Return the items that a better selection may flip, those nearest to the break item's efficiency first."""
    gap = base.bound - float(base.best) - base.unit
    reduced = base.values - base.price * base.weights
    cost = np.where(base.chosen, reduced, -reduced)
    free = np.flatnonzero(cost <= gap)
    return np.asarray(free[np.argsort(cost[free], kind="stable")])


def strengthen(base: Base, deadline: float | None, divisors: tuple[int, ...] = ()) -> Base:
    """Return a base over the items not fixed, with prices of the constraints that shrink the gap.

    Parameters
    ----------
    base
        The break solution and the best selection known.
    deadline
        Clock time to stop at, or None.
    divisors
        The k of Chvatal-Gomory constraints to try.

    Returns
    -------
    Base
        Its bound holds for every selection that is better than the best one known.
    """
    stop = time.perf_counter() + CUT_SECONDS
    stop = stop if deadline is None else min(stop, deadline)
    free = free_items(base)
    inside = base.chosen[free]
    if deadline is not None and time.perf_counter() + ITEM_SECONDS * len(free) > deadline:
        return base  # The dual cannot be interrupted.
    values, weights = base.values[free], base.weights[free]
    capacity = base.room + weights[inside].sum()
    target = values[inside].sum() + base.best
    program = Program(free, values, weights, capacity)
    current = program.relaxed()
    for _ in range(MOST_ROWS):
        gap = float(current.value - target) + current.bound - base.unit
        if gap < 0:
            break
        trials = [(row, limit, program.relaxed(row, limit)) for row, limit in cardinality(program, target, base.unit)]
        if len(free) <= MANY_ITEMS:
            for divisor in divisors:
                if time.perf_counter() > stop:
                    break
                row = rounded(weights, capacity, divisor)
                if row is not None and row.any():
                    trials.append((row, divisor - 1, program.relaxed(row, divisor - 1)))
        if not trials:
            break
        row, limit, relaxed = min(trials, key=lambda trial: float(trial[2].value - target) + trial[2].bound)
        if float(relaxed.value - target) + relaxed.bound - base.unit > WORTHWHILE * gap:
            break
        program.rows.append(row)
        program.limits.append(limit)
        current = relaxed
    return based(base, program, current)


def based(base: Base, program: Program, relaxed: Relaxed) -> Base:
    """Return the base of a relaxation."""
    chosen = base.chosen.copy()
    inside = chosen[program.items]
    chosen[program.items] = relaxed.at_one
    change = relaxed.value - program.values[inside].sum()
    keep = np.flatnonzero(
        relaxed.cost <= float(relaxed.value - program.values[inside].sum() - base.best) + relaxed.bound - base.unit
    )
    return Base(
        base.values,
        base.weights,
        chosen,
        base.value + change,
        relaxed.room,
        float(relaxed.prices[0]),
        relaxed.bound,
        base.unit,
        base.whole,
        base.best - change,
        np.empty(0, np.int64),
        items=program.items[keep],
        cost=relaxed.cost[keep],
        rows=program.rows,
    )


def cardinality(program: Program, target: Any, unit: float) -> list[tuple[NDArray[np.int64], int]]:
    """Return constraints on the number of items: at most as many as fit, at least as many as a better value needs."""
    ones = np.ones(len(program.items), np.int64)
    found = []
    most = int(np.searchsorted(np.cumsum(np.sort(program.weights)), program.capacity, side="right"))
    if most < len(ones):
        found.append((ones, most))
    worth = np.cumsum(np.sort(program.values)[::-1])
    least = int(np.searchsorted(worth, target, side="right")) + 1
    if 1 < least <= len(ones):
        found.append((-ones, -least))
    return found


def rounded(weights: NDArray[Any], capacity: Any, divisor: int) -> NDArray[np.int64] | None:
    """Return ``ceil(divisor * weights / capacity) - 1``, or None where it cannot be had exactly."""
    if capacity <= 0:
        return None
    if weights.dtype == np.int64:
        if float(weights.max()) * divisor > 2.0**62:
            return None
        return np.asarray((weights * divisor - 1) // capacity)
    # A float quotient is made smaller by more than its rounding: the constraint still holds.
    return np.asarray(np.maximum(np.ceil(weights * (divisor / capacity) * (1 - 1e-12)) - 1, 0), np.int64)
