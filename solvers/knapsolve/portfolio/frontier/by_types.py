"""Points of a problem of few types: items are ranked once, and each point starts from the prices of the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.few_types.bands import settle
from knapsolve.exact.few_types.ranked import REACH, WIDER, Ranked, ranked, relax_ranked
from knapsolve.exact.few_types.relaxation import Relaxation
from knapsolve.exact.few_types.solver import Counted, counted, exact_in_floats, strict_limits
from knapsolve.exact.few_types.types import types_of
from knapsolve.limits.interruption import interrupted
from knapsolve.portfolio.automatic import looks_typed
from knapsolve.portfolio.frontier.result import FrontierPoint, at
from knapsolve.portfolio.solving import SUM_ROUNDING
from knapsolve.problem import Knapsack
from knapsolve.solution import Status
from knapsolve.solver import AUTO, Options, Solver

FEW_TYPES = "few-types"


@dataclass(frozen=True, eq=False)
class ByTypes:
    """What is prepared once.

    Parameters
    ----------
    item_type, weights
        Type of each item (n,) and weights by type (m, T).
    items
        The items, ranked.
    """

    item_type: NDArray[Any]
    weights: NDArray[Any]
    items: Ranked


@dataclass(frozen=True, eq=False)
class Best:
    """A selection by type: so many of the most valuable items of each, shape (T,)."""

    prepared: ByTypes
    counts: NDArray[np.int64]

    def selected(self, problem: Knapsack) -> NDArray[np.bool_]:
        """Return it, bool, shape (n,)."""
        selected = np.empty(problem.n, np.bool_)
        settle(problem.values, self.prepared.item_type, *self.prepared.items.cuts(self.counts), selected)
        return selected


def prepared(problem: Knapsack, chosen: Solver) -> ByTypes | None:
    """Rank the items by type; None where there are other constraints, or the solver, or `auto`, would not do so."""
    others = (problem.choices, problem.requires, problem.fixed_in, problem.fixed_out)
    if any(own is not None for own in others) or not exact_in_floats(problem) or not problem.n:
        return None
    if chosen.name != FEW_TYPES and not (chosen.name == AUTO and looks_typed(problem)):
        return None
    types = types_of(problem)
    return None if types is None else ByTypes(*types, ranked(problem.values, types[0], types[1].shape[1]))


def points_by_types(
    problem: Knapsack, by_types: ByTypes, resource: int, capacities: Sequence[Any], options: Options
) -> list[tuple[FrontierPoint, Best] | None]:
    """Return the points by ascending capacity; None where another solver has to be asked."""
    weights, items = by_types.weights, by_types.items
    near: Relaxation | None = None
    answers = list[Counted | None]()
    for capacity in reversed(capacities):
        last = answers[-1] if answers else None
        if last is not None and near is not None and _holds_below(last, near, weights[resource], resource, capacity):
            answers.append(last)
            continue
        if interrupted():
            answers.append(None)
            continue
        near, answer = _at(at(problem, resource, capacity), by_types, near, options)
        answers.append(answer)
    answers.reverse()
    counts = [answer.counts for answer in answers if answer is not None]
    if not counts:
        return [None] * len(capacities)
    totals = iter(items.totals(np.array(counts)))
    tolerance = 0.0 if problem.integer_values else SUM_ROUNDING
    found: list[tuple[FrontierPoint, Best] | None] = []
    for capacity, answer in zip(capacities, answers, strict=True):
        if answer is None:
            found.append(None)
            continue
        value = float(next(totals))
        bound: int | float = value + answer.short
        status = Status.OPTIMAL if answer.short == 0.0 else Status.FEASIBLE
        if problem.integer_values:
            value, bound = int(value), int(np.floor(bound))
            status = Status.OPTIMAL if bound == value else status
        usage = weights @ answer.counts
        point = FrontierPoint(capacity, value, bound, status, usage, answer.prices, resource, FEW_TYPES, tolerance)
        found.append((point, Best(by_types, answer.counts)))
    return found


def _at(
    problem: Knapsack, by_types: ByTypes, near: Relaxation | None, options: Options
) -> tuple[Relaxation, Counted | None]:
    """Solve one point from the relaxation of another; return its own relaxation and the answer, None without one."""
    types, items = (by_types.item_type, by_types.weights), by_types.items
    limits = strict_limits(problem)
    fits = np.all(by_types.weights <= problem.limits[:, None], axis=0)
    reach = REACH
    while True:
        near = relax_ranked(items, by_types.weights, limits, near, fits=fits, reach=reach)
        answer = counted(problem, types, near, options)
        if answer is None or not answer.narrow or reach >= items.cells:
            break
        reach *= WIDER
    if answer is None or (by_types.weights @ answer.counts > problem.limits).any():
        return near, None  # an answer that breaks a constraint is none, whatever the search says of it
    if not fits.all():
        # The price of one more unit is that of what it makes fit, too.
        answer = replace(answer, prices=relax_ranked(items, by_types.weights, limits, near).prices)
    return near, answer


def _holds_below(answer: Counted, near: Relaxation, use: NDArray[Any], resource: int, capacity: Any) -> bool:
    """Say whether an answer, and its prices, are those of a smaller capacity too: both leave room all the same.

    The linear relaxation takes of each of m basic columns at most one item more than it counts.
    """
    relaxed = use @ near.counts + len(answer.prices) * use.max(initial=0)
    room = capacity - max(float(use @ answer.counts), float(relaxed))
    return answer.short == 0.0 and answer.prices[resource] == 0.0 and room >= 0
