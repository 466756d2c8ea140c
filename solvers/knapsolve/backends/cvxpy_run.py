"""CVXPY's side of the pipe; imported by the worker process only."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import cvxpy
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from knapsolve.backends.cvxpy_options import PREFERENCE
from knapsolve.backends.cvxpy_watch import Watch
from knapsolve.backends.program import Job, Program, Report
from knapsolve.backends.rows import constraints

_IMPOSSIBLE = {cvxpy.INFEASIBLE, cvxpy.settings.INFEASIBLE_OR_UNBOUNDED}  # and binary variables are bounded


def run(job: Job, report: Callable[[Report], None]) -> Report:
    """Solve a job whose objective, rows and limits are floats.

    Parameters
    ----------
    job
        What to solve, and for how long.
    report
        Called with every improved selection and bound where the solver is HIGHS; the others tell nothing on the way.

    Returns
    -------
    Report
        The last word.
    """
    begun = time.monotonic()
    name = chosen(cvxpy.installed_solvers())
    problem, items = _model(job.program)
    n = len(job.program.objective)
    if name != "HIGHS":
        return _solved(problem, items, name, _options(name, job, begun))
    with Watch(n, report) as watch:
        options: dict[str, Any] = {}
        if watch.selections is not None:
            options = {"log_to_console": True, "mip_improving_solution_report_sparse": True}
            options["mip_improving_solution_file"] = watch.selections
        return _solved(problem, items, name, options | _options(name, job, begun))


def chosen(installed: list[str]) -> str:
    """Return the first of the preferred solvers that is installed.

    Parameters
    ----------
    installed
        What ``cvxpy.installed_solvers()`` says.

    Raises
    ------
    ImportError
        If there is none of them.
    """
    for name in PREFERENCE:
        if name in installed:
            return name
    raise ImportError(f"CVXPY has no mixed-integer solver among {', '.join(PREFERENCE)}; pip install highspy adds one")


def _options(name: str, job: Job, begun: float) -> dict[str, Any]:
    left = None if job.time_limit is None else max(job.time_limit - (time.monotonic() - begun), 1e-3)
    return PREFERENCE[name].options(job, left)


def _solved(problem: cvxpy.Problem, items: cvxpy.Variable, name: str, options: dict[str, Any]) -> Report:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an inaccurate solution, which is one that the time limit cut short
            problem.solve(solver=name, **options)
    except cvxpy.SolverError:
        return Report(note=f"{name}: stopped without a selection")  # CVXPY's word for a time limit that struck early
    note = f"{name}: {problem.status}"
    if problem.status in _IMPOSSIBLE:
        return Report(infeasible=True, note=note)
    if items.value is None:
        return Report(note=note)
    selected: NDArray[np.bool_] = items.value > 0.5
    # CVXPY minimises the negative of what is maximised here.
    return Report(selected, -PREFERENCE[name].bound(problem.solver_stats.extra_stats), note=note)


def _model(program: Program) -> tuple[cvxpy.Problem, cvxpy.Variable]:
    items = cvxpy.Variable(len(program.objective), boolean=True)
    found = constraints(program)
    shape = (len(found.upper), len(program.objective))
    table = csr_array((found.coefficients, (found.rows, found.columns)), shape=shape)
    equal = found.lower == found.upper
    kept = [table[~equal] @ items <= found.upper[~equal]]
    if equal.any():
        kept.append(table[equal] @ items == found.upper[equal])
    if not program.allowed.all():
        kept.append(items[~program.allowed] == 0)
    return cvxpy.Problem(cvxpy.Maximize(program.objective @ items), kept), items
