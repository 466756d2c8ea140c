"""``auto``: chooses by what the problem needs and its size, hands the incumbent on, and says why."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache

import numpy as np

from knapsolve.interruption import interrupted
from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate, relative_gap
from knapsolve.solver import AUTO, Answer, Capabilities, Options, load, missing_capabilities

FIRST_SECONDS = 2.0
"""Time the first stage may take where a second one is waiting."""
PATIENCE = 10**10
"""Cells of a table that auto is willing to fill."""
FEW = 4
"""Items a type from which types are called few."""
SAMPLE = 512
"""Items looked at to tell whether types are few."""


class Automatic:
    """Run the cheapest capable solver first; go on with the next until one has a proof.

    1. few-types where weights come by types, or many of a sample of items weigh the same; for a few seconds where
       another solver is waiting.
    2. core for one resource, branch-and-bound for several, choice for multiple choice.
    3. bellman where the table is small, then cpsat where values and weights are integers, highs otherwise: for what the
       others give up, and for requirements.
    """

    name = AUTO
    capabilities = Capabilities(exact=True, choices=True, requires=True, anytime=True)

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Return the first proved answer, or the best selection and the lowest bound of all that were tried."""
        stages = _stages(problem)
        kinds = "int64" if problem.integer_values else "float64", "int64" if problem.integer_weights else "float64"
        _compile(stages[0][0], problem.m, *kinds, problem.choices is not None)
        started = time.perf_counter()
        best = Answer(options.start, np.inf)
        for name, limited in stages:
            left = None if options.time_limit is None else options.time_limit - (time.perf_counter() - started)
            if left is not None and left <= 0:
                break
            allowed = left if not limited else min(FIRST_SECONDS, left if left is not None else FIRST_SECONDS)
            answer = load(name).solve(problem, replace(options, time_limit=allowed, start=best.selected))
            best = _better(problem, best, answer, name)
            if answer.infeasible or interrupted() or _done(problem, best, options.gap):
                break
        return best


@cache
def _compile(name: str, m: int, values: str, weights: str, choices: bool) -> None:
    """Have Numba compile a stage's kernels once a process and kind of data, so that no time limit counts it."""
    tiny = Knapsack(
        np.array([2, 1, 2, 3], values),
        np.array([[1, 2, 2, 1]] * m, weights),
        np.full(m, 3, weights),
        choices=[0, 0, 1, 1] if choices else None,
    )
    load(name).solve(tiny, Options())


def _stages(problem: Knapsack) -> list[tuple[str, bool]]:
    """Return solver names in the order to try, and whether each is limited to a first few seconds."""
    from knapsolve.exact.bellman import table_cells

    stages = [("few-types", True)] if _looks_typed(problem) else []
    stages += [("core", False)] if problem.m == 1 else [("branch-and-bound", False)]
    stages += [("choice", False)]
    if not missing_capabilities(problem, load("bellman").capabilities) and table_cells(problem) <= PATIENCE:
        stages.append(("bellman", False))
    stages.append(("cpsat" if problem.integer_values and problem.integer_weights else "highs", False))
    if problem.choices is None:
        stages.remove(("choice", False))  # it would take every item for a choice of its own
    return [stage for stage in stages if not missing_capabilities(problem, load(stage[0]).capabilities)]


def _looks_typed(problem: Knapsack) -> bool:
    """Whether the items fall into few types, as far as the evenly spaced sample of them tells."""
    if problem.type_weights is not None:
        return bool(problem.type_weights.shape[1] * FEW <= problem.n)
    sample = problem.weights[:, np.linspace(0, problem.n - 1, min(problem.n, SAMPLE)).astype(np.int64)]
    return bool(len(np.unique(sample, axis=1).T) * FEW <= sample.shape[1])


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
