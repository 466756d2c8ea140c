"""Branch and bound over the variants of all layers, with exact selections at the leaves.

A node is a set of variants that each layer may still take. Its bound is Lagrangian (`joint_bound`); a variant that
loses more at those prices than the bound is above the best known choice is taken out. What is left is split by a layer
that the relaxation mixes from several variants: the largest share, or any other. Where one variant is left for every
layer, the items are selected exactly, by knapsolve.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count

import numpy as np
import numpy.typing as npt

from knapprune.selection.items import Items, knapsack
from knapprune.selection.joint_bound import Allowed, Option, Relaxation, losses_of
from knapsolve import Knapsack, Solution, Status, solve

TOLERANCE = 1e-9
"""Relative difference of two values that counts as none: the choice is proved to be the best up to this."""
CONVERGED = 1e-7
MOST_ROUNDS = 30
"""Prices tried at one node."""
MOST_ANSWERS = 10
"""Answers of each layer that are tried together for a first choice."""
FIRST_MARGIN = 1e-3
"""Loss, relative to the bound, up to which items take part in the first selection at a leaf."""
MARGIN_GROWTH = 8.0
LEAST_SECONDS = 0.5
"""Time a selection gets when time is up: without it there might be no answer at all."""

Solve = Callable[[Knapsack, float], Solution]


@dataclass
class Found:
    """The best choice known, and what bounds every other.

    Parameters
    ----------
    options
        Number of the option that each layer takes; empty where no choice was found.
    solution
        The selection of its items.
    value, bound
        What the choice is worth, and what none is above.
    proved
        Whether no choice is better.
    nodes, leaves
        Nodes looked at, and selections solved.
    """

    options: tuple[int, ...] = ()
    solution: Solution | None = None
    value: float = -np.inf
    bound: float = np.inf
    proved: bool = False
    nodes: int = 0
    leaves: int = 0


@dataclass
class _Search:
    options: Sequence[Option]
    capacities: Sequence[int]
    solve: Solve
    deadline: float
    relaxation: Relaxation
    found: Found = field(default_factory=Found)
    known: dict[tuple[int, ...], float] = field(default_factory=dict)  # bound of each combination solved

    @property
    def cut(self) -> float:
        value = self.found.value
        return value + TOLERANCE * abs(value) if np.isfinite(value) else value

    @property
    def late(self) -> bool:
        return time.perf_counter() > self.deadline


def search(options: Sequence[Option], capacities: Sequence[int], solver: Solve, time_limit: float) -> Found:
    """Find the best option for each layer and the best items with it."""
    _compile(len(capacities), any(option.items is not None and option.items.choice is None for option in options))
    deadline = time.perf_counter() + time_limit
    state = _Search(options, capacities, solver, deadline, Relaxation(options, capacities))
    order = count()
    heap: list[tuple[float, int, Allowed]] = [(-np.inf, next(order), np.ones(len(options), dtype=bool))]
    left_open = -np.inf
    while heap and not state.late:
        above, _, allowed = heapq.heappop(heap)
        if -above <= state.cut:
            heap.clear()  # the best of the open nodes is no better than what is known
            break
        state.found.nodes += 1
        for bound, child in _branch(state, allowed):
            if bound > state.cut:
                if child is None:
                    left_open = max(left_open, bound)
                else:
                    heapq.heappush(heap, (-bound, next(order), child))
    found = state.found
    rest = max([left_open, *(-node[0] for node in heap)])
    found.proved = rest <= state.cut
    found.bound = found.value if found.proved else max(rest, found.value)
    return found


@cache
def _compile(caps: int, free_items: bool) -> None:
    """Have Numba compile what the search calls, once a process, so that no time limit counts it."""
    values, weights, choices = [2.0, 1.0, 2.0, 3.0], [[1, 2, 2, 1]] * caps, [0, 0, 1, 1]
    solve(Knapsack(values, weights, [4] * caps, choices=choices, exactly_one=True), solver="choice")
    by_types = [0, 1, 1, 0], [[1, 2]] * caps, [3] * caps
    solve(Knapsack.from_types(values, *by_types, choices=choices), solver="choice")
    if free_items:
        solve(Knapsack.from_types(values, *by_types), solver="few-types")


def _branch(state: _Search, allowed: Allowed) -> list[tuple[float, Allowed | None]]:
    """Bound a node and split it: what is left of it, with bounds; None stands for a leaf that is not proved."""
    relaxation = state.relaxation
    shares = _tune(state, allowed)
    if shares is None:
        return []
    bound, row = relaxation.bound(allowed)
    # The first choices matter most: looked for at the 1st, 2nd, 4th, 8th node.
    if row >= 0 and (not state.found.options or (state.found.nodes.bit_count() == 1 and not state.late)):
        combination = _combination(state, allowed, row)
        if combination and combination not in state.known:
            _leaf(state, combination)
    if allowed.sum() == relaxation.groups:
        own = tuple(np.flatnonzero(allowed).tolist())
        return [(min(_leaf(state, own), bound), None)]
    return _split(state, allowed, shares, bound)


def _tune(state: _Search, allowed: Allowed) -> npt.NDArray[np.float64] | None:
    """Look for the prices that bound a node best, and take options out of `allowed` on the way.

    Returns the shares of the options in the relaxation; None where the node holds nothing better than is known.
    """
    relaxation = state.relaxation
    if not _tighten_by_fixed(state, allowed):
        return None
    shares = np.zeros(len(state.options))
    for _ in range(MOST_ROUNDS):
        bound, row = relaxation.bound(allowed)
        if row >= 0:
            _take_out(state, allowed, bound, row)
            if not _one_each(relaxation, allowed):
                return None
        prices, shares, mixed = relaxation.propose(allowed)
        if state.late or (np.isfinite(bound) and bound - mixed <= CONVERGED * abs(bound)):
            break
        relaxation.evaluate(prices, allowed)
    return shares if relaxation.bound(allowed)[0] > state.cut else None


def _split(
    state: _Search, allowed: Allowed, shares: npt.NDArray[np.float64], bound: float
) -> list[tuple[float, Allowed | None]]:
    group = state.relaxation.group
    several = np.flatnonzero(np.bincount(group[allowed]) > 1)
    largest = [float(np.where(allowed & (group == number), shares, -1.0).max()) for number in several]
    layer = several[int(np.argmin(largest))]
    option = int(np.argmax(np.where(allowed & (group == layer), shares, -1.0)))
    one, others = allowed.copy(), allowed.copy()
    one[group == layer] = False
    one[option] = True
    others[option] = False
    return [(bound, one), (bound, others)]


def _take_out(state: _Search, allowed: Allowed, bound: float, row: int) -> None:
    """Take out the options that lose more than the bound is above the best value; `allowed` is written."""
    best = state.relaxation.best(allowed)[row]
    loss = best[state.relaxation.group] - state.relaxation.gains[row]
    allowed &= bound - loss > state.cut


def _tighten_by_fixed(state: _Search, allowed: Allowed) -> bool:
    """Take out options whose fixed use leaves too little for the other layers; say if any choice is left."""
    relaxation = state.relaxation
    while True:
        if not _one_each(relaxation, allowed):
            return False
        fixed = np.where(allowed[:, None], relaxation.fixed, np.inf)
        starts = np.searchsorted(relaxation.group, np.arange(relaxation.groups))
        least = np.minimum.reduceat(fixed, starts, axis=0)
        others = least.sum(axis=0) - least[relaxation.group]
        fits = (relaxation.fixed + others <= relaxation.capacities).all(axis=1)
        if fits[allowed].all():
            return True
        allowed &= fits


def _one_each(relaxation: Relaxation, allowed: Allowed) -> bool:
    return bool(np.bincount(relaxation.group[allowed], minlength=relaxation.groups).all())


def _combination(state: _Search, allowed: Allowed, row: int) -> tuple[int, ...]:
    """Put together what the layers answered to earlier prices as well as fits; empty where nothing fits."""
    relaxation = state.relaxation
    answers = relaxation.answers(allowed, row, MOST_ANSWERS)
    # Knapsolve needs no sign, but an answer of no value must not count as one that is left out.
    problem = Knapsack(
        relaxation.worth[answers] + 1.0,
        relaxation.use[answers].T.astype(np.int64),
        list(state.capacities),
        choices=relaxation.group[relaxation.option[answers]],
        exactly_one=True,
    )
    solution = solve(problem, solver="choice", time_limit=0.2, gap=1e-4)
    if solution.status not in (Status.OPTIMAL, Status.FEASIBLE):
        return ()
    return tuple(relaxation.option[answers[solution.selected]].tolist())


def _leaf(state: _Search, combination: tuple[int, ...]) -> float:
    """Select the items of one option a layer, and return what bounds that."""
    if combination in state.known:
        return state.known[combination]
    if state.late and state.found.options:
        return np.inf
    allowed = np.zeros(len(state.options), dtype=bool)
    allowed[list(combination)] = True
    state.known[combination] = -np.inf
    if _tune(state, allowed) is not None:
        bound, row = state.relaxation.bound(allowed)
        if row >= 0:
            state.known[combination] = _select_items(state, combination, bound, state.relaxation.prices[row])
        else:
            state.known[combination] = bound
    return state.known[combination]


def _select_items(state: _Search, combination: tuple[int, ...], bound: float, prices: npt.NDArray[np.float64]) -> float:
    """Solve a leaf with the items that can be part of a selection worth more than is known.

    An item that loses more at these prices than the bound is above a value is in no selection of that value. The value
    that is hoped for is lowered until the selection reaches it, or what is known does.
    """
    chosen = [state.options[number] for number in combination]
    items = items_of_options(chosen)
    left = np.array(state.capacities) - np.sum([option.fixed for option in chosen], axis=0)
    given = sum(option.value for option in chosen)
    losses = [losses_of(own, prices) for own in items]
    margin = FIRST_MARGIN * abs(bound)
    while True:
        kept = [loss <= margin for loss in losses]
        state.found.leaves += 1
        problem = knapsack([own.only(which) for own, which in zip(items, kept, strict=True)], left.tolist())
        solution = state.solve(problem, max(state.deadline - time.perf_counter(), LEAST_SECONDS))
        value = given + float(solution.value)
        if value > state.found.value:
            selected = np.zeros(sum(map(len, kept)), dtype=bool)
            selected[np.concatenate([np.zeros(0, dtype=bool), *kept])] = solution.selected
            state.found.options, state.found.value = combination, value
            state.found.solution = replace(solution, selected=selected)
        if solution.status is not Status.OPTIMAL:
            return bound
        # Whatever was left out is worth less than this.
        reached = bound - margin
        if state.found.value >= reached or all(map(np.all, kept)):
            return value
        if state.late:
            return bound
        margin = min(margin * MARGIN_GROWTH, bound - state.found.value)


def items_of_options(chosen: Sequence[Option]) -> list[Items]:
    """List the items of options that have any, in their order."""
    return [option.items for option in chosen if option.items is not None]
