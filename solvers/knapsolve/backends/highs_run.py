"""HiGHS' side of the pipe; imported by the worker process only."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from ortools.math_opt import model_pb2
from ortools.math_opt.python import mathopt

from knapsolve.backends.highs_watch import Watch
from knapsolve.backends.program import Job, Program, Report


def run(job: Job, report: Callable[[Report], None]) -> Report:
    """Solve a job whose objective, rows and limits are floats.

    Parameters
    ----------
    job
        What to solve, and for how long.
    report
        Called with every improved selection and bound.

    Returns
    -------
    Report
        The last word.
    """
    begun = time.monotonic()
    model = mathopt.Model.from_model_proto(_model(job.program))
    # The defaults stop at a relative gap of 1e-4 and call it optimal.
    parameters = mathopt.SolveParameters(
        relative_gap_tolerance=job.gap, absolute_gap_tolerance=0.0, random_seed=job.seed
    )
    start = _start(model, job.program)
    with Watch(len(job.program.objective), report) as watch:
        watch.prepare(parameters)
        if job.time_limit is not None:
            left = max(job.time_limit - (time.monotonic() - begun), 1e-3)
            parameters.time_limit = datetime.timedelta(seconds=left)
        result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=parameters, model_params=start)
    return _last_word(result, len(job.program.objective))


def _last_word(result: mathopt.SolveResult, n: int) -> Report:
    reason = result.termination.reason
    if reason is mathopt.TerminationReason.INFEASIBLE:
        return Report(infeasible=True, note=reason.name)
    selected: NDArray[np.bool_] | None = None
    if result.has_primal_feasible_solution():
        # Variables come in the order of their ids, 0 to n-1.
        selected = np.fromiter((x > 0.5 for x in result.variable_values().values()), dtype=np.bool_, count=n)
    return Report(selected, result.termination.objective_bounds.dual_bound, note=reason.name)


def _start(model: mathopt.Model, program: Program) -> mathopt.ModelSolveParameters:
    if program.start is None:
        return mathopt.ModelSolveParameters()
    values = dict(zip(model.variables(), program.start.astype(float).tolist(), strict=True))
    return mathopt.ModelSolveParameters(solution_hints=[mathopt.SolutionHint(variable_values=values)])


def _model(program: Program) -> model_pb2.ModelProto:
    """Fill the protocol buffer by whole arrays; a call per coefficient would take longer than many solves."""
    n = len(program.objective)
    proto = model_pb2.ModelProto()
    proto.variables.ids.extend(range(n))
    proto.variables.lower_bounds.extend([0.0] * n)
    proto.variables.upper_bounds.extend(program.allowed.astype(float).tolist())
    proto.variables.integers.extend([True] * n)
    proto.objective.maximize = True
    proto.objective.linear_coefficients.ids.extend(range(n))
    proto.objective.linear_coefficients.values.extend(program.objective.tolist())
    rows, columns, coefficients, lower, upper = _constraints(program)
    proto.linear_constraints.ids.extend(range(len(upper)))
    proto.linear_constraints.lower_bounds.extend(lower)
    proto.linear_constraints.upper_bounds.extend(upper)
    proto.linear_constraint_matrix.row_ids.extend(rows.tolist())
    proto.linear_constraint_matrix.column_ids.extend(columns.tolist())
    proto.linear_constraint_matrix.coefficients.extend(coefficients.tolist())
    return proto


def _constraints(
    program: Program,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], list[float], list[float]]:
    """Return row ids, column ids and coefficients in row order, and the bounds of every row."""
    infinity = float("inf")
    m = len(program.limits)
    capacity_rows, capacity_columns = np.nonzero(program.rows)
    rows, columns = [capacity_rows], [capacity_columns]
    coefficients = [program.rows[capacity_rows, capacity_columns]]
    for k, members in enumerate(program.classes):
        rows.append(np.full(len(members), m + k))
        columns.append(np.sort(members))
        coefficients.append(np.ones(len(members)))
    first = m + len(program.classes)
    pairs = program.requires[program.requires[:, 0] != program.requires[:, 1]]
    rows.append(np.repeat(np.arange(first, first + len(pairs)), 2))
    columns.append(np.sort(pairs, axis=1).ravel())
    # x_a - x_b <= 0, the two columns in ascending order
    coefficients.append(np.where(np.sort(pairs, axis=1) == pairs[:, :1], 1.0, -1.0).ravel())
    one = 1.0 if program.exactly_one else -infinity
    lower = [-infinity] * m + [one] * len(program.classes) + [-infinity] * len(pairs)
    upper = [*program.limits.tolist(), *[1.0] * len(program.classes), *[0.0] * len(pairs)]
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(coefficients), lower, upper
