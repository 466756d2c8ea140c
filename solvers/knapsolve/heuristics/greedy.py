"""Greedy by dual-price efficiency: value per unit of what an item costs at the dual's prices."""

from __future__ import annotations

import numpy as np

from knapsolve.heuristics.fill import fill
from knapsolve.problem import Knapsack
from knapsolve.relaxation.dual import dual_bound, minimise_dual
from knapsolve.solver import Answer, Capabilities, Options


class Greedy:
    """Take items by decreasing efficiency, each that still fits; the bound is the dual's.

    The efficiency of an item is its value over ``prices @ weights`` at the optimal dual prices; with one resource that
    is value over weight. An item that does not fit is skipped and the next one tried, to the last.
    """

    name = "greedy"
    capabilities = Capabilities(exact=False, anytime=True)

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Return a feasible selection and the bound of the linear relaxation."""
        candidates = np.flatnonzero(problem.values > 0)
        values = problem.values[candidates].astype(np.float64)
        weights = problem.weights[:, candidates]
        dual = minimise_dual(values, weights, problem.limits)
        cost = dual.prices @ weights
        with np.errstate(divide="ignore", over="ignore"):
            efficiency = np.where(cost > 0.0, values / cost, np.inf)
        order = np.argsort(-efficiency, kind="stable")
        # Float capacities are met a rounding error below, so that summing in another order still fits.
        limits = problem.limits if problem.integer_weights else problem.limits * (1 - 1e-13)
        taken = fill(np.ascontiguousarray(weights[:, order].T), limits)
        selected = np.zeros(problem.n, np.bool_)
        selected[candidates[order[taken]]] = True
        bound = dual_bound(values, weights, problem.limits, dual.prices)
        # Rounding in the sums of the bound, a few units in the last place of each term.
        return Answer(selected, bound * (1 + 1e-14), prices=dual.prices, tolerance=0.0)
