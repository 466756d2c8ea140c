"""Leaves of the search: which combination of options to look at, and the best items of one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from knapsolve.nested.bound import Allowed, Floats, losses_of
from knapsolve.nested.items import knapsack
from knapsolve.nested.node import tune
from knapsolve.nested.state import TOLERANCE, Choice, Search
from knapsolve.portfolio.solving import solve
from knapsolve.problem import Knapsack
from knapsolve.solution import Status

MOST_ANSWERS = 10
"""Answers of each group that are tried together for a first choice."""
COMBINING_SECONDS, COMBINING_GAP = 0.2, 1e-4
"""Time for that, and how good it has to be."""
FIRST_MARGIN = 1e-3
"""Loss, relative to the bound, up to which items take part in the first selection at a leaf."""
MARGIN_GROWTH = 8.0
FIRST_SECONDS = 0.5
"""Time the items of a first choice get when time is up: without it there might be no answer at all."""
LEAST_SECONDS = 1e-3


def combination_of(state: Search, allowed: Allowed, row: int) -> tuple[int, ...]:
    """Put together what the options answered to earlier prices as well as fits; empty where nothing fits."""
    relaxation = state.relaxation
    # The best answers may not fit together; among all are those of no items, which fit if any do.
    for most in (MOST_ANSWERS, len(relaxation.option)) if state.best is None else (MOST_ANSWERS,):
        answers = relaxation.answers(allowed, row, most)
        together = Knapsack(
            relaxation.worth[answers],
            relaxation.use[answers].T,
            state.problem.capacities,
            choices=relaxation.group[relaxation.option[answers]],
            exactly_one=True,
        )
        seconds = state.seconds(COMBINING_SECONDS, COMBINING_SECONDS if state.best is None else LEAST_SECONDS)
        solution = solve(together, "choice", time_limit=seconds, gap=COMBINING_GAP)
        if solution.status in (Status.OPTIMAL, Status.FEASIBLE):
            return tuple(relaxation.option[answers[solution.selected]].tolist())
    return ()


def leaf_bound(state: Search, combination: tuple[int, ...]) -> float:
    """Select the items of one option a group, and return what bounds that."""
    if combination in state.known:
        return state.known[combination]
    if state.late and state.best is not None:
        return np.inf
    allowed = np.zeros(len(state.relaxation.group), dtype=bool)
    allowed[list(combination)] = True
    state.known[combination] = -np.inf
    if tune(state, allowed) is not None:
        bound, row = state.relaxation.bound(allowed)
        state.known[combination] = _select_items(state, combination, bound, state.relaxation.prices[row])
    return state.known[combination]


def _select_items(state: Search, combination: tuple[int, ...], bound: float, prices: Floats) -> float:
    """Solve a leaf with the items that can be part of a selection worth more than is known; return what bounds it.

    An item that loses more at these prices than the bound is above a value is in no selection of that value. The value
    that is hoped for is lowered until the selection reaches it, or what is known does.
    """
    chosen = [state.problem.options[number] for number in combination]
    items = [option.items for option in chosen if option.items is not None]
    left = state.problem.capacities - np.sum([option.fixed for option in chosen], axis=0)
    given = sum(option.value for option in chosen)
    losses = [losses_of(own, prices) for own in items]
    margin = FIRST_MARGIN * max(abs(bound), TOLERANCE * state.magnitude)
    while True:
        kept = [loss <= margin for loss in losses]
        everything = all(map(np.all, kept))
        state.leaves += 1
        problem = knapsack([own.only(which) for own, which in zip(items, kept, strict=True)], left.tolist())
        seconds = state.seconds(None, FIRST_SECONDS if state.best is None else LEAST_SECONDS)
        solution = solve(problem, state.solver, time_limit=seconds)
        state.tolerance = max(state.tolerance, solution.tolerance)
        value = given + float(solution.value)
        if value > state.value:
            selected = np.zeros(sum(map(len, kept)), dtype=bool)
            selected[np.concatenate([np.zeros(0, dtype=bool), *kept])] = solution.selected
            state.best = Choice(combination, replace(solution, selected=selected), value)
        # Whatever was left out is worth less than this.
        reached = -np.inf if everything else bound - margin
        if everything or reached <= state.cut or state.late:
            return min(bound, max(given + float(solution.bound), reached))
        margin = min(margin * MARGIN_GROWTH, bound - state.value) if margin > 0.0 else np.inf
