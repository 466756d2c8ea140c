"""The best pair of two lists of combinations: classes are dealt to two halves, each is listed, and the lists joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.choice.list import GIVE_UP, OVERFLOW, Listed, Losses, combinations, join
from knapsolve.exact.choice.match import index, match, neighbouring_cells, slack_vectors
from knapsolve.limits import clock
from knapsolve.limits.interruption import late

ROOM = 2**21
"""Longest list of combinations (about 60 bytes each for two resources)."""
FIRST_ROOM = 2**12
WORK = 2**22
"""Pairs looked at between two looks at the clock."""
MOST_EXTENSIONS = 2**24
"""Extensions of combinations tried before a budget is given up."""
EXTENSIONS_A_SECOND = 2**21
"""Extensions that surely take no longer than a second."""
MOST_WORK = 2**30
"""Pairs looked at before a budget is given up."""


@dataclass(frozen=True, eq=False)
class Nearby:
    """Options that may take the place of their class's key.

    Parameters
    ----------
    class_of
        Class of each option, shape (P,).
    loss
        What each loses, shape (P,).
    added
        Weight each adds to that of the key, shape (P, m).
    """

    class_of: NDArray[np.int64]
    loss: NDArray[np.float64]
    added: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pair:
    """What two lists hold.

    Parameters
    ----------
    length
        Length of the longer list; 0 where room or time ran out.
    loss
        Least loss found, or the one that was to be beaten.
    taken
        Positions of the options that lose it, None where nothing better was found.
    """

    length: int
    loss: float
    taken: NDArray[np.int64] | None


@dataclass(frozen=True, eq=False)
class _Half:
    """One list, by rising loss, with its history: how its combinations came to be."""

    combinations: Listed
    position: NDArray[np.int64]
    parents: NDArray[np.int32]
    added_option: NDArray[np.int32]
    options: NDArray[np.int64]

    def taken(self, position: int) -> list[int]:
        """Return the options of a combination."""
        at, taken = int(self.position[position]), []
        while self.parents[at] >= 0:
            taken.append(int(self.options[self.added_option[at]]))
            at = int(self.parents[at])
        return taken


def best_pair(
    nearby: Nearby,
    left: NDArray[np.float64],
    prices: NDArray[np.float64],
    losses: Losses,
    deadline: float | None,
    listed_budget: float = np.inf,
    room: int = ROOM,
) -> Pair:
    """Search all combinations of the given options within a budget.

    Parameters
    ----------
    nearby
        The options in question.
    left, prices
        Capacity that the keys leave, shape (m,), may be negative, and prices, shape (m,).
    losses
        Which are of interest.
    deadline
        Time (`knapsolve.limits.clock.now`) at which to stop, or None.
    listed_budget
        Largest loss of either half, where that is to be less than the budget: not all are searched then.
    room
        Longest list.

    Returns
    -------
    Pair
        The best that was found.
    """
    order = np.lexsort((nearby.loss, nearby.class_of))
    class_of, loss = nearby.class_of[order], nearby.loss[order]
    first = np.flatnonzero(np.diff(class_of, prepend=-1))
    sizes = np.diff(first, append=len(order))
    # Classes by their cheapest deviation, dealt in turn to the two halves, the most expensive first.
    ranked = np.argsort(-loss[first], kind="stable")
    halves = []
    for half in (ranked[::2], ranked[1::2]):
        start = np.concatenate(([0], np.cumsum(sizes[half]))).astype(np.int64)
        members = order[np.repeat(first[half] - start[:-1], sizes[half]) + np.arange(start[-1])]
        listed = _list(start, members, nearby, min(losses.budget, listed_budget), room, deadline)
        if listed is None:
            return Pair(0, losses.known, None)
        halves.append(listed)
    one, two = halves
    best, lost, finished = _join(one.combinations, two.combinations, left, prices, losses, deadline)
    taken = None if best is None else np.array(one.taken(best[0]) + two.taken(best[1]), np.int64)
    length = max(len(one.combinations.loss), len(two.combinations.loss))
    return Pair(length if finished else 0, lost, taken)


def _list(
    start: NDArray[np.int64],
    members: NDArray[np.int64],
    nearby: Nearby,
    budget: float,
    most: int,
    deadline: float | None,
) -> _Half | None:
    """List one half's combinations; None where room or time ran out."""
    loss, added = nearby.loss[members], nearby.added[members]
    room = min(FIRST_ROOM, most)
    while True:
        work = MOST_EXTENSIONS
        if deadline is not None:
            work = int(min(work, EXTENSIONS_A_SECOND * (deadline - clock.now())))
        count, losses, weights, parents, added_option, alive = combinations(start, loss, added, budget, room, work)
        if count == GIVE_UP:
            return None
        if count != OVERFLOW:
            break
        if room >= most:
            return None
        room = min(8 * room, most)
    listed = np.flatnonzero(alive[:count])
    listed = listed[np.argsort(losses[listed], kind="stable")]
    return _Half(Listed(losses[listed], weights[listed]), listed, parents, added_option, members)


def _join(
    one: Listed,
    two: Listed,
    left: NDArray[np.float64],
    prices: NDArray[np.float64],
    losses: Losses,
    deadline: float | None,
) -> tuple[tuple[int, int] | None, float, bool]:
    """Return the best pair, what it loses, and whether all pairs were looked at."""
    low = one.weight.min(axis=0)
    ranges, limit = one.weight.max(axis=0) - low, min(losses.budget, losses.known)
    unused = None
    if all((weight == np.floor(weight)).all() for weight in (one.weight, two.weight, left)):
        unused = slack_vectors(prices, (ranges + 1).astype(np.int64), limit)
    unused = unused or neighbouring_cells(prices, ranges, limit)
    search: Any
    arguments: tuple[Any, ...]
    if unused is not None:
        resources, width = unused.resources, unused.width
        span = np.floor(ranges[resources] / width).astype(np.int64) + 1
        arguments = one, index(one.weight, resources, width, low[resources], span), two, unused
        search, order = match, None
    else:
        along = int(np.argmax(prices * one.weight.std(axis=0)))
        order = np.argsort(one.weight[:, along], kind="stable")
        arguments = Listed(one.loss[order], one.weight[order]), two, along
        search = join
    pair, begin, rounds = None, 0, 0
    while begin < len(two.loss):
        a, b, lost, begin = search(*arguments, left, prices, losses, begin, WORK)
        rounds += 1
        if a >= 0:
            pair, losses = (int(a if order is None else order[a]), int(b)), losses._replace(known=float(lost))
        if begin < len(two.loss) and (rounds * WORK > MOST_WORK or late(deadline)):
            return pair, losses.known, False
    return pair, losses.known, True
