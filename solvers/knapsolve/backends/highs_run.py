"""HiGHS' side of the pipe; imported by the worker process only."""

from __future__ import annotations

import time
from collections.abc import Callable

import highspy
import numpy as np
from highspy import HighsModelStatus, HighsStatus

from knapsolve.backends.program import Job, Program, Report
from knapsolve.backends.rows import constraints

_IMPOSSIBLE = {
    HighsModelStatus.kInfeasible,
    HighsModelStatus.kUnboundedOrInfeasible,  # and binary variables are bounded
}
_BOUNDED = {
    HighsModelStatus.kOptimal,
    HighsModelStatus.kTimeLimit,
    HighsModelStatus.kInterrupt,
    HighsModelStatus.kMemoryLimit,
}
"""How HiGHS ends with a bound that means something; else the field may hold its default, 0."""
_FEASIBLE = 2  # kSolutionStatusFeasible
_INDEX = np.int32


def run(job: Job, report: Callable[[Report], None]) -> Report:
    """Solve a job whose objective, rows and limits are floats.

    Parameters
    ----------
    job
        What to solve, and for how long.
    report
        Called with every improved selection and bound, from HiGHS' own threads.

    Returns
    -------
    Report
        The last word.
    """
    begun = time.monotonic()
    solver = highspy.Highs()  # type: ignore[no-untyped-call, unused-ignore]
    _set(solver, log_to_console=False)  # it logs all the same, for without a log it tells no bounds
    # The defaults stop at a relative gap of 1e-4 and call it optimal.
    _set(solver, mip_rel_gap=job.gap, mip_abs_gap=0.0, random_seed=job.seed)
    _pass(solver, job.program)
    solver.cbMipImprovingSolution += lambda event: report(
        Report(event.data_out.mip_solution > 0.5, event.data_out.mip_dual_bound)
    )
    solver.cbMipLogging += lambda event: report(Report(bound=event.data_out.mip_dual_bound))
    if job.time_limit is not None:
        _set(solver, time_limit=max(job.time_limit - (time.monotonic() - begun), 1e-3))
    solver.run()
    return _last_word(solver)


def _set(solver: highspy.Highs, **options: bool | float) -> None:
    for name, value in options.items():
        _check(solver.setOptionValue(name, value), f"the option {name} = {value}")


def _check(status: HighsStatus, what: str) -> None:
    if status == HighsStatus.kError:
        raise ValueError(f"HiGHS refused {what}")


def _pass(solver: highspy.Highs, program: Program) -> None:
    """Pass the program by whole arrays; a call per coefficient would take longer than many solves."""
    n = len(program.objective)
    found = constraints(program)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = n, len(found.upper)
    lp.sense_ = highspy.ObjSense.kMaximize
    lp.col_cost_ = program.objective
    lp.col_lower_, lp.col_upper_ = np.zeros(n), program.allowed.astype(np.float64)
    lp.integrality_ = [highspy.HighsVarType.kInteger] * n
    lp.row_lower_, lp.row_upper_ = found.lower, found.upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.searchsorted(found.rows, np.arange(lp.num_row_ + 1)).astype(_INDEX)
    lp.a_matrix_.index_, lp.a_matrix_.value_ = found.columns.astype(_INDEX), found.coefficients
    _check(solver.passModel(lp), "the model")
    if program.start is not None:
        _check(solver.setSolution(n, np.arange(n, dtype=_INDEX), program.start.astype(np.float64)), "the start")


def _last_word(solver: highspy.Highs) -> Report:
    status = solver.getModelStatus()
    note = solver.modelStatusToString(status)
    if status in _IMPOSSIBLE:
        return Report(infeasible=True, note=note)
    info = solver.getInfo()
    bound = info.mip_dual_bound if status in _BOUNDED else None
    if info.primal_solution_status != _FEASIBLE:
        return Report(bound=bound, note=note)
    return Report(np.array(solver.getSolution().col_value) > 0.5, bound, note=note)
