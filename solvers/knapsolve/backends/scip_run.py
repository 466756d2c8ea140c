"""SCIP's side of the pipe; imported by the worker process only."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from ortools.math_opt.python import mathopt

from knapsolve.backends.mathopt_run import last_word, model_of, parameters_of, set_time_limit, start_of
from knapsolve.backends.program import Job, Report

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
    model = model_of(job.program)
    parameters = parameters_of(job)
    parameters.gscip.real_params["numerics/feastol"] = _FEASIBILITY_TOLERANCE
    start = start_of(model, job.program)
    set_time_limit(parameters, job, begun)
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
    return last_word(result, len(job.program.objective))


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
