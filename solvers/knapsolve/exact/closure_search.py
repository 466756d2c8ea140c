"""Trees over a core and over neighbourhoods of the best selection, as objects that keep the kernels' state."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.closure_core import Core
from knapsolve.exact.closure_graph import follow
from knapsolve.exact.closure_prices import Priced
from knapsolve.exact.closure_record import Record
from knapsolve.exact.closure_tree import DEPTH, DONE, FOUND, NODES, READY, WORK, search

FIRST_SIZE = 60.0
LEAST_SIZE = 20.0
ROUND_WORK = 400_000
"""Arcs a neighbourhood may take before it counts as too large."""


class Tree:
    """A depth-first search that stops and goes on.

    Parameters
    ----------
    core
        What to search.
    prices
        Prices to begin with, shape (m,).
    excess
        What the items of the core are worth at these prices, shape (n,); the surest are filled in first.
    """

    def __init__(self, core: Core, prices: NDArray[np.float64], excess: NDArray[np.float64]) -> None:
        size, m = core.weight.shape
        self.core = core
        self.done = bool((core.limits < 0.0).any())
        self.counters = np.zeros(5, np.int64)
        self.counters[READY] = 1
        self._chosen = np.zeros(size, np.bool_)
        self._bounds = np.empty(size + 1)
        self._order = np.argsort(-excess, kind="stable")
        self._state = (
            np.zeros(size, np.int8), np.empty(size, np.int64), core.limits.copy(), np.zeros(1), prices.copy(),
            np.zeros(len(core.graph.needs)), self._chosen, np.empty(size + 1, np.int64), np.empty(size + 1, np.int64),
            self._bounds, np.empty(size + 1, np.int64), np.empty((size + 1, m)),
        )  # fmt: skip

    @property
    def nodes(self) -> int:
        """Nodes searched."""
        return int(self.counters[NODES])

    @property
    def work(self) -> int:
        """Arcs looked at."""
        return int(self.counters[WORK])

    @property
    def bound(self) -> float:
        """Bound on what is still open after a pause."""
        depth = int(self.counters[DEPTH])
        return self.core.base + float(self._bounds[:depth].max()) if depth else np.inf

    def run(self, record: Record, work: int) -> bool:
        """Go on for about `work` arcs, offering what is found; return whether something was."""
        core, end, better = self.core, self.work + work, False
        best = np.array([float(record.value) - core.base])
        while not self.done and self.work < end and not record.out():
            status = search(
                core.worth, core.weight, *core.graph.arrays, self._order, record.cutoff - core.base, best,
                core.tolerance, end - self.work, self.counters, *self._state,
            )  # fmt: skip
            self.done = status == DONE
            if status == FOUND:
                record.offer(core.selection(self._chosen, record.problem.n))
                better = True
        return better


def decided(core: Core, priced: Priced, cutoff: float) -> NDArray[np.int8]:
    """Return the state (n,) that a selection worth more than `cutoff` must have: 1 in, -1 out, 0 undecided."""
    gap = priced.bound - cutoff
    state = np.zeros(len(core.items), np.int8)
    state[priced.inside & (priced.excess >= gap)] = 1
    state[~priced.inside & (-priced.excess >= gap)] = -1
    follow(core.graph, state)
    return state


class Neighbourhoods:
    """Rounds of large neighbourhood search around the best selection (Shaw, CP 1998).

    Parameters
    ----------
    core, priced
        The items and their prices; those of small excess are freed first.
    record
        Holds the selection to improve.
    seed
        Seed of every random decision.
    """

    def __init__(self, core: Core, priced: Priced, record: Record, seed: int) -> None:
        self.core, self.priced, self.record = core, priced, record
        self.random = np.random.default_rng(seed)
        self.size = FIRST_SIZE
        self.rounds = self.work = 0

    def round(self) -> bool:
        """Search one neighbourhood; return whether something better was found."""
        core, record, random = self.core, self.record, self.random
        amount = np.abs(self.priced.excess)
        key = (amount + amount.mean() * 1e-3) * np.exp(random.uniform(0.1, 2.0) * random.standard_normal(len(amount)))
        size = min(int(self.size), len(key))
        free = np.argpartition(key, size - 1)[:size]
        chosen = record.selected[core.items]
        state = np.where(chosen, 1, -1).astype(np.int8)
        state[free] = 0
        # What a chosen item needs is chosen: only free items give way to what is kept.
        follow(core.graph, state)
        left = np.flatnonzero(state == 0)
        tree = Tree(core.reduced(state), self.priced.prices, self.priced.excess[left])
        better = tree.run(record, ROUND_WORK)
        self.rounds += 1
        self.work += tree.work + len(key)
        self.size = max(LEAST_SIZE, min(self.size * (1.05 if tree.done else 0.9), float(len(key))))
        return better
