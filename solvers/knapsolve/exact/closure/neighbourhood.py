"""What is decided at the root, and neighbourhoods of the best selection."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.closure.core import Core
from knapsolve.exact.closure.prices import Priced
from knapsolve.exact.closure.record import Record
from knapsolve.exact.closure.tree import Tree
from knapsolve.kernels.graph import follow

FIRST_SIZE = 60.0
LEAST_SIZE = 20.0
WARM_ROUNDS = 30
"""Rounds without improvement after which the tree takes most of the work."""
ROUND_WORK = 400_000
"""Arcs a neighbourhood may take before it counts as too large."""


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
        self.rounds = self.stale = self.work = 0

    @property
    def share(self) -> float:
        """Work that neighbourhoods are worth for each unit of the tree's: much until they bring nothing for long."""
        return 4.0 if self.stale < WARM_ROUNDS else 0.3

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
        self.stale = 0 if better else self.stale + 1
        self.work += tree.work + 5 * (len(key) + len(core.graph.needs))  # the neighbourhood's making included
        self.size = max(LEAST_SIZE, min(self.size * (1.05 if tree.done else 0.9), float(len(key))))
        return better
