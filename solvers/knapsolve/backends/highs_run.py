"""HiGHS' side of the pipe; imported by the worker process only."""

from __future__ import annotations

import time
from collections.abc import Callable

from ortools.math_opt.python import mathopt

from knapsolve.backends.highs_watch import Watch
from knapsolve.backends.mathopt_run import last_word, model_of, parameters_of, set_time_limit, start_of
from knapsolve.backends.program import Job, Report


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
    n = len(job.program.objective)
    model = model_of(job.program)
    parameters = parameters_of(job)
    start = start_of(model, job.program)
    with Watch(n, report) as watch:
        if watch.selections is not None:
            parameters.enable_output = True
            parameters.highs.string_options["mip_improving_solution_file"] = watch.selections
            parameters.highs.bool_options["mip_improving_solution_report_sparse"] = True
        set_time_limit(parameters, job, begun)
        result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=parameters, model_params=start)
    return last_word(result, n)
