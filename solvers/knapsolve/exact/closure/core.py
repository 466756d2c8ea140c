"""What is left of a problem with requirements, in the kernels' numbers, and its priced closures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.closure.flow import BOUND, FITTING, LOWEST, WORTH, Decided, Flow, Seen, lower
from knapsolve.kernels.graph import Graph, graph_of, restricted
from knapsolve.problem import Knapsack

ROUNDING = 1e-12
"""Rounding error of a bound relative to the sum of all terms that enter it."""
UNLIMITED = 2**60
"""A budget that never ends."""
FLOW_TOLERANCE = 1e-12
"""Surpluses and deficits below this share of the largest value count as none."""


@dataclass(frozen=True, eq=False)
class Core:
    """The undecided items.

    Parameters
    ----------
    items
        Their indices in the problem, shape (n,).
    inside
        Indices of the problem's items that are decided to be chosen.
    worth, weight
        Values (n,) and weights (n, m); rows are scaled by powers of two, so that whole numbers stay exact.
    limits
        What the decided items leave of the scaled capacities, shape (m,).
    graph
        Requirements among the undecided items.
    base
        Value of the decided items.
    """

    items: NDArray[np.int64]
    inside: NDArray[np.int64]
    worth: NDArray[np.float64]
    weight: NDArray[np.float64]
    limits: NDArray[np.float64]
    graph: Graph
    base: float

    @property
    def program(self) -> tuple[Any, ...]:
        """A `Program` as `knapsolve.exact.closure.flow.named` takes it."""
        return self.worth, self.weight, tuple(self.graph)

    def reduced(self, state: NDArray[np.int8]) -> Core:
        """Return the core of the items whose state (n,) is still 0; 1 is in, -1 is out."""
        free, taken = np.flatnonzero(state == 0), np.flatnonzero(state == 1)
        return Core(
            self.items[free],
            np.concatenate((self.inside, self.items[taken])),
            self.worth[free],
            np.ascontiguousarray(self.weight[free]),
            self.limits - self.weight[taken].sum(axis=0),
            restricted(self.graph, free),
            self.base + float(self.worth[taken].sum()),
        )

    def selection(self, chosen: NDArray[np.bool_], n: int) -> NDArray[np.bool_]:
        """Return the selection of the problem's n items that a choice of the core's stands for."""
        selected = np.zeros(n, np.bool_)
        selected[self.inside] = True
        selected[self.items[chosen]] = True
        return selected


def core_of(problem: Knapsack) -> tuple[Core, NDArray[np.float64]]:
    """Return the core of all items, and what each row of the weights was divided by, shape (m,)."""
    weight = problem.weights.T.astype(np.float64)
    limits = problem.limits.astype(np.float64)
    if not problem.integer_weights:
        limits = limits * (1 - 1e-13)  # a rounding error lower, so that summing in another order still fits
    scale = np.exp2(np.ceil(np.log2(np.maximum(limits, np.finfo(np.float64).tiny))))
    scale[limits == 0.0] = 1.0
    pairs = np.zeros((0, 2), np.int64) if problem.requires is None else problem.requires
    core = Core(
        np.arange(problem.n), np.zeros(0, np.int64), problem.values.astype(np.float64),
        np.ascontiguousarray(weight / scale), limits / scale, graph_of(pairs, problem.n), 0.0,
    )  # fmt: skip
    return core, scale


class Closures:
    """Priced closures of a core's free items, each from the flow that the one before left.

    Parameters
    ----------
    core
        The items.

    Attributes
    ----------
    decided, flow, seen
        What the kernels change.
    arrays
        The items, what is decided and the flow, as `knapsolve.exact.closure.flow.named` takes them.
    work
        Arcs looked at.
    """

    def __init__(self, core: Core) -> None:
        n, m = core.weight.shape
        self.work = 0
        self.decided = Decided(
            np.zeros(n, np.int8), np.empty(n, np.int64), np.zeros(1, np.int64), core.limits.copy(), np.zeros(1)
        )
        tolerance = FLOW_TOLERANCE * float(np.abs(core.worth).max(initial=0.0))
        paid, level, room = np.zeros(len(core.graph.needs)), np.empty(n, np.int64), np.empty((4, n), np.int64)
        self.flow = Flow(paid, np.empty(n), level, room, tolerance)
        self.seen = Seen(np.empty(n), np.empty(m), np.empty(n, np.bool_), np.empty(m), np.empty(4))
        self.arrays = core.program, tuple(self.decided), tuple(self.flow)
        self._seen = tuple(self.seen)

    def lower(
        self, prices: NDArray[np.float64], cutoff: float, most: int, budget: int = UNLIMITED, fresh: bool = True
    ) -> int:
        """Lower the bound; see `knapsolve.exact.closure.flow.lower`, whose status is returned. Prices are changed."""
        status, left = lower(self.arrays, self._seen, prices, cutoff, most, budget, fresh)
        self.work += budget - max(left, 0) + len(self.flow.excess) + len(self.flow.paid)
        return int(status)

    @property
    def base(self) -> float:
        """Value of the items in."""
        return float(self.decided.base[0])

    @property
    def lowest(self) -> float:
        """The lowest bound of the last call, on the values of the core's items."""
        return float(self.seen.sums[LOWEST])

    @property
    def bound(self) -> float:
        """The bound at the last prices, valid whether or not the closure was found."""
        return float(self.seen.sums[BOUND])

    @property
    def worth(self) -> float:
        """Value of the last closure."""
        return float(self.seen.sums[WORTH])

    @property
    def fitting_worth(self) -> float:
        """Value of the fitting closure, minus infinity where there is none."""
        return float(self.seen.sums[FITTING])
