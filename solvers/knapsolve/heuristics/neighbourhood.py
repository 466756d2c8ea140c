"""Large neighbourhoods around the incumbent, each searched by branch and bound.

A round frees some tens of items, those of small reduced cost first but shuffled by noise, keeps all others as the
incumbent has them, and looks for a better selection of the free ones on one open cardinality (large neighbourhood
search: Shaw, CP 1998; kernels by reduced cost: Angelelli, Mansini, Speranza, "Kernel search: a general heuristic for
the multi-dimensional knapsack problem", Computers & OR 37, 2010). Items kept at what the relaxation would not choose
lower the bound at once, so most neighbourhoods are refuted in a few hundred nodes; their size follows from how many
fit the budget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from knapsolve.kernels.parallel import each
from knapsolve.relaxation.fixing import Core, Relaxed, spread
from knapsolve.relaxation.hyperplane import Hyperplane
from knapsolve.relaxation.incumbent import Incumbent
from knapsolve.relaxation.tree import no_costs

FIRST_SIZE = 30
LEAST_SIZE = 12
MOST_PLANES = 16
AT_ONCE = 2
"""Neighbourhoods of a round, on a thread each; a fixed number, so that results do not depend on the cores."""
ROUND_PIVOTS = 12000
"""Pivots after which a neighbourhood counts as too large."""
SLICE_WORK = 1e8
"""Arithmetic between two looks at the clock: some tens of milliseconds."""


@dataclass
class _Found:
    """What the search of one neighbourhood brought: whether it was finished, pivots, the best selection or None."""

    finished: bool = True
    pivots: int = 0
    selected: NDArray[np.bool_] | None = None


class Neighbourhoods:
    """Rounds of large neighbourhood search; `sizes` adapt to what a neighbourhood's budget can refute.

    The second neighbourhood of a round keeps the items outside not as the incumbent has them but as the relaxation of
    one cardinality would (the core problem of Della Croce, Grosso, "Improved core problem based heuristics for the 0/1
    multi-dimensional knapsack problem", Computers & OR 39, 2012).

    Parameters
    ----------
    relaxed
        The problem with its dual.
    core
        Its core.
    planes
        The core's open hyperplanes, best bound first.
    incumbent
        The selection to improve; it is offered everything found.
    random
        Source of every random decision.
    out_of_time
        Whether to stop.
    """

    def __init__(
        self, relaxed: Relaxed, core: Core, planes: list[Hyperplane], incumbent: Incumbent, random: Generator,
        out_of_time: Callable[[], bool],
    ) -> None:  # fmt: skip
        self.relaxed, self.core, self.incumbent = relaxed, core, incumbent
        self.random, self.out_of_time = random, out_of_time
        self.sizes = [float(FIRST_SIZE), float(FIRST_SIZE)]
        self.pivots = 0
        self.planes = planes[:MOST_PLANES]
        self.reduced: dict[int, NDArray[np.float64]] = {}

    def round(self) -> None:
        """Search two neighbourhoods at once."""
        incumbent, base = self.incumbent, self.core.base
        self.planes = [plane for plane in self.planes if plane.root_bound + base > incumbent.cutoff]
        if not self.planes:
            return
        drawn = [self._draw(guided) for guided in range(AT_ONCE)]
        cutoff, settled = incumbent.cutoff, incumbent.settled
        results = each(
            lambda start, _: self._search(*drawn[start], cutoff, settled), [(t, t + 1) for t in range(AT_ONCE)]
        )
        for guided, result in enumerate(results):
            self.pivots += result.pivots
            if result.selected is not None:
                incumbent.offer(result.selected)
            size = self.sizes[guided] * (1.02 if result.finished else 0.95)
            self.sizes[guided] = max(min(size, len(self.core.items)), LEAST_SIZE)

    def _draw(self, guided: int) -> tuple[Core, int]:
        """Return a neighbourhood and its cardinality."""
        # The better a cardinality's bound, the more often it is tried: a triangular distribution over the ranks.
        rank = int(min(self.random.random(), self.random.random()) * len(self.planes))
        plane = self.planes[rank]
        bound, cardinality = plane.root_bound, plane.cardinality
        if cardinality not in self.reduced:
            self.reduced[cardinality] = _reduced(plane)
        reduced = self.reduced[cardinality]
        chosen = self.incumbent.selected[self.relaxed.program.items[self.core.items]]
        kept = reduced > 0.0 if guided else chosen
        doubtful = np.abs(reduced) < bound + self.core.base - self.incumbent.cutoff if guided else np.isfinite(reduced)
        free = self._free(np.flatnonzero(doubtful), reduced, self.sizes[guided])
        core = _within(self.relaxed, self.core, kept, free)
        return core, cardinality + int(self.core.inside.sum()) - int(core.inside.sum())

    def _free(self, doubtful: NDArray[np.int64], reduced: NDArray[np.float64], size: float) -> NDArray[np.int64]:
        """Return the items to free: small reduced cost times noise, the noise itself of random strength."""
        noise = np.exp(self.random.uniform(0.1, 1.5) * self.random.standard_normal(len(doubtful)))
        amount = np.abs(reduced[doubtful])
        floor = np.sort(amount)[min(self.core.columns.shape[1] * 2, len(amount) - 1)] if len(amount) else 0.0
        key = (amount + floor) * noise
        return np.sort(doubtful[np.argsort(key, kind="stable")[: int(size)]])

    def _search(self, core: Core, count: int, cutoff: float, settled: float) -> _Found:
        """Search a neighbourhood for `count` of its items worth more than the cutoff, within the budget."""
        result = _Found()
        size, m = core.columns.shape
        if not 0 <= count <= size or (core.limits < 0.0).any():
            return result
        columns = np.hstack((core.columns, np.ones((size, 1))))
        plane = Hyperplane(core, columns, count, np.arange(size, size + m + 1))
        costs = no_costs(size)
        statistics = np.zeros(2, np.int64)
        pivots = int(max(50, SLICE_WORK / (5 * max(size, 1) * (m + 1) + 2 * (m + 1) ** 2)))
        cutoff -= core.base
        while not plane.done and plane.bound > cutoff:
            left = ROUND_PIVOTS - int(statistics[1])
            if left <= 0 or self.out_of_time():
                result.finished = False
                break
            selected = plane.search(cutoff, settled, min(left, pivots), costs, statistics)
            if selected is not None:
                result.selected = spread(self.relaxed.program, core, selected, self.incumbent.problem.n)
                cutoff = max(cutoff, float(core.values[selected].sum()) + settled)
        result.pivots = int(statistics[1])
        return result


def _reduced(plane: Hyperplane) -> NDArray[np.float64]:
    """Return the reduced costs of a hyperplane's relaxation, shape (n,)."""
    columns = plane.program.columns
    size, rows = columns.shape
    basis = plane.root_basis
    matrix, worth = np.zeros((rows, rows)), np.zeros(rows)
    items = basis < size
    matrix[items] = columns[basis[items]]
    matrix[~items, basis[~items] - size] = 1.0
    worth[items] = plane.core.values[basis[items]]
    # Least squares: a basis that rounding made singular still gives an order, and that is all it is for.
    prices = np.linalg.lstsq(matrix, worth, rcond=None)[0]
    reduced: NDArray[np.float64] = plane.core.values - columns @ prices
    reduced[basis[items]] = 0.0
    return reduced


def _within(relaxed: Relaxed, core: Core, chosen: NDArray[np.bool_], free: NDArray[np.int64]) -> Core:
    """Return the problem of the free items of a core where its others stay as chosen."""
    program = relaxed.program
    kept = chosen.copy()
    kept[free] = False
    inside = core.inside.copy()
    inside[core.items[kept]] = True
    return Core(
        core.items[free],
        inside,
        core.values[free],
        np.ascontiguousarray(core.columns[free]),
        core.limits - core.columns[kept].sum(axis=0),
        core.base + float(program.values[core.items[kept]].sum()),
    )
