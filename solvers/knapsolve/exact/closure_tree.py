"""Depth-first search over sets closed under requirements, bounded by priced closures.

At a node some items are in, with all that they need, and some out, with all that need them. Prices relax the
capacities; the free items' most profitable closure then bounds the node, from the flow and the prices of the node
before. Prices move only until the bound falls to the cutoff or cannot: one resource by cutting planes, which say so,
several by Polyak's step towards the cutoff (Introduction to Optimization, 1987). An excess larger than what the
bound is above the cutoff fixes its item. The branch is on an item that the closures at a node disagree on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.closure_core import Closures, Core
from knapsolve.exact.closure_fill import fill
from knapsolve.exact.closure_flow import OPEN, PRUNED
from knapsolve.exact.closure_graph import spread
from knapsolve.exact.closure_record import Record

FILL_ARCS = 20_000
"""Arcs that filling up a node's selection may look at."""
LINE_STEPS = 20
"""Most prices tried at a node with one resource; with several, 8 and 2 a resource."""


@dataclass(frozen=True, eq=False)
class Decision:
    """An item taken whose dropping is still to be searched; the bound and prices of its node, and the trail's height."""

    item: int
    bound: float
    prices: NDArray[np.float64]
    mark: int


class Tree:
    """A depth-first search that stops after any node and goes on.

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
        n, m = core.weight.shape
        self.core, self.closures = core, Closures(core)
        self.nodes = 0
        self._prices = prices
        self._trail: list[NDArray[np.int64]] = []
        self._decisions: list[Decision] = []
        self._order = np.argsort(-excess, kind="stable")
        self._room = np.empty((2, n), np.int64)
        self._most = LINE_STEPS if m == 1 else 8 + 2 * m
        self._ready = not (core.limits < 0.0).any()

    @property
    def done(self) -> bool:
        """Whether nothing is left to search."""
        return not self._ready and not self._decisions

    @property
    def work(self) -> int:
        """Arcs looked at."""
        return self.closures.work

    @property
    def bound(self) -> float:
        """Bound on what is still open, infinite before the first node."""
        if self._ready:
            return np.inf
        return self.core.base + max((decision.bound for decision in self._decisions), default=-np.inf)

    def run(self, record: Record, work: int) -> bool:
        """Go on for about `work` arcs, offering what is found; return whether something better was."""
        end, before = self.work + work, record.value
        while self.work < end and not record.out() and (self._ready or self._back_up(record)):
            self._ready = False
            self.nodes += 1
            bound = self._bound(record)
            if bound is not None:
                size = (self.core.weight @ self._prices + np.abs(self.core.worth)) * self.closures.share
                item = int(np.argmax(size))
                self._decisions.append(Decision(item, bound, self._prices, len(self._trail)))
                self._ready = self._fix(item, 1)
        return record.value > before

    def _bound(self, record: Record) -> float | None:
        """Return the node's bound, None where nothing of interest is left of it; its prices are kept."""
        closures, lowest = self.closures, np.inf
        prices = self._prices.copy()
        while True:
            cutoff = record.cutoff - self.core.base
            status = closures.lower(prices, cutoff, self._most)
            if closures.lowest < lowest:
                lowest, self._prices = closures.lowest, prices.copy()
            if closures.fitting_worth > -np.inf:
                self._offer(record)
                cutoff = record.cutoff - self.core.base
            if status == PRUNED or lowest <= cutoff:
                return None
            if status == OPEN:
                return lowest
            if not self._fix_sure(closures.bound - cutoff):
                return None

    def _offer(self, record: Record) -> None:
        """Fill up the closure that fits, and offer it."""
        core, graph, closures = self.core, self.core.graph, self.closures
        chosen = closures.fitting | (closures.state == 1)
        left = closures.residual - closures.fitting_used
        gained = fill(
            core.worth, core.weight, graph.start, graph.needs, self._order, closures.state, chosen, left, FILL_ARCS,
            self._room,
        )  # fmt: skip
        if core.base + closures.base + closures.fitting_worth + gained > float(record.value):
            record.offer(core.selection(chosen, record.problem.n))

    def _fix_sure(self, gap: float) -> bool:
        """Fix the items whose excess is at least `gap`; return whether what is in still fits."""
        for item in np.flatnonzero(np.abs(self.closures.excess) >= gap):
            if not self._fix(int(item), 1 if self.closures.level[item] < 0 else -1):
                return False
        return True

    def _fix(self, item: int, value: int) -> bool:
        """Take (1) an item with what it needs or drop (-1) it with what needs it; return whether what is in fits."""
        closures, graph, room = self.closures, self.core.graph, self._room[0]
        arcs = (graph.start, graph.needs) if value == 1 else (graph.back, graph.needed_by)
        fixed = room[: spread(item, value, *arcs, closures.state, room)].copy()
        self._trail.append(fixed)
        if value == 1:
            closures.base += float(self.core.worth[fixed].sum())
            closures.residual = closures.residual - self.core.weight[fixed].sum(axis=0)
        return bool((closures.residual >= 0.0).all())

    def _back_up(self, record: Record) -> bool:
        """Drop the item of the last decision that may hold something better; return whether there is one."""
        closures = self.closures
        while self._decisions:
            decision = self._decisions.pop()
            while len(self._trail) > decision.mark:
                fixed = self._trail.pop()
                if len(fixed) and closures.state[fixed[0]] == 1:
                    closures.base -= float(self.core.worth[fixed].sum())
                    closures.residual = closures.residual + self.core.weight[fixed].sum(axis=0)
                closures.state[fixed] = 0
            if decision.bound > record.cutoff - self.core.base:
                self._prices = decision.prices
                self._fix(decision.item, -1)
                return True
        return False
