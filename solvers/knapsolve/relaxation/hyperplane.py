"""The core cut by its cardinality: one search tree for each number of items that may hold the optimum.

With ``sum(x) = k`` added the linear relaxation is much tighter, and only few k have a bound above the incumbent
(Vasquez, Hao, "A hybrid approach for the 0-1 multidimensional knapsack problem", IJCAI 2001; Boussier, Vasquez, Vimont,
Hanafi, Michelon, "A multi-level search strategy for the 0-1 multidimensional knapsack problem", Discrete Applied
Mathematics 158, 2010). The relaxation's optimum is concave in k, so the open k are an interval.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from knapsolve.relaxation import tree
from knapsolve.relaxation.dual import SLACK
from knapsolve.relaxation.fixing import Core, Relaxed
from knapsolve.relaxation.lp import LinearProgram


class _State(NamedTuple):
    """Where a tree's search stands, see `knapsolve.relaxation.tree.search`."""

    fixings: tree.Fixings
    basic: NDArray[np.int64]  # (m + 1,)
    at_one: NDArray[np.bool_]  # (c,)
    stack: tree.Stack


def _begin(program: LinearProgram, limits: NDArray[np.float64], basis: NDArray[np.int64]) -> _State:
    """Return the state before the root is solved from a basis."""
    size, rows = program.columns.shape
    stack = tree.Stack(
        np.array([-1]), np.empty(size, np.int64), np.empty(size, np.int8), np.empty(size), np.empty(size, np.int64),
        np.empty((size, rows), np.int64),
    )  # fmt: skip
    return _State(tree.nothing_fixed(size, limits), basis.copy(), np.zeros(size, np.bool_), stack)


class Hyperplane:
    """The search for the best selection of exactly `cardinality` items of a core.

    Parameters
    ----------
    core
        The core.
    columns
        The core's columns with a column of ones appended, shape (c, m + 1); shared by all hyperplanes.
    cardinality
        Number of items.
    basis
        Basic variables to start from, shape (m + 1,); left at the relaxation's.
    """

    def __init__(self, core: Core, columns: NDArray[np.float64], cardinality: int, basis: NDArray[np.int64]) -> None:
        self.core, self.cardinality = core, cardinality
        self.limits = np.append(core.limits, float(cardinality))
        self.program = LinearProgram(core.values, columns, columns.shape[1] - 1)
        self.done = False
        self.root_bound = tree.relax(self.program, self.limits, basis)[0]
        self.root_basis = basis
        self._state: _State | None = None

    @property
    def bound(self) -> float:
        """No selection still to be found in the core is worth more; without the decided items' value."""
        if self.done:
            return -np.inf
        if self._state is None:
            return self.root_bound
        stack = self._state.stack
        return float(stack.bound[: stack.depth[0]].max(initial=-np.inf))

    def search(
        self, cutoff: float, settled: float, pivots: int, costs: tree.PseudoCosts, statistics: NDArray[np.int64]
    ) -> NDArray[np.bool_] | None:
        """Go on for about so many pivots; return a selection (c,) worth more than the cutoff as soon as one is found.

        Parameters are those of `knapsolve.relaxation.tree.search`; values are without the decided items'.
        """
        if self._state is None:
            self._state = _begin(self.program, self.limits, self.root_basis)
        state = self._state
        outcome = tree.search(
            self.program, self.limits, state.fixings, state.basic, state.at_one, state.stack, costs, cutoff, settled,
            pivots, statistics,
        )  # fmt: skip
        if outcome == tree.FOUND:
            return state.at_one.copy()
        self.done = outcome == tree.DONE
        if self.done:
            self._state = None
        return None


def open_hyperplanes(
    relaxed: Relaxed, core: Core, cutoff: float, out_of_time: Callable[[], bool]
) -> list[Hyperplane] | None:
    """Return the hyperplanes whose relaxation is worth more than the cutoff, best first, or None if time ran out.

    Parameters
    ----------
    relaxed
        The problem with its dual, whose basis the simplex starts from.
    core
        Its core.
    cutoff
        Value to beat, without the decided items'.
    out_of_time
        Whether to stop.
    """
    size = len(core.items)
    columns = np.hstack((core.columns, np.ones((size, 1))))
    near = int(relaxed.dual.at_one[core.items].sum())
    planes = []
    for step in (1, -1):
        basis, previous = _basis(relaxed, core), -np.inf
        cardinality = near if step == 1 else near - 1
        while 0 <= cardinality <= size:
            if out_of_time():
                return None
            plane = Hyperplane(core, columns, cardinality, basis.copy())
            basis = plane.root_basis
            if plane.root_bound > cutoff:
                planes.append(plane)
            elif plane.root_bound <= previous or plane.root_bound == -np.inf:
                break
            previous = plane.root_bound
            cardinality += step
    return sorted(planes, key=lambda plane: -plane.root_bound)


def _basis(relaxed: Relaxed, core: Core) -> NDArray[np.int64]:
    """Return the dual's basis in the core's numbers with the cardinality's slack, or all slacks where it lost items."""
    size, m = core.columns.shape
    slacks = np.arange(size, size + m + 1)
    items = relaxed.dual.basis >= 0
    basic = relaxed.dual.basis[items]
    at = np.searchsorted(core.items, basic)
    if size == 0 or (core.items[np.minimum(at, size - 1)] != basic).any():
        return slacks
    basis = slacks.copy()
    basis[:m][items] = at
    basis[:m][~items] = size + (SLACK - relaxed.dual.basis[~items])
    return basis
