"""``auto``: chooses by what the problem needs and its size, hands the incumbent on, and says why."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache

import numpy as np

from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate, relative_gap
from knapsolve.solver import AUTO, Answer, Capabilities, Options, load, missing_capabilities

FIRST_SECONDS = 2.0
"""Time the first stage may take where a second one is waiting."""


class Automatic:
    """Run the cheapest capable solver first; go on with the next until one has a proof.

    1. few-types: any number of resources, the faster the fewer types; its dual gives the bound to all that follow.
    2. bellman: one resource, whole weights, and a table that fits in memory and patience.
    3. cpsat where values and weights are integers, highs otherwise: anything that is left, choices and requirements
       among it.
    """

    name = AUTO
    capabilities = Capabilities(exact=True, choices=True, requires=True, anytime=True)

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Return the first proved answer, or the best selection and the lowest bound of all that were tried."""
        _compile()
        started = time.perf_counter()
        best = Answer(options.start, np.inf)
        for name, limited in _stages(problem):
            left = None if options.time_limit is None else options.time_limit - (time.perf_counter() - started)
            if left is not None and left <= 0:
                break
            allowed = left if not limited else min(FIRST_SECONDS, left if left is not None else FIRST_SECONDS)
            answer = load(name).solve(problem, replace(options, time_limit=allowed, start=best.selected))
            best = _better(problem, best, answer, name)
            if answer.infeasible or _done(problem, best, options.gap):
                break
        return best


@cache
def _compile() -> None:
    """Have Numba compile the first stage's kernels once a process, so that no time limit counts compilation."""
    load("few-types").solve(Knapsack([2.0, 1.0], [[1, 2]], [2]), Options())


def _stages(problem: Knapsack) -> list[tuple[str, bool]]:
    """Return solver names in the order to try, and whether each is limited to a first few seconds."""
    from knapsolve.exact.bellman import table_cells

    stages = []
    if not missing_capabilities(problem, load("few-types").capabilities):
        stages.append(("few-types", True))
    if not missing_capabilities(problem, load("bellman").capabilities) and table_cells(problem) <= 10**10:
        stages.append(("bellman", False))
    stages.append(("cpsat" if problem.integer_values and problem.integer_weights else "highs", False))
    return stages


def _better(problem: Knapsack, best: Answer, answer: Answer, name: str) -> Answer:
    """Combine two answers: the better selection, the lower bound, both traces."""
    selected, solver = best.selected, best.solver
    if answer.selected is not None and (
        selected is None or evaluate(problem, answer.selected)[0] >= evaluate(problem, selected)[0]
    ):
        selected, solver = answer.selected, answer.solver or name
    tighter = answer if answer.bound <= best.bound else best
    return Answer(
        selected=selected,
        bound=tighter.bound,
        prices=answer.prices if answer.prices is not None else best.prices,
        tolerance=tighter.tolerance,
        infeasible=answer.infeasible,
        solver=solver,
        trace=(*best.trace, *(answer.trace or (f"auto: tried {name}",))),
    )


def _done(problem: Knapsack, answer: Answer, gap: float) -> bool:
    if answer.selected is None:
        return False
    value = evaluate(problem, answer.selected)[0]
    return answer.bound <= value or relative_gap(value, answer.bound) <= max(gap, answer.tolerance)
