"""Pricing constraints into the reduced costs where they shrink the gap.

A selection loses the reduced costs of its flips against the bound whatever the prices, so that the list search needs
to know nothing of the constraints (`rows`) whose prices shape them (`relaxation`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.core.base import Base
from knapsolve.exact.core.relaxation import Program, Relaxed
from knapsolve.exact.core.rows import excess, mixed, most_and_least, rounded, whole
from knapsolve.limits import clock
from knapsolve.limits.interruption import late

MOST_ROWS = 4
"""Constraints priced at most, besides the capacity."""
MANY_ITEMS = 5_000
"""Free items above which only how many there are, or what they exceed, is looked at."""
LARGE = 300_000
"""Free items above which the first constraint that helps is taken, and another only if it helped much."""
DIVISORS = (*range(2, 65), 96, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
"""The k that are tried."""
NEAREST = 3
"""Items whose weights divide the capacity in mixed-integer rounding: those that cost least."""
WORTHWHILE = 0.98
"""A constraint is kept if it shrinks the gap at least by this factor."""
MUCH = 0.75
"""The same for mixed-integer rounding, which makes unused capacity cheaper and so the list longer."""
CUT_SECONDS = 1.0
"""Time after which no further constraint is tried, beside a few times that of a relaxation."""
ITEM_SECONDS = 6e-7
"""Time that one relaxation takes, by item: what must be left to try another."""
TRIES = 6
"""Relaxations for which there is always time, unless a limit strikes."""


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
    free = free_items(base)
    stop = clock.now() + CUT_SECONDS + TRIES * ITEM_SECONDS * len(free)
    last = (np.inf if deadline is None else deadline) - ITEM_SECONDS * len(free)
    stop = min(stop, last)
    inside = base.chosen[free]
    values, weights = base.values[free], base.weights[free]
    capacity = base.room + weights[inside].sum()
    target = values[inside].sum() + base.best
    program = Program(free, values, weights, capacity)
    current = program.priced(np.array([base.price]), inside, weights.astype(np.float64).reshape(1, -1))
    large = len(free) > LARGE
    for _ in range(MOST_ROWS):
        gap = float(current.value - target) + current.bound - base.unit
        if gap < 0:
            break
        least, chosen = gap, None
        for row, limit, enough in _candidates(program, current, target + 1 if base.whole else target, divisors):
            if late(stop) or least < 0 or (chosen is not None and large):
                break
            tried = program.with_row(row, limit)
            relaxed = tried.relaxed(inside)
            left = float(relaxed.value - target) + relaxed.bound - base.unit
            if left < least and left < enough * gap:
                least, chosen = left, (tried, relaxed)
        if chosen is None:
            break
        program, current = chosen
        if large and least > MUCH * gap:
            break
    return based(base, program, current)


def _candidates(
    program: Program, current: Relaxed, target: object, divisors: tuple[int, ...]
) -> Iterator[tuple[NDArray[np.int64], int, float]]:
    """Yield rows and limits to try beside those that the program has, and the factor by which to shrink the gap."""
    values, weights, capacity = program.values, program.weights, program.capacity
    if not len(values):
        return
    above = excess(values, weights)
    for counted in (np.ones(len(values), np.int64), *(() if above is None else (above,))):
        for row, limit in most_and_least(counted, values, weights, capacity, target):
            yield row, limit, WORTHWHILE
    integers = whole(weights)
    if integers is not None:
        nearest = np.argpartition(current.cost, min(NEAREST, len(values) - 1))[:NEAREST]
        for divisor in np.unique(integers[nearest]):
            found = mixed(integers, current.at_one, int(current.room), int(divisor))
            if found is not None:
                yield *found, MUCH
    if len(values) > MANY_ITEMS:
        return
    for divisor in divisors:
        coefficients = rounded(weights, capacity, divisor)
        if coefficients is not None and coefficients.any():
            yield coefficients, divisor - 1, WORTHWHILE


def based(base: Base, program: Program, relaxed: Relaxed) -> Base:
    """Return the base of a relaxation."""
    chosen = base.chosen.copy()
    inside = chosen[program.items]
    chosen[program.items] = relaxed.at_one
    change = relaxed.value - program.values[inside].sum()
    keep = np.flatnonzero(relaxed.cost <= float(change - base.best) + relaxed.bound - base.unit)
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
        rows=list(program.rows),
    )
