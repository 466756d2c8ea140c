"""Good selections from two short lists: one over every other item, one over the rest, matched in the middle.

Two lists of k states stand for k * k selections; as both are sorted by weight, the best pair that fits is found in one
walk over both (Horowitz and Sahni, "Computing partitions with applications to the knapsack problem", J. ACM 21, 1974).
The lists are cut to their best states, so that this proves nothing, but it fills the capacity far better than one list
of their length.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from knapsolve.exact.core.base import Base
from knapsolve.exact.core.levels import balanced_order, steps_of
from knapsolve.exact.core.search import ListSearch

PAIR_STEPS = 24
"""Steps of each half between two matchings."""


def match_halves(base: Base, deadline: float | None, states: int, most_work: float) -> ListSearch:
    """Grow both lists over the items of `base`, cheapest first, and match them now and then.

    Parameters
    ----------
    base
        A base that lists its items.
    deadline
        Clock time to stop at, or None.
    states
        Longest list of each half.
    most_work
        States to touch at most.

    Returns
    -------
    ListSearch
        A search whose best selection is that of the best pair; ended, and no proof.
    """
    assert base.items is not None
    assert base.cost is not None
    order = balanced_order(base.chosen[base.items], base.cost, base.bound - float(base.best))
    halves = [order[0::2], order[1::2]]
    searches = [
        ListSearch(
            base.room,
            base.bound,
            base.best,
            base.unit,
            base.price,
            states,
            deadline,
            beam=True,
            most_work=most_work / 2,
            unused_share=0.0,
        )
        for _ in halves
    ]
    first, second = searches
    for start in range(0, len(halves[0]), PAIR_STEPS):
        gap = first.bound - float(first.best) - first.unit
        alive = True
        for search, half in zip(searches, halves, strict=True):
            part = half[start : start + PAIR_STEPS]
            if len(part) and base.cost[part].min() <= gap:
                # Rates of 0: what one half leaves unused the other may fill.
                search.run(steps_of(base, base.items[part], base.cost[part]), 0.0, 0.0)
                alive &= not search.stopped and search.count > 0
            else:
                alive &= len(part) == 0
        if first.count and second.count:
            one, other = first.current(), second.current()
            value, i, j = best_pair(one[0], one[1], other[0], other[1], base.room)
            if i >= 0 and value > max(first.best, second.best):
                first.best = value
                first.flipped = np.concatenate((first.flips_of(i), second.flips_of(j)))
        if second.best > first.best:
            first.best, first.flipped = second.best, second.flipped
        second.best = first.best
        if not alive:
            break
    return first


@njit(cache=True)
def best_pair(one_weight, one_value, other_weight, other_value, room):  # type: ignore[no-untyped-def]
    """Return value and positions of the best pair of states that fits, or -1 as positions where none does.

    Parameters
    ----------
    one_weight, one_value, other_weight, other_value
        (k,), (l,) two lists, by increasing weight and value.
    room
        What both together may weigh.
    """
    best, first, second = one_value[0] - one_value[0], -1, -1
    j = len(other_weight) - 1
    for i in range(len(one_weight)):
        while j >= 0 and one_weight[i] + other_weight[j] > room:
            j -= 1
        if j < 0:
            break
        value = one_value[i] + other_value[j]
        if first < 0 or value > best:
            best, first, second = value, i, j
    return best, first, second
