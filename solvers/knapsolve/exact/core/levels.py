"""Feeding a search with items by increasing cost, without sorting more of them than it needs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.core.base import Base
from knapsolve.exact.core.break_solution import collect
from knapsolve.exact.core.list import Steps
from knapsolve.exact.core.search import ListSearch
from knapsolve.kernels.jit import njit

CHUNK = 2**12
"""Items collected and sorted at a time."""
LEVELS = 1024
"""Parts of the gap within which costs count as equal for the order of the items."""


def search_levels(search: ListSearch, base: Base) -> bool:
    """Run a search over all items that cost less than the gap; return whether it ran to its end.

    Parameters
    ----------
    search
        The search, fresh.
    base
        Its base. Where `Base.items` is None, items are collected level by level: those up to some cost, as many as can
        be sorted quickly, then those above it whose cost is within the gap that is left by then.
    """
    if base.items is not None:
        assert base.cost is not None
        return _search_listed(search, base, base.items, base.cost)
    heaviest = float(base.weights.max())
    listed, cost = np.empty(CHUNK, np.int64), np.empty(CHUNK)
    low = -1.0
    while True:
        gap = search.bound - float(search.best) - search.unit
        if low >= gap:
            return True
        start, high = 0, gap
        while start < len(base.values):
            stored, total, following = collect(
                base.values, base.weights, base.chosen, base.price, base.centre, low, high, start, listed, cost
            )
            if start == 0 and total > 2 * CHUNK:
                # Those stored are a sample of the costs: aim at one chunk.
                level = float(np.partition(cost[:stored], CHUNK * stored // (2 * total))[CHUNK * stored // (2 * total)])
                if low < level < high:
                    high = level
                    continue
            order = balanced_order(base.chosen[listed[:stored]], cost[:stored], gap)
            # Items of this level that are yet to come cost more than `low`, those of later levels more than `high`.
            rest = np.inf if high >= gap and following == len(base.values) else high
            rest = max(low, 0.0) if following < len(base.values) else rest
            steps = steps_of(base, listed[order], cost[order])
            if not search.run(steps, rest, rest / heaviest):
                return not search.stopped
            start = following
        low = high


def _search_listed(search: ListSearch, base: Base, items: NDArray[np.int64], cost: NDArray[np.float64]) -> bool:
    """Run a search over listed items, the cheapest of them first; return whether it ran to its end."""
    heaviest = float(base.weights.max())
    gap = search.bound - float(search.best)
    while len(items):
        part, later = np.arange(len(items)), np.empty(0, np.int64)
        if len(items) > 2 * CHUNK:
            part, later = np.split(np.argpartition(cost, CHUNK), [CHUNK])
            part.sort()
        order = part[balanced_order(base.chosen[items[part]], cost[part], gap)]
        rest = float(cost[later].min()) if len(later) else np.inf
        if not search.run(steps_of(base, items[order], cost[order]), rest, rest / heaviest):
            return not search.stopped
        items, cost = items[later], cost[later]
    return not search.stopped


def balanced_order(chosen: NDArray[np.bool_], cost: NDArray[np.float64], gap: float) -> NDArray[np.int64]:
    """Order items by cost, those of about the same cost by turns: one that is chosen, one that is not.

    Otherwise they keep the order in which they come.

    Parameters
    ----------
    chosen, cost
        Of the items, shape (k,).
    gap
        What a selection may lose; a small part of it counts as the same cost.
    """
    levels = np.floor(cost * (LEVELS / max(gap, 1e-300)))
    by_cost = np.argsort(levels, kind="stable")
    order = np.empty(len(chosen), np.int64)
    take_turns(levels, chosen, by_cost, order)
    return order


@njit(cache=True)
def take_turns(levels, chosen, by_cost, order):  # type: ignore[no-untyped-def]
    """Within each level, order items by turns: the first chosen one and the first other, the second ones, and so on.

    Parameters
    ----------
    levels, chosen
        (k,) of the items.
    by_cost
        (k,) item numbers by increasing level.
    order
        (k,) written: item numbers by level and turn; of two items of one turn, as they come.
    """
    k, start, place = len(by_cost), 0, 0
    while start < k:
        end = start
        while end < k and levels[by_cost[end]] == levels[by_cost[start]]:
            end += 1
        one, other = start, start
        while one < end or other < end:
            while one < end and not chosen[by_cost[one]]:
                one += 1
            while other < end and chosen[by_cost[other]]:
                other += 1
            first, second = min(one, other), max(one, other)
            if first < end:
                order[place] = by_cost[first]
                place += 1
            if second < end:
                order[place] = by_cost[second]
                place += 1
            one += 1
            other += 1
        start = end


def steps_of(base: Base, items: NDArray[np.int64], cost: NDArray[np.float64]) -> Steps:
    """Return the steps that flip the given items."""
    sign = np.where(base.chosen[items], -1, 1).astype(base.weights.dtype)
    change = np.where(base.chosen[items], -1, 1).astype(base.values.dtype)
    return Steps(items, sign * base.weights[items], change * base.values[items], cost)
