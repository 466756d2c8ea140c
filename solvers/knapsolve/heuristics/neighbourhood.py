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
from knapsolve.exact.hyperplane import open_hyperplanes
from knapsolve.exact.incumbent import Incumbent

FIRST_SIZE = 30
LEAST_SIZE = 12
ROUND_PIVOTS = 4000
"""Pivots a round may take before its neighbourhood counts as too large."""


class Neighbourhoods:
    """Rounds of large neighbourhood search; `size` adapts to what a round's budget can refute.

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
        self.size = float(FIRST_SIZE)
        self.rounds = self.stale = 0
        self.statistics = np.zeros(2, np.int64)

    def round(self) -> None:
        """Search one neighbourhood."""
        incumbent, program = self.incumbent, self.relaxed.program
        chosen = incumbent.selected[program.items]
        doubtful = np.flatnonzero(np.abs(self.relaxed.reduced) < self.relaxed.bound - incumbent.cutoff)
        free = self._free(doubtful)
        core = _core(self.relaxed, chosen, free)
        before = incumbent.value
        refuted = self._search(core, int(chosen[free].sum()))
        self.rounds += 1
        self.stale = 0 if incumbent.value > before else self.stale + 1
        self.size = max(min(self.size * (1.02 if refuted else 0.95), len(doubtful)), LEAST_SIZE)

    def exhausted(self) -> bool:
        """Return whether the last neighbourhood was the whole core."""
        return len(core_of(self.relaxed, self.incumbent.cutoff).items) <= self.size

    def _free(self, doubtful: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the items to free: small reduced cost times noise, the noise itself of random strength."""
        noise = np.exp(self.random.uniform(0.3, 2.0) * self.random.standard_normal(len(doubtful)))
        floor = 0.02 * (self.relaxed.bound - self.incumbent.cutoff)
        key = (np.abs(self.relaxed.reduced[doubtful]) + floor) * noise
        return np.sort(doubtful[np.argsort(key, kind="stable")[: int(self.size)]])

    def _search(self, core: Core, near: int) -> bool:
        """Search a neighbourhood within the budget; return whether it was refuted or solved."""
        incumbent = self.incumbent
        planes = open_hyperplanes(core, near, incumbent.cutoff - core.base, self.out_of_time)
        if planes is None:
            return True
        drop, tries = np.zeros((2, len(core.items) + 1)), np.zeros((2, len(core.items) + 1))
        limit = self.statistics[1] + ROUND_PIVOTS
        for plane in sorted(planes, key=lambda plane: -plane.root_bound):
            while not plane.done and plane.bound + core.base > incumbent.cutoff:
                left = int(limit - self.statistics[1])
                if left <= 0 or self.out_of_time():
                    return False
                cutoff = incumbent.cutoff - core.base
                found = plane.search(cutoff, incumbent.settled, left, drop, tries, self.statistics)
                if found is not None:
                    incumbent.offer(spread(self.relaxed.program, core, found, incumbent.problem.n))
        return True


def _core(relaxed: Relaxed, chosen: NDArray[np.bool_], free: NDArray[np.int64]) -> Core:
    """Return the problem of the free items where all others stay as chosen."""
    program = relaxed.program
    inside = chosen.copy()
    inside[free] = False
    limits = program.limits - program.columns[inside].sum(axis=0)
    columns = np.ascontiguousarray(program.columns[free])
    return Core(free, inside, program.values[free], columns, limits, float(program.values[inside].sum()))
