"""The road every external solver shares: scale, solve in a worker process, keep the best of what it said."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from knapsolve.backends import pool
from knapsolve.backends.program import Job, Program, Report
from knapsolve.backends.repair import repaired
from knapsolve.backends.scaling import Scaled
from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate, start_of
from knapsolve.solver import Answer, Options, Progress

TOLERANCE = 1e-9
"""Relative error that scaled values and a solver's float arithmetic may have; their margins are far below it."""

MOST_COVERS = 20
"""How often a solver is sent back with a selection of its own forbidden, because it passes a capacity by a hair."""

Scale = Callable[[Knapsack, NDArray[np.bool_] | None], Scaled]


class Best:
    """The best selection and bound known so far, in the problem's own numbers.

    Parameters
    ----------
    problem
        The problem, without fixed items.
    scaled
        The program that the worker solves.
    options
        How to solve; `Options.start` is the first selection known.
    """

    def __init__(self, problem: Knapsack, scaled: Scaled, options: Options) -> None:
        self._problem = problem
        self._scaled = scaled
        self._on_progress = options.on_progress
        self._begun = time.monotonic()
        self.whole = bool((problem.values == np.floor(problem.values)).all())
        self.selected = options.start
        self.value: int | float = -np.inf if options.start is None else evaluate(problem, options.start)[0]
        self.bound = trivial_bound(problem)
        self.dropped = 0

    def take(self, report: Report) -> None:
        """Keep what is better than before, and tell the user's callback of it."""
        better = self._take_bound(report.bound) if report.bound is not None else False
        if report.selected is not None:
            selected, dropped = repaired(self._problem, report.selected)
            value = -np.inf if selected is None else evaluate(self._problem, selected)[0]
            if value > self.value:
                self.selected, self.value, self.dropped, better = selected, value, dropped, True
        if better and self._on_progress is not None:
            self._on_progress(Progress(time.monotonic() - self._begun, self.value, self.bound))

    def settled_bound(self) -> int | float:
        """Return the bound, or the value itself where only the margin for scaling and tolerances parts them.

        That is for an optimum near 0, against which no margin is small. Whole numbers need it not: their bound was
        rounded down.
        """
        apart = self.bound - self.value
        near_zero = apart > TOLERANCE * abs(self.value)
        if apart < 0 or (near_zero and not self.whole and apart <= 2 * self._scaled.loss):
            return self.value
        return self.bound

    def _take_bound(self, scaled_bound: int | float) -> bool:
        if not np.isfinite(scaled_bound):
            return False
        bound = self._scaled.upper_bound(scaled_bound)
        if self.whole:
            # Whole values have a whole optimum, whatever fraction the solver's bound ends in.
            bound = math.floor(bound) if self._problem.integer_values else float(math.floor(bound))
        better = bound < self.bound
        self.bound = min(self.bound, bound)
        return better


def trivial_bound(problem: Knapsack) -> int | float:
    """Return the sum of positive values of items that fit, which no selection exceeds."""
    fits = (problem.weights <= problem.limits[:, None]).all(axis=0)
    total = np.maximum(problem.values[fits], 0).sum()
    return int(total) if problem.integer_values else float(total) * (1 + 1e-12)


def solve(name: str, module: str, scale: Scale, problem: Knapsack, options: Options) -> Answer:
    """Solve in a worker process.

    Parameters
    ----------
    name
        The solver's name, for the trace.
    module
        Dotted name of the module that runs in the worker.
    scale
        Turns the problem into the solver's numbers.
    problem
        The problem, without fixed items.
    options
        How to solve.

    Returns
    -------
    Answer
        The best selection known and a bound that holds, also where the worker crashed or was killed. `TOLERANCE` is
        stated where values are not whole numbers.
    """
    if problem.n == 0:
        return Answer(np.zeros(0, dtype=np.bool_), trivial_bound(problem), trace=(f"{name}: nothing to choose",))
    begun = time.monotonic()
    options = replace(options, start=start_of(problem, options))
    scaled = scale(problem, options.start)
    best = Best(problem, scaled, options)
    tolerance = 0.0 if best.whole else TOLERANCE
    program = scaled.program
    for _ in range(MOST_COVERS + 1):
        left = None if options.time_limit is None else max(options.time_limit - (time.monotonic() - begun), 0.0)
        final, reason = pool.run(module, Job(program, left, options.gap, options.seed % 2**31), best.take)
        if final is None:
            break
        best.take(final)
        reason = final.note
        if final.infeasible and best.selected is None:
            return Answer(None, -np.inf, infeasible=True, tolerance=tolerance, trace=(f"{name}: infeasible",))
        if final.selected is None or best.settled_bound() <= best.value or not _too_much(problem, final.selected):
            break
        program = _with_cover(program, final.selected)
    trace = [f"{name}: {reason}"]
    if best.dropped:
        trace.append(f"{name}: its selection passed a capacity by a rounding error; {best.dropped} items were dropped")
    return Answer(best.selected, best.settled_bound(), tolerance=tolerance, trace=tuple(trace))


def _too_much(problem: Knapsack, selected: NDArray[np.bool_]) -> bool:
    """Return whether a selection that a solver's tolerances let through passes a capacity."""
    return bool((evaluate(problem, selected)[1] > problem.limits).any())


def _with_cover(program: Program, selected: NDArray[np.bool_]) -> Program:
    """Return the program with a row that says: not all of these items, for together they pass a capacity."""
    rows = np.vstack([program.rows, selected.astype(program.rows.dtype)])
    limits = np.append(program.limits, program.limits.dtype.type(selected.sum() - 1))
    return replace(program, rows=rows, limits=limits)
