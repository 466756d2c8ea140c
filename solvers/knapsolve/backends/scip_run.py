"""SCIP's side of the pipe; imported by the worker process only."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Callable, Sequence

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

_FEASIBILITY_TOLERANCE = 1e-9
"""Relative to a row's limit. The default, 1e-6, accepts a capacity of a million passed by one."""

_LOG_LINE = re.compile(r"\|\s*(?P<bound>[-+]?\d\.\d+e[-+]\d+)\s*\|[^|]*\|[^|]*\|[^|]*$")
_LOG_PRECISION = 1e-6  # the log prints seven digits


def run(job: Job, report: Callable[[Report], None]) -> Report:
    """Solve a job whose objective, rows and limits are floats.

    Parameters
    ----------
    job
        What to solve, and for how long.
    report
        Called with every improved selection, and with bounds: exact ones beside a selection, and between them those of
        SCIP's log, which are rounded.

    Returns
    -------
    Report
        The last word.
    """
    begun = time.monotonic()
    model = _model_of(job.program)
    parameters = _parameters_of(job)
    parameters.gscip.real_params["numerics/feastol"] = _FEASIBILITY_TOLERANCE
    start = _start_of(model, job.program)
    _set_time_limit(parameters, job, begun)
    result = mathopt.solve(
        model,
        mathopt.SolverType.GSCIP,
        params=parameters,
        model_params=start,
        msg_cb=lambda lines: _report_bounds(lines, report),
        callback_reg=mathopt.CallbackRegistration(
            events={mathopt.Event.MIP_SOLUTION}, mip_solution_filter=mathopt.VariableFilter(skip_zero_values=True)
        ),
        cb=_Incumbents(job.program.objective, report),
    )
    return _last_word(result, len(job.program.objective))


class _Incumbents:
    """Reports a selection that is better than all before; SCIP shows every candidate of every heuristic."""

    def __init__(self, objective: NDArray[np.float64], report: Callable[[Report], None]) -> None:
        self._objective = objective
        self._report = report
        self._value = -np.inf

    def __call__(self, data: mathopt.CallbackData) -> mathopt.CallbackResult:
        selected = np.zeros(len(self._objective), dtype=np.bool_)
        selected[[variable.id for variable, x in (data.solution or {}).items() if x > 0.5]] = True
        value = float(self._objective[selected].sum())
        if value > self._value:
            self._value = value
            self._report(Report(selected, data.mip_stats.dual_bound))
        return mathopt.CallbackResult()


def _report_bounds(lines: Sequence[str], report: Callable[[Report], None]) -> None:
    for line in lines:
        match = _LOG_LINE.search(line)
        if match is not None:
            bound = float(match["bound"])
            report(Report(bound=bound + abs(bound) * _LOG_PRECISION))


def _model_of(program: Program) -> mathopt.Model:
    """Build the model; variable i has the id i."""
    return mathopt.Model.from_model_proto(_proto(program))


def _parameters_of(job: Job) -> mathopt.SolveParameters:
    """Return gaps and seed; the defaults of the solvers stop at a relative gap of 1e-4 and call it optimal."""
    return mathopt.SolveParameters(relative_gap_tolerance=job.gap, absolute_gap_tolerance=0.0, random_seed=job.seed)


def _set_time_limit(parameters: mathopt.SolveParameters, job: Job, begun: float) -> None:
    """Allow what is left of a job's time since `begun` (on the clock of `time.monotonic`)."""
    if job.time_limit is not None:
        left = max(job.time_limit - (time.monotonic() - begun), 1e-3)
        parameters.time_limit = datetime.timedelta(seconds=left)


def _start_of(model: mathopt.Model, program: Program) -> mathopt.ModelSolveParameters:
    """Return the program's start as a hint."""
    if program.start is None:
        return mathopt.ModelSolveParameters()
    values = dict(zip(model.variables(), program.start.astype(float).tolist(), strict=True))
    return mathopt.ModelSolveParameters(solution_hints=[mathopt.SolutionHint(variable_values=values)])


def _last_word(result: mathopt.SolveResult, n: int) -> Report:
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
