"""OR-Tools' own KnapsackSolver, branch and bound, with its default reduction off (it is about quadratic)."""

from __future__ import annotations

import numpy as np
from ortools.algorithms.python import knapsack_solver

from bench.solvers.peers.contestant import Contestant, Outcome
from bench.solvers.peers.integers import integer_values, plain_integers_only
from knapsolve import Knapsack


def run(problem: Knapsack, limit: float) -> Outcome:
    """Solve for integer values within the limit."""
    values, scale, note = integer_values(problem)
    solver = knapsack_solver.KnapsackSolver(
        knapsack_solver.SolverType.KNAPSACK_MULTIDIMENSION_BRANCH_AND_BOUND_SOLVER, "bench"
    )
    solver.set_use_reduction(False)
    solver.set_time_limit(limit)
    solver.init(values.tolist(), problem.weights.tolist(), problem.limits.tolist())
    total = solver.solve()
    selected = np.fromiter((solver.best_solution_contains(j) for j in range(problem.n)), np.bool_, problem.n)
    if solver.is_solution_optimal():
        return Outcome("OPTIMAL", selected, total / scale, note)
    return Outcome("FEASIBLE", selected, None, note)


ORTOOLS_KNAPSACK = Contestant("ortools-knapsack", run, "ortools", plain_integers_only, largest=10**6)
