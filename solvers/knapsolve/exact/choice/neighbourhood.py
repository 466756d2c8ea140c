"""Neighbourhood search for multiple choice: free some classes, and find the best of all their combinations that fits.

The classes that are not freed keep their options; of the freed ones every combination that loses little is listed in
two halves, and the halves are joined (`pairs`), which looks at billions of combinations in the time that a swap
search needs for millions. A search that no longer gains is kicked: it must give up one of its options.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.choice.budget import ROUNDING
from knapsolve.exact.choice.classes import Classes
from knapsolve.exact.choice.list import Losses
from knapsolve.exact.choice.pairs import Nearby, Pair, best_pair
from knapsolve.exact.choice.relaxation import ChoiceRelaxation
from knapsolve.kernels import parallel
from knapsolve.limits.interruption import late
from knapsolve.solution import refuse

ROOM = 2**14
"""Longest list of one half of the freed classes."""
START_ROOM = 2**15
"""The same where all classes are free."""
FREE = 0.4
"""Share of the classes that is freed."""
NEAREST = 1500
"""Options considered, those that lose least."""
FAILURES = 10
"""Neighbourhoods without gain until a kick."""
KICK = 0.3
"""What a kick may lose, as a share of the loss so far."""
TRIES = 20
"""Losses tried for a start, and budgets of the lists."""
LINES = 2
"""Searches at once, each on a thread of its own."""


class Search:
    """One line of search.

    Parameters
    ----------
    classes, relaxation
        The problem and its dual.
    options
        Options to start from, one a class, shape (C,), feasible, or None.
    seed
        Seed of the random choices.
    trace
        Written: a sentence on what is refused.
    """

    def __init__(
        self,
        classes: Classes,
        relaxation: ChoiceRelaxation,
        options: NDArray[np.int64] | None,
        seed: tuple[int, int],
        trace: list[str],
    ) -> None:
        self.classes, self.relaxation, self.trace = classes, relaxation, trace
        self.random = np.random.default_rng(seed)
        loss = relaxation.loss.copy()
        loss[relaxation.key] = np.inf
        near = np.flatnonzero(np.isfinite(loss))
        self.near = near[np.argsort(loss[near], kind="stable")[:NEAREST]]
        self.class_of = np.searchsorted(classes.start, self.near, "right") - 1
        self.options, self.loss = relaxation.key, np.inf
        self.best, self.least = self.options, np.inf
        if options is not None:
            self._move(options)
        self.listed_budget = float(relaxation.loss[self.near].max(initial=0.0)) / 4.0
        self.failures = 0

    def _move(self, options: NDArray[np.int64]) -> bool:
        """Go on from other options; return whether they fit."""
        limits = self.classes.limits
        unused = limits - self.classes.weight[options].sum(axis=0)
        over = np.flatnonzero(unused < -ROUNDING * limits)
        if len(over):
            reason = f"resource {over[0]} is over its capacity by {-unused[over[0]]}"
            self.trace.append(refuse("choice, a neighbourhood", reason))
            return False
        loss = float(self.relaxation.loss[options].sum() + self.relaxation.prices @ unused)
        if loss < self.least:
            self.best, self.least, self.failures = options, loss, 0
        self.options, self.loss = options, loss
        return True

    def _search(
        self, base: NDArray[np.int64], near: NDArray[np.bool_], known: float, room: int, deadline: float | None
    ) -> bool:
        """Take the best combination of near options, bool, shape (P,), in place of the base's; or tell there is none.

        The budget of the lists follows the room they take.
        """
        weight, options, class_of = self.classes.weight, self.near[near], self.class_of[near]
        left = self.classes.limits - weight[base].sum(axis=0)
        nearby = Nearby(class_of, self.relaxation.loss[options], weight[options] - weight[base[class_of]])
        losses = Losses(np.inf, known, -np.inf)
        for _ in range(TRIES):
            pair: Pair = best_pair(nearby, left, self.relaxation.prices, losses, deadline, self.listed_budget, room)
            if pair.length or pair.taken is not None or late(deadline):
                break
            self.listed_budget *= 0.85
        if 0 < pair.length < room // 3:
            self.listed_budget *= 1.1
        if pair.taken is None:
            return False
        moved = base.copy()
        moved[class_of[pair.taken]] = options[pair.taken]
        return self._move(moved)

    def begin(self, deadline: float | None) -> None:
        """Look among combinations of all classes, for ever larger losses, until there is something to start from."""
        losses, budget = self.relaxation.loss[self.near], self.listed_budget
        known = float(losses[len(losses) // 32]) or float(losses.mean())
        everything = np.ones(len(self.near), np.bool_)
        for _ in range(TRIES):
            if known >= self.least or late(deadline):
                break
            if self._search(self.relaxation.key, everything, known, START_ROOM, deadline):
                break
            known *= 1.4
        self.listed_budget = budget

    def step(self, deadline: float | None) -> None:
        """Search one neighbourhood."""
        key, loss = self.relaxation.key, self.relaxation.loss
        free = np.zeros(len(key), np.bool_)
        free[self.random.permutation(len(key))[: int(np.ceil(FREE * len(key)))]] = True
        base = np.where(free, key, self.options)
        near = free[self.class_of]
        ahead = self.loss
        if self.failures >= FAILURES:
            self.failures = 0
            self.options, self.loss = self.best, self.least
            base = np.where(free, key, self.options)
            given_up = np.flatnonzero(near & (self.options[self.class_of] == self.near))
            if len(given_up):
                near[self.random.choice(given_up)] = False
                ahead = self.loss * (1.0 + KICK)
        known = ahead - float(loss[base[~free]].sum())
        if not self._search(base, near, known * (1.0 - 1e-9), ROOM, deadline):
            self.failures += 1


def search_neighbourhoods(
    classes: Classes,
    relaxation: ChoiceRelaxation,
    options: NDArray[np.int64] | None,
    enough: float,
    rounds: int,
    deadline: float | None,
    seed: int,
    trace: list[str],
) -> NDArray[np.int64] | None:
    """Search neighbourhoods of good selections.

    Parameters
    ----------
    classes, relaxation
        The problem and its dual.
    options
        Known options, one a class, shape (C,), or None.
    enough
        A loss against the dual bound with which to be content.
    rounds
        Neighbourhoods of each line of search.
    deadline
        Time (`knapsolve.limits.clock.now`) at which to stop, or None.
    seed
        Seed of the random choices.
    trace
        Written: a sentence on what is refused.

    Returns
    -------
    NDArray[np.int64] or None
        The best options found, one a class, shape (C,).
    """
    first = Search(classes, relaxation, options, (seed, 0), trace)
    if not len(first.near):
        return options
    first.begin(deadline)
    if not np.isfinite(first.least):
        return None
    lines = [first] + [Search(classes, relaxation, first.best, (seed, line), trace) for line in range(1, LINES)]

    def run(line: int, _: int) -> None:
        search = lines[line]
        for _ in range(rounds):
            if search.least <= enough or late(deadline):
                return
            search.step(deadline)

    parallel.each(run, [(line, line + 1) for line in range(LINES)])
    return min(lines, key=lambda search: search.least).best
