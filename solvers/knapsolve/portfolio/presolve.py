"""Resolving what is forced: items in or out, by the user or by what follows; and merging cycles of requirements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.problem import FEASIBILITY_TOLERANCE, Knapsack

if TYPE_CHECKING:
    from knapsolve.kernels.graph import Graph

IN, OUT = -1, -2
"""Entries of `Reduced.place` for items that are decided."""


@dataclass(frozen=True, eq=False)
class Reduced:
    """A problem without forced items and without cycles of requirements.

    Parameters
    ----------
    problem
        The problem of what is left, under what capacity is left.
    place
        For each original item the index of the item that it is, or is part of, in `problem`, or `IN` or `OUT`, shape
        (n,); None where nothing changed.
    """

    problem: Knapsack
    place: NDArray[np.int64] | None

    def lift(self, selected: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the selection of all original items that a selection of those left stands for."""
        if self.place is None:
            return selected
        lifted: NDArray[np.bool_] = self.place == IN
        left = self.place >= 0
        lifted[left] = selected[self.place[left]]
        return lifted

    def lower(self, selected: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return what a selection of all items is of those left; where items were merged, it has all or none."""
        if self.place is None:
            return selected
        lowered = np.zeros(self.problem.n, np.bool_)
        lowered[self.place[selected & (self.place >= 0)]] = True
        return lowered


def presolve(problem: Knapsack) -> Reduced | str:
    """Fix what is forced, drop it, and merge items that need each other.

    Parameters
    ----------
    problem
        The problem as given.

    Returns
    -------
    Reduced or str
        The problem that is left, or, where nothing is feasible, a sentence that says why.
    """
    heavy = _too_heavy(problem)
    given = (problem.fixed_in, problem.fixed_out, problem.choices, problem.requires)
    if heavy is None and all(constraint is None for constraint in given):
        return Reduced(problem, None)
    state = _given_state(problem, heavy)
    graph = _graph(problem)
    conflict = _propagate(problem, graph, state)
    if conflict is not None:
        return conflict
    inside = np.flatnonzero(state == 1)
    left = problem.limits - problem.weights[:, inside].sum(axis=1) if len(inside) else problem.limits
    if (left < 0).any():
        i = int(np.flatnonzero(left < 0)[0])
        need = problem.limits[i] - left[i]
        return f"the items forced in need {need} of resource {i}, whose capacity is {problem.capacities[i]}"
    groups: list[NDArray[np.int64]] = []
    if graph is not None:
        conflict, groups = _settle_requirements(problem, graph, left, state)
        if conflict is not None:
            return conflict
    if (state == 0).all() and not groups and (graph is not None or problem.requires is None):
        return Reduced(problem, None)
    # The limits hold the float tolerance already; the smaller problem must not add it once more.
    capacities = left if problem.integer_weights else np.maximum(left, 0.0) / (1 + FEASIBILITY_TOLERANCE)
    if groups and not problem.integer_weights:
        capacities = capacities * (1 - 1e-13)  # sums of merged weights may round otherwise than the items' own
    place, first = _places(state, groups)
    return Reduced(_restrict(problem, place, first, capacities, bool(groups)), place)


def _given_state(problem: Knapsack, heavy: NDArray[np.bool_] | None) -> NDArray[np.int8]:
    """Return for each item 0 where it is free, 1 where it is in, -1 where it is out."""
    state = np.zeros(problem.n, np.int8)
    if problem.fixed_out is not None:
        state[problem.fixed_out] = -1
    if problem.fixed_in is not None:
        state[problem.fixed_in] = 1
    if heavy is not None:
        state[heavy & (state == 0)] = -1
    return state


def _places(state: NDArray[np.int8], groups: list[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each item's place in the smaller problem, and for each place there the first item that has it."""
    place = np.where(state == 1, IN, OUT)
    free = state == 0
    for members in groups:
        free[members[1:]] = False
    place[free] = np.arange(int(free.sum()))
    for members in groups:
        place[members] = place[members[0]]
    return place, np.flatnonzero(free)


def _graph(problem: Knapsack) -> Graph | None:
    """Return the requirements, None where no item needs another."""
    if problem.requires is None:
        return None
    pairs = problem.requires[problem.requires[:, 0] != problem.requires[:, 1]]
    if not len(pairs):
        return None
    # The kernels load only for those who need them.
    from knapsolve.kernels.graph import graph_of

    return graph_of(pairs, problem.n)


def _settle_requirements(
    problem: Knapsack, graph: Graph, left: NDArray[Any], state: NDArray[np.int8]
) -> tuple[str | None, list[NDArray[np.int64]]]:
    """Drop what cannot be chosen with all it needs; return a contradiction, and the cycles that become one item each.

    A cycle with several items of a choice is out. One with items of several choices stays as it is: no single item
    could carry their labels.
    """
    from knapsolve.portfolio.requirements import cycles, drop_oversized

    columns = np.ascontiguousarray(problem.weights.T, dtype=np.float64)
    changed = drop_oversized(graph, columns, left.astype(np.float64), state) > 0
    groups = cycles(graph, state)
    if problem.choices is not None:
        for members in groups:
            labels = problem.choices[members]
            labels = labels[labels >= 0]
            if len(np.unique(labels)) < len(labels):
                state[members] = -1
                changed = True
    if changed:
        conflict = _propagate(problem, graph, state)
        if conflict is not None:
            return conflict, []
    whole = [members for members in groups if (state[members] == 0).all()]
    if problem.choices is not None:
        whole = [members for members in whole if (problem.choices[members] >= 0).sum() < 2]
    return None, whole


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


def _propagate(problem: Knapsack, graph: Graph | None, state: NDArray[np.int8]) -> str | None:
    """Draw the consequences of choices and requirements until nothing changes; a sentence if they contradict."""
    while True:
        before = state.copy()
        if graph is not None:
            from knapsolve.kernels.graph import follow

            clash = follow(graph, state)
            if clash is not None:
                return f"item {clash[0]} is forced in but item {clash[1]}, which it requires, is out"
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
    problem: Knapsack, place: NDArray[np.int64], first: NDArray[np.int64], capacities: NDArray[Any], merged: bool
) -> Knapsack:
    """Return the problem of the items left; `first` is the first of each, `merged` tells whether any has more."""
    choices = requires = None
    exactly_one = problem.exactly_one and problem.choices is not None
    if problem.choices is not None:
        choices = problem.choices[first].copy()
        labelled = np.flatnonzero((place >= 0) & (problem.choices >= 0))
        choices[place[labelled]] = problem.choices[labelled]
    if problem.requires is not None:
        renumbered = place[problem.requires]
        # Pairs with a decided end are settled: both in, or the first out.
        pairs = renumbered[(renumbered >= 0).all(axis=1) & (renumbered[:, 0] != renumbered[:, 1])]
        pairs = np.unique(pairs, axis=0) if merged else pairs
        requires = pairs if len(pairs) else None
    if merged:
        left = np.flatnonzero(place >= 0)
        values = np.zeros(len(first), problem.values.dtype)
        np.add.at(values, place[left], problem.values[left])
        weights = np.zeros((problem.m, len(first)), problem.weights.dtype)
        for row, whole in zip(weights, problem.weights, strict=True):
            np.add.at(row, place[left], whole[left])
        return Knapsack(values, weights, capacities, choices=choices, exactly_one=exactly_one, requires=requires)
    if problem.type_weights is not None:
        assert problem.item_type is not None
        return Knapsack.from_types(
            problem.values[first],
            problem.item_type[first],
            problem.type_weights,
            capacities,
            choices=choices,
            exactly_one=exactly_one,
            requires=requires,
        )
    return Knapsack(
        problem.values[first],
        problem.weights[:, first],
        capacities,
        choices=choices,
        exactly_one=exactly_one,
        requires=requires,
    )
