"""Good selections from two short lists: one over every other item, one over the rest, matched in the middle.

Two lists of k states stand for k * k selections; as both are sorted by weight, the best pair that fits is found in one
walk over both (Horowitz and Sahni, "Computing partitions with applications to the knapsack problem", J. ACM 21, 1974).
The lists are cut to their best states, so that this proves nothing, but it fills the capacity far better than one list
of their length.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.core.base import Base
from knapsolve.exact.core.levels import balanced_order, steps_of
from knapsolve.exact.core.search import ListSearch
from knapsolve.kernels.jit import njit

PAIR_STEPS = 24
"""Steps of each half between two matchings."""
PICKS = 48
"""Items of a sample."""
WIDENING = 2
"""By how much the stretch of cheapest items grows from one sample to the next."""
SAMPLE_WORK = 2 * 10**5
"""What a sample takes at least, in touches of a state."""
LEVELS = 64
"""Parts of a unit of value within which costs count as equal."""


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
        parts = [half[start : start + PAIR_STEPS] for half in halves]
        if min(base.cost[part].min(initial=np.inf) for part in parts) > gap:
            break
        for search, part in zip(searches, parts, strict=True):
            # Rates of 0: what one half leaves unused the other may fill.
            search.run(steps_of(base, base.items[part], base.cost[part]), 0.0, 0.0)
        if first.count and second.count:
            one, other = first.current(), second.current()
            value, i, j = best_pair(one[0], one[1], other[0], other[1], base.room)
            if i >= 0 and value > max(first.best, second.best):
                first.best = value
                first.flipped = np.concatenate((first.flips_of(i), second.flips_of(j)))
        if second.best > first.best:
            first.best, first.flipped = second.best, second.flipped
        second.best = first.best
        if any(search.stopped or not search.count for search in searches):
            break
    first.stopped = first.stopped or second.stopped
    return first


def match_samples(base: Base, deadline: float | None, states: int, most_work: float, seed: int) -> ListSearch:
    """Match halves of a few items drawn at random from the cheapest ones, from ever more of them.

    The very cheapest items are often alike, and what is alike fills few capacities. Items drawn from a longer stretch
    differ, and where costs are small beside what an unfilled capacity loses, that is worth more.

    Parameters
    ----------
    base
        A base that lists its items.
    deadline
        Clock time to stop at, or None.
    states
        Longest list of each half.
    most_work
        States to touch before the last sample.
    seed
        Of the drawing.

    Returns
    -------
    ListSearch
        The search with the best selection found; ended, and no proof.
    """
    assert base.items is not None
    assert base.cost is not None
    random = np.random.default_rng(seed)
    # Among costs that a unit of value does not tell apart, those nearest to the break item come first, or any.
    # (Beyond what floats hold exactly there is no such unit.)
    level = np.floor(base.cost * (LEVELS / base.unit)) if base.unit > 0.0 else base.cost
    order, other = np.argsort(level, kind="stable"), np.lexsort((random.random(len(level)), level))
    reach, work, best = PICKS, 0, None
    while True:
        search = _matched(base, order[:reach], random, deadline, states)
        work += search.work + SAMPLE_WORK
        if best is None or search.flipped is not None:
            best = search
        if float(best.best) + base.unit > base.bound or search.stopped == "time" or work >= most_work:
            break
        base = replace(base, best=best.best)
        if reach >= len(order):
            reach, order, other = PICKS, other, order
        else:
            reach *= WIDENING
    best.work, best.stopped = work, search.stopped
    return best


def _matched(
    base: Base, stretch: NDArray[np.int64], random: np.random.Generator, deadline: float | None, states: int
) -> ListSearch:
    """Match halves of items drawn from a stretch of the listed ones: as many that are chosen as others."""
    assert base.items is not None
    assert base.cost is not None
    inside = base.chosen[base.items[stretch]]
    drawn = random.permutation(
        np.concatenate(
            [
                side if len(side) <= PICKS // 2 else random.choice(side, PICKS // 2, replace=False)
                for side in (stretch[inside], stretch[~inside])
            ]
        )
    )
    sample = replace(base, items=base.items[drawn], cost=base.cost[drawn])
    return match_halves(sample, deadline, states, np.inf)


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
