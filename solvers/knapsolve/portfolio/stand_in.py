"""An answer in place of one that never came, or that was refused: a quick solver's, or the empty selection."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from knapsolve.limits.interruption import OverdueError, interrupted, leaving, listening, overdue, stopped
from knapsolve.problem import Knapsack
from knapsolve.solution import refuse, valued
from knapsolve.solver import Answer, Options, Solver, load, missing_capabilities

STAND_INS = {"greedy": 1.0, "choice": 0.2}
"""Who answers for a solver that gave no answer, and seconds it may take."""


def solve_interruptibly(solver: Solver, problem: Knapsack, options: Options) -> Answer:
    """Call a solver; on Ctrl-C return its answer so far or, where it gives none in time, another's.

    Raises
    ------
    KeyboardInterrupt
        On a second Ctrl-C.
    """
    with listening():
        try:
            with leaving():
                answer = solver.solve(problem, options)
        except OverdueError:
            return stand_in(problem, overdue(solver.name))
        if interrupted():
            return replace(answer, trace=(*answer.trace, stopped()))
        return answer


def stand_in(problem: Knapsack, why: str) -> Answer:
    """Return the answer of the quickest solver that takes the problem; without one, the empty selection and a bound.

    Parameters
    ----------
    problem
        The problem, without fixed items.
    why
        What happened, for the trace.
    """
    trace: tuple[str, ...] = (why,)
    for name, seconds in STAND_INS.items():
        solver = load(name)
        if missing_capabilities(problem, solver.capabilities):
            continue
        answer = solver.solve(problem, Options(time_limit=seconds))
        reason = None if answer.selected is None else valued(problem, answer.selected)[1]
        if reason is None:
            return replace(answer, solver=name, trace=(*trace, f"{name} instead"))
        trace = (*trace, refuse(f"solver {name!r}", reason, "the next one is asked"))
    positive = np.maximum(problem.values, 0).sum()
    bound = int(positive) if problem.integer_values else float(positive) * (1 + 1e-12)
    # Where a class must have an item, the empty selection is none.
    nothing = None if problem.exactly_one else np.zeros(problem.n, np.bool_)
    return Answer(nothing, bound, trace=trace)
