"""What the solvers of OR-Tools' MathOpt share on their side of the pipe; imported by worker processes only."""

from __future__ import annotations

import datetime
import time

import numpy as np
from numpy.typing import NDArray
from ortools.math_opt import model_pb2
from ortools.math_opt.python import mathopt

from knapsolve.backends.program import Job, Program, Report
from knapsolve.backends.rows import constraints

_IMPOSSIBLE = {
    mathopt.TerminationReason.INFEASIBLE,
    mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED,  # and binary variables are bounded
}


def model_of(program: Program) -> mathopt.Model:
    """Build the model; variable i has the id i."""
    return mathopt.Model.from_model_proto(_proto(program))


def parameters_of(job: Job) -> mathopt.SolveParameters:
    """Return gaps and seed; the defaults of the solvers stop at a relative gap of 1e-4 and call it optimal."""
    return mathopt.SolveParameters(relative_gap_tolerance=job.gap, absolute_gap_tolerance=0.0, random_seed=job.seed)


def set_time_limit(parameters: mathopt.SolveParameters, job: Job, begun: float) -> None:
    """Allow what is left of a job's time since `begun` (on the clock of `time.monotonic`)."""
    if job.time_limit is not None:
        left = max(job.time_limit - (time.monotonic() - begun), 1e-3)
        parameters.time_limit = datetime.timedelta(seconds=left)


def start_of(model: mathopt.Model, program: Program) -> mathopt.ModelSolveParameters:
    """Return the program's start as a hint."""
    if program.start is None:
        return mathopt.ModelSolveParameters()
    values = dict(zip(model.variables(), program.start.astype(float).tolist(), strict=True))
    return mathopt.ModelSolveParameters(solution_hints=[mathopt.SolutionHint(variable_values=values)])


def last_word(result: mathopt.SolveResult, n: int) -> Report:
    """Turn a result on `n` items into the last report."""
    reason = result.termination.reason
    if reason in _IMPOSSIBLE:
        return Report(infeasible=True, note=reason.name)
    selected: NDArray[np.bool_] | None = None
    if result.has_primal_feasible_solution():
        # Variables come in the order of their ids, 0 to n-1.
        selected = np.fromiter((x > 0.5 for x in result.variable_values().values()), dtype=np.bool_, count=n)
    return Report(selected, result.termination.objective_bounds.dual_bound, note=reason.name)


def _proto(program: Program) -> model_pb2.ModelProto:
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
    found = constraints(program)
    proto.linear_constraints.ids.extend(range(len(found.upper)))
    proto.linear_constraints.lower_bounds.extend(found.lower.tolist())
    proto.linear_constraints.upper_bounds.extend(found.upper.tolist())
    proto.linear_constraint_matrix.row_ids.extend(found.rows.tolist())
    proto.linear_constraint_matrix.column_ids.extend(found.columns.tolist())
    proto.linear_constraint_matrix.coefficients.extend(found.coefficients.tolist())
    return proto
