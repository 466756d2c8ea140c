"""CP-SAT with its default settings and all cores."""

from __future__ import annotations

import numpy as np
from ortools.sat.python import cp_model

from bench.solvers.peers.contestant import Contestant, Outcome
from bench.solvers.peers.integers import integer_values, integer_weights_only
from knapsolve import Knapsack


def run(problem: Knapsack, limit: float) -> Outcome:
    """Solve for integer values within the limit."""
    values, scale, note = integer_values(problem)
    model = cp_model.CpModel()
    items = [model.new_bool_var("") for _ in range(problem.n)]
    for row, capacity in zip(problem.weights, problem.limits, strict=True):
        model.add(cp_model.LinearExpr.weighted_sum(items, row) <= int(capacity))
    if problem.choices is not None:
        _choose(model, items, problem)
    model.maximize(cp_model.LinearExpr.weighted_sum(items, values))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = limit
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        return Outcome("INFEASIBLE")
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Outcome("NO_SOLUTION", note=note)
    selected = np.fromiter((solver.boolean_value(item) for item in items), np.bool_, problem.n)
    return Outcome(solver.status_name(status), selected, solver.best_objective_bound / scale, note)


def _choose(model: cp_model.CpModel, items: list[cp_model.IntVar], problem: Knapsack) -> None:
    assert problem.choices is not None
    order = np.argsort(problem.choices, kind="stable")
    order = order[problem.choices[order] >= 0]
    cuts = np.flatnonzero(np.diff(problem.choices[order])) + 1
    for members in np.split(order, cuts):
        options = [items[j] for j in members]
        model.add_exactly_one(options) if problem.exactly_one else model.add_at_most_one(options)


def _refuses(problem: Knapsack) -> str:
    return "requires" if problem.requires is not None else integer_weights_only(problem)


CPSAT = Contestant("ortools-cpsat", run, "ortools", _refuses, largest=10**5)
