"""HiGHS and SCIP as a user of OR-Tools' MathOpt meets them: the model as given, gaps zero, nothing of ours around."""

from __future__ import annotations

import datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray
from ortools.math_opt import model_pb2
from ortools.math_opt.python import mathopt

from bench.solvers.peers.contestant import Contestant, Outcome
from knapsolve import Knapsack


def run(kind: mathopt.SolverType, problem: Knapsack, limit: float) -> Outcome:
    """Solve within the limit."""
    model = mathopt.Model.from_model_proto(_model(problem))
    parameters = mathopt.SolveParameters(
        relative_gap_tolerance=0.0, absolute_gap_tolerance=0.0, time_limit=datetime.timedelta(seconds=limit)
    )
    result = mathopt.solve(model, kind, params=parameters)
    reason = result.termination.reason
    if reason is mathopt.TerminationReason.INFEASIBLE:
        return Outcome("INFEASIBLE")
    bound = result.termination.objective_bounds.dual_bound
    if not result.has_primal_feasible_solution():
        return Outcome("NO_SOLUTION", None, bound, reason.name)
    chosen = np.fromiter((x > 0.5 for x in result.variable_values().values()), np.bool_, problem.n)
    if reason is mathopt.TerminationReason.OPTIMAL:
        return Outcome("OPTIMAL", chosen, bound)
    return Outcome("FEASIBLE", chosen, bound, reason.name)


def _model(problem: Knapsack) -> model_pb2.ModelProto:
    """Fill the protocol buffer by whole arrays: a call per coefficient would take longer than many solves."""
    n, m = problem.n, problem.m
    proto = model_pb2.ModelProto()
    proto.variables.ids.extend(range(n))
    proto.variables.lower_bounds.extend([0.0] * n)
    proto.variables.upper_bounds.extend([1.0] * n)
    proto.variables.integers.extend([True] * n)
    proto.objective.maximize = True
    proto.objective.linear_coefficients.ids.extend(range(n))
    proto.objective.linear_coefficients.values.extend(problem.values.astype(float).tolist())
    rows, columns = np.nonzero(problem.weights)
    coefficients = problem.weights[rows, columns].astype(float)
    classes = 0
    if problem.choices is not None:
        labels, members = _classes(problem.choices)
        classes = int(labels.max(initial=-1)) + 1
        rows, columns = np.concatenate([rows, m + labels]), np.concatenate([columns, members])
        coefficients = np.concatenate([coefficients, np.ones(len(members))])
    infinity = float("inf")
    proto.linear_constraints.ids.extend(range(m + classes))
    least = 1.0 if problem.exactly_one else -infinity
    proto.linear_constraints.lower_bounds.extend([-infinity] * m + [least] * classes)
    proto.linear_constraints.upper_bounds.extend([*problem.capacities.astype(float).tolist(), *[1.0] * classes])
    proto.linear_constraint_matrix.row_ids.extend(rows.tolist())
    proto.linear_constraint_matrix.column_ids.extend(columns.tolist())
    proto.linear_constraint_matrix.coefficients.extend(coefficients.tolist())
    return proto


def _classes(choices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a class number from 0 and an item index for every labelled item, ordered by class and item."""
    members = np.flatnonzero(choices >= 0)
    _, labels = np.unique(choices[members], return_inverse=True)
    order = np.argsort(labels, kind="stable")
    return labels[order], members[order]


def _refuses(problem: Knapsack) -> str:
    return "requires" if problem.requires is not None else ""


HIGHS = Contestant("mathopt-highs", partial(run, mathopt.SolverType.HIGHS), "ortools", refuses=_refuses, largest=10**6)
SCIP = Contestant("mathopt-scip", partial(run, mathopt.SolverType.GSCIP), "ortools", refuses=_refuses, largest=10**5)
