"""Resolving what is forced: items fixed in or out, by the user or by what follows from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knapsolve.problem import FEASIBILITY_TOLERANCE, Knapsack


@dataclass(frozen=True, eq=False)
class Reduced:
    """A problem without forced items.

    Parameters
    ----------
    problem
        The problem of the free items under what capacity is left.
    free
        Indices of the free items in the original problem, or None where nothing was forced.
    inside
        Indices of the items forced in.
    """

    problem: Knapsack
    free: NDArray[np.int64] | None
    inside: NDArray[np.int64]

    def lift(self, selected: NDArray[np.bool_], n: int) -> NDArray[np.bool_]:
        """Return the selection of all n items that a selection of the free ones stands for."""
        if self.free is None:
            return selected
        lifted = np.zeros(n, np.bool_)
        lifted[self.free[selected]] = True
        lifted[self.inside] = True
        return lifted


def presolve(problem: Knapsack) -> Reduced | str:
    """Fix what is forced and drop it.

    Parameters
    ----------
    problem
        The problem as given.

    Returns
    -------
    Reduced or str
        The problem of the free items, or, where nothing is feasible, a sentence that says why.
    """
    heavy = _too_heavy(problem)
    given = (problem.fixed_in, problem.fixed_out, problem.choices, problem.requires)
    if heavy is None and all(constraint is None for constraint in given):
        return Reduced(problem, None, np.empty(0, np.int64))
    # 0 free, 1 in, -1 out
    state = np.zeros(problem.n, np.int8)
    if problem.fixed_out is not None:
        state[problem.fixed_out] = -1
    if problem.fixed_in is not None:
        state[problem.fixed_in] = 1
    if heavy is not None:
        state[heavy & (state == 0)] = -1
    conflict = _propagate(problem, state)
    if conflict is not None:
        return conflict
    inside, free = np.flatnonzero(state == 1), np.flatnonzero(state == 0)
    left = problem.limits - problem.weights[:, inside].sum(axis=1) if len(inside) else problem.limits
    if (left < 0).any():
        i = int(np.flatnonzero(left < 0)[0])
        need = problem.limits[i] - left[i]
        return f"the items forced in need {need} of resource {i}, whose capacity is {problem.capacities[i]}"
    if len(free) == problem.n:
        return Reduced(problem, None, inside)
    # The limits hold the float tolerance already; the smaller problem must not add it once more.
    capacities = left if problem.integer_weights else np.maximum(left, 0.0) / (1 + FEASIBILITY_TOLERANCE)
    return Reduced(_restrict(problem, free, inside, capacities), free, inside)


def _too_heavy(problem: Knapsack) -> NDArray[np.bool_] | None:
    """Return which items do not fit even alone, bool, shape (n,), or None where all do."""
    table = problem.dense_weights if problem.type_weights is None else problem.type_weights
    assert table is not None
    # Row by row: the largest weight settles most rows without a mask.
    rows = [row > limit for row, limit in zip(table, problem.limits, strict=True) if row.max(initial=0) > limit]
    if not rows:
        return None
    heavy: NDArray[np.bool_] = np.logical_or.reduce(rows)
    return heavy if problem.item_type is None else heavy[problem.item_type]


def _propagate(problem: Knapsack, state: NDArray[np.int8]) -> str | None:
    """Draw the consequences of choices and requirements until nothing changes; a sentence if they contradict."""
    while True:
        before = state.copy()
        if problem.requires is not None and len(problem.requires):
            a, b = problem.requires.T
            clash = (state[a] == 1) & (state[b] == -1)
            if clash.any():
                return f"item {a[clash][0]} is forced in but item {b[clash][0]}, which it requires, is out"
            state[b[state[a] == 1]] = 1
            state[a[state[b] == -1]] = -1
        if problem.choices is not None:
            labels = problem.choices
            taken, count = np.unique(labels[(labels >= 0) & (state == 1)], return_counts=True)
            if (count > 1).any():
                return f"choice {taken[count > 1][0]} has more than one item forced in"
            state[np.isin(labels, taken) & (state == 0)] = -1
            if problem.exactly_one:
                empty = np.setdiff1d(labels[labels >= 0], labels[state >= 0])
                if len(empty):
                    return f"choice {empty[0]} has no item left to choose"
        if (state == before).all():
            return None


def _restrict(
    problem: Knapsack, free: NDArray[np.int64], inside: NDArray[np.int64], capacities: NDArray[np.float64]
) -> Knapsack:
    """Return the problem of the free items."""
    choices = exactly_one = requires = None
    if problem.choices is not None:
        choices = problem.choices[free]
        exactly_one = problem.exactly_one
    if problem.requires is not None:
        position = np.full(problem.n, -1)
        position[free] = np.arange(len(free))
        renumbered = position[problem.requires]
        # Pairs with a fixed end are settled: both in, or the first out.
        requires = renumbered[(renumbered >= 0).all(axis=1)]
    if problem.type_weights is not None:
        assert problem.item_type is not None
        return Knapsack.from_types(
            problem.values[free],
            problem.item_type[free],
            problem.type_weights,
            capacities,
            choices=choices,
            exactly_one=bool(exactly_one),
            requires=requires,
        )
    return Knapsack(
        problem.values[free],
        problem.weights[:, free],
        capacities,
        choices=choices,
        exactly_one=bool(exactly_one),
        requires=requires,
    )
