"""CP-SAT's side of the pipe; imported by the worker process only."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from knapsolve.backends.program import Job, Program, Report


def run(job: Job, report: Callable[[Report], None]) -> Report:
    """Solve a job whose objective, rows and limits are integers.

    Parameters
    ----------
    job
        What to solve, and for how long.
    report
        Called with every improved selection and bound, from CP-SAT's own threads.

    Returns
    -------
    Report
        The last word.
    """
    begun = time.monotonic()
    model, items = _model(job.program)
    solver = cp_model.CpSolver()
    solver.parameters.random_seed = job.seed
    solver.parameters.num_workers = 1  # more are not reproducible, and on the Chu-Beasley problems no faster
    solver.parameters.relative_gap_limit = job.gap
    solver.parameters.absolute_gap_limit = 0.0
    solver.parameters.catch_sigint_signal = False
    # Its ProcessAtMostOneAndLinear loses the optimum where classes meet large weights, and CP-SAT proves another:
    # https://github.com/google/or-tools/issues/5293, open as of 9.15.
    solver.parameters.presolve_inclusion_work_limit = 0
    if job.time_limit is not None:
        solver.parameters.max_time_in_seconds = max(job.time_limit - (time.monotonic() - begun), 1e-3)
    solver.best_bound_callback = lambda bound: report(Report(bound=_rounded_up(bound)))
    status = solver.solve(model, _Incumbents(items, report))
    note = solver.status_name(status)
    if status == cp_model.MODEL_INVALID:
        raise ValueError(f"CP-SAT refused the model: {model.validate()}")
    if status == cp_model.INFEASIBLE:
        return Report(infeasible=True, note=note)
    if status == cp_model.UNKNOWN:
        return Report(note=note)  # here the bound may still be the field's default, 0
    # The model maximises, so CP-SAT minimises the negative; this bound is an exact integer where the other is a float.
    bound = -int(solver.response_proto.inner_objective_lower_bound)
    return Report(_selection(solver.boolean_value, items), bound, note=note)


class _Incumbents(cp_model.CpSolverSolutionCallback):
    """Reports every improved selection; CP-SAT takes its callbacks as objects of this class only."""

    def __init__(self, items: list[cp_model.IntVar], report: Callable[[Report], None]) -> None:
        super().__init__()
        self._items = items
        self._report = report

    def on_solution_callback(self) -> None:
        selected = _selection(self.boolean_value, self._items)
        self._report(Report(selected, _rounded_up(self.best_objective_bound)))


def _selection(value: Callable[[cp_model.IntVar], bool], items: list[cp_model.IntVar]) -> NDArray[np.bool_]:
    return np.fromiter((value(item) for item in items), dtype=np.bool_, count=len(items))


def _rounded_up(bound: float) -> int | None:
    """Return an integer bound from one that was rounded to 53 bits."""
    if not math.isfinite(bound) or abs(bound) >= 2**62:
        return None
    return math.floor(bound + abs(bound) * 2.0**-52 + 1e-6)


def _model(program: Program) -> tuple[cp_model.CpModel, list[cp_model.IntVar]]:
    model = cp_model.CpModel()
    items = [model.new_int_var(0, int(allowed), "") for allowed in program.allowed]
    for row, limit in zip(program.rows, program.limits, strict=True):
        if row.any():
            model.add(cp_model.LinearExpr.weighted_sum(items, row) <= int(limit))
    for members in program.classes:
        options = [items[i] for i in members]
        if program.exactly_one:
            model.add_exactly_one(options)
        else:
            model.add_at_most_one(options)
    for a, b in program.requires:
        model.add_implication(items[a], items[b])
    if program.start is not None:
        for item, chosen in zip(items, program.start, strict=True):
            model.add_hint(item, bool(chosen))
    model.maximize(cp_model.LinearExpr.weighted_sum(items, program.objective))
    return model, items
