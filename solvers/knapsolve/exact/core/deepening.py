"""A list within a part of the gap, then within twice that part, and so on.

A list is as long as the loss that it allows for, and where no good selection is known that is the whole gap. Where
nothing is found within a part of the gap, the bound falls by that part; what is found first is the best (iterative
deepening: Korf, "Depth-first iterative-deepening", Artif. Intell. 27, 1985).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from knapsolve.exact.core.base import Base
from knapsolve.exact.core.levels import search_levels
from knapsolve.exact.core.search import ListSearch

FIRST_PART = 64
"""By what the gap is divided for the first part of it that is looked at."""


@dataclass(frozen=True)
class Deepened:
    """What was found: whether there is a proof, the bound relative to the base, parts tried, the longest list."""

    proved: bool
    bound: float
    parts: int
    longest: int


def deepen(base: Base, current: Base, deadline: float | None, states: int, most_work: float) -> Deepened:
    """Look for better selections within ever larger parts of the gap.

    Parameters
    ----------
    base
        Where a better selection is put.
    current
        A base of the same items that lists those that may flip.
    deadline
        Clock time to stop at, or None.
    states
        Longest list kept.
    most_work
        States to touch at most.
    """
    assert current.items is not None
    assert current.cost is not None
    shift = float(current.value - base.value)
    best = base.best - (current.value - base.value)
    gap = current.bound - float(best)
    part, bound, parts, longest = max(gap / FIRST_PART, 2 * current.unit), current.bound, 0, 0
    while part < gap and most_work > 0:
        target = current.bound - part
        # As if this were known: only what is better is looked for.
        known = type(best)(np.floor(target) if current.values.dtype == np.int64 else target)
        near = current.cost <= part
        search = ListSearch(
            current.room, current.bound, known, current.unit, current.price, states, deadline, most_work=most_work
        )
        finished = search_levels(search, replace(current, items=current.items[near], cost=current.cost[near]))
        most_work -= search.work
        parts, longest = parts + 1, max(longest, search.longest)
        if search.flipped is not None and not base.adopt(current, search.flipped, search.best, "deepening list"):
            finished = False
        if not finished or search.flipped is not None:
            return Deepened(finished, bound + shift, parts, longest)
        bound = float(known) + current.unit
        part *= 2
    return Deepened(False, bound + shift, parts, longest)
