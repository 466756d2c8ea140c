"""Large neighbourhoods around the incumbent, each searched by branch and bound.

A round frees some tens of items, those of small reduced cost first but shuffled by noise, keeps all others as the
incumbent has them, and looks for a better selection of the free ones on every open cardinality (large neighbourhood
search: Shaw, CP 1998; kernels by reduced cost: Angelelli, Mansini, Speranza, "Kernel search: a general heuristic for
the multi-dimensional knapsack problem", Computers & OR 37, 2010). Items kept at what the relaxation would not choose
lower the bound at once, so most neighbourhoods are refuted in a few hundred nodes; their size follows from how many
fit the budget.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from knapsolve.exact.fixing import Core, Relaxed, core_of, spread
from knapsolve.exact.hyperplane import Hyperplane, open_hyperplanes
from knapsolve.exact.incumbent import Incumbent

FIRST_SIZE = 30
LEAST_SIZE = 12
MOST_PLANES = 16
ROUND_PIVOTS = 12000
"""Pivots a round may take before its neighbourhood counts as too large."""


class Neighbourhoods:
    """Rounds of large neighbourhood search; `sizes` adapt to what a round's budget can refute.

    Every other round keeps the items outside the neighbourhood not as the incumbent has them but as the relaxation of
    one cardinality would (the core problem of Della Croce, Grosso, "Improved core problem based heuristics for the 0/1
    multi-dimensional knapsack problem", Computers & OR 39, 2012).

    Parameters
    ----------
    relaxed
        The problem with its dual.
    incumbent
        The selection to improve; it is offered everything found.
    random
        Source of every random decision.
    out_of_time
        Whether to stop.
    """

    def __init__(
        self, relaxed: Relaxed, incumbent: Incumbent, random: Generator, out_of_time: Callable[[], bool]
    ) -> None:
        self.relaxed, self.incumbent, self.random, self.out_of_time = relaxed, incumbent, random, out_of_time
        self.sizes = [float(FIRST_SIZE), float(FIRST_SIZE)]
        self.rounds = self.stale = 0
        self.statistics = np.zeros(2, np.int64)
        every = core_of(relaxed, -np.inf)
        planes = open_hyperplanes(every, int(relaxed.dual.at_one.sum()), incumbent.cutoff, out_of_time) or []
        planes = sorted(planes, key=lambda plane: -plane.root_bound)[:MOST_PLANES]
        self.planes = [(plane.root_bound, plane.cardinality, _reduced(plane)) for plane in planes]

    def round(self) -> None:
        """Search one neighbourhood."""
        incumbent = self.incumbent
        self.planes = [plane for plane in self.planes if plane[0] > incumbent.cutoff]
        if not self.planes:
            self.stale += 1
            return
        # The better a cardinality's bound, the more often it is tried: a triangular distribution over the ranks.
        rank = int(min(self.random.random(), self.random.random()) * len(self.planes))
        bound, cardinality, reduced = self.planes[rank]
        guided = self.rounds % 2
        kept = reduced > 0.0 if guided else incumbent.selected[self.relaxed.program.items]
        doubtful = np.flatnonzero(np.abs(reduced) < bound - incumbent.cutoff)
        if guided:
            free = self._free(doubtful, reduced, self.sizes[1])
        else:
            free = self._free(np.arange(len(reduced)), reduced, self.sizes[0])
        before = incumbent.value
        refuted = self._search(_core(self.relaxed, kept, free), cardinality)
        self.rounds += 1
        self.stale = 0 if incumbent.value > before else self.stale + 1
        size = self.sizes[guided] * (1.02 if refuted else 0.95)
        self.sizes[guided] = max(min(size, len(reduced)), LEAST_SIZE)

    def _free(self, doubtful: NDArray[np.int64], reduced: NDArray[np.float64], size: float) -> NDArray[np.int64]:
        """Return the items to free: small reduced cost times noise, the noise itself of random strength."""
        noise = np.exp(self.random.uniform(0.1, 1.5) * self.random.standard_normal(len(doubtful)))
        amount = np.abs(reduced[doubtful])
        floor = np.sort(amount)[min(self.relaxed.program.columns.shape[1] * 2, len(amount) - 1)] if len(amount) else 0.0
        key = (amount + floor) * noise
        return np.sort(doubtful[np.argsort(key, kind="stable")[: int(size)]])

    def _search(self, core: Core, cardinality: int) -> bool:
        """Search a neighbourhood within the budget; return whether it was refuted or solved."""
        incumbent = self.incumbent
        size, m = core.columns.shape
        count = cardinality - int(core.inside.sum())
        if not 0 <= count <= size or (core.limits < 0.0).any():
            return True
        columns = np.hstack((core.columns, np.ones((size, 1))))
        plane = Hyperplane(core, columns, count, np.arange(size, size + m + 1))
        drop, tries = np.zeros((2, size + 1)), np.zeros((2, size + 1))
        limit = self.statistics[1] + ROUND_PIVOTS
        while not plane.done and plane.bound + core.base > incumbent.cutoff:
            left = int(limit - self.statistics[1])
            if left <= 0 or self.out_of_time():
                return False
            cutoff = incumbent.cutoff - core.base
            found = plane.search(cutoff, incumbent.settled, left, drop, tries, self.statistics)
            if found is not None:
                incumbent.offer(spread(self.relaxed.program, core, found, incumbent.problem.n))
        return True


def _reduced(plane: Hyperplane) -> NDArray[np.float64]:
    """Return the reduced costs of a hyperplane's relaxation, shape (n,)."""
    size, rows = plane.columns.shape
    everything = np.vstack((plane.columns, np.eye(rows)))
    worth = np.append(plane.core.values, np.zeros(rows))
    # Least squares: a basis that rounding made singular still gives an order, and that is all it is for.
    prices = np.linalg.lstsq(everything[plane.basis], worth[plane.basis], rcond=None)[0]
    reduced = plane.core.values - plane.columns @ prices
    reduced[plane.basis[plane.basis < size]] = 0.0
    return reduced


def _core(relaxed: Relaxed, chosen: NDArray[np.bool_], free: NDArray[np.int64]) -> Core:
    """Return the problem of the free items where all others stay as chosen."""
    program = relaxed.program
    inside = chosen.copy()
    inside[free] = False
    limits = program.limits - program.columns[inside].sum(axis=0)
    columns = np.ascontiguousarray(program.columns[free])
    return Core(free, inside, program.values[free], columns, limits, float(program.values[inside].sum()))
