"""Growing the loss budget until it holds the optimum of a multiple-choice problem."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.choice.classes import Classes
from knapsolve.exact.choice.list import GIVE_UP, OVERFLOW, combinations, join
from knapsolve.exact.choice.relaxation import ChoiceRelaxation

ROOM = 2**21
"""Longest list of combinations (about 60 bytes each for two resources)."""
FIRST_ROOM = 2**12
GROWTH = 1.4
"""Factor from budget to budget while the lists are short."""
CAREFUL = 1.12
"""The factor where they are long: each step then costs more than all before it."""
LONG = 5000
VERY_LONG = 2**16
"""Length of the lists from which branch and bound is faster where values are whole."""
MOST_NEAREST = 512
FIRST_OPTIONS = 24
"""Number of options whose loss is within the first budget."""
MOST_OPTIONS = 2**15
WORK = 2**23
"""Pairs looked at between two looks at the clock."""
MOST_EXTENSIONS = 2**24
"""Extensions of combinations tried before a budget is given up."""
MOST_WORK = 2**30
"""Pairs looked at before a budget is given up."""

_List = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]


@dataclass
class Budget:
    """What is known while the budget grows.

    Parameters
    ----------
    options
        Best option of each class, shape (C,), or None.
    loss
        What they lose against the dual bound; infinite where there are none.
    proved
        Every selection not seen loses at least this.
    complete
        Whether the best options are proved to be optimal.
    """

    options: NDArray[np.int64] | None
    loss: float
    proved: float = 0.0
    complete: bool = False


def grow(
    classes: Classes,
    relaxation: ChoiceRelaxation,
    options: NDArray[np.int64] | None,
    step: float,
    margin: float,
    deadline: float | None,
) -> Budget:
    """Search all combinations within a growing loss budget.

    Parameters
    ----------
    classes, relaxation
        The problem and its dual.
    options
        Known options, one a class, shape (C,), or None.
    step, margin
        A better selection loses at least `step` less; `margin` covers rounding.
    deadline
        Time (`time.perf_counter`) at which to stop, or None.

    Returns
    -------
    Budget
        Not complete where the lists grew too long or time was up.
    """
    key, loss = relaxation.key, relaxation.loss
    left = classes.limits - classes.weight[key].sum(axis=0)
    state = Budget(options, np.inf)
    if options is not None:
        unused = classes.limits - classes.weight[options].sum(axis=0)
        state.loss = float(loss[options].sum() + relaxation.prices @ unused)
    if (left >= 0).all() and relaxation.prices @ left < state.loss:
        state.options, state.loss = key.copy(), float(relaxation.prices @ left)
    # Where values are whole, all losses share the bound's fraction.
    floor = relaxation.bound - np.floor(relaxation.bound + margin) + margin if step == 1.0 else 0.0
    near, radius = _nearest(loss, key, 2**12)
    ordered = np.sort(loss[near])
    budget = float(ordered[min(FIRST_OPTIONS, len(ordered) - 1)]) if len(ordered) else 0.0
    class_of = np.searchsorted(classes.start, near, "right") - 1
    tried = step != 1.0
    while True:
        # Beyond what improves on the best known there is nothing to look for.
        enough = max(state.loss - step + margin, 0.0)
        budget = min(budget, enough)
        if budget > radius:
            near, radius = _nearest(loss, key, 8 * len(near))
            class_of = np.searchsorted(classes.start, near, "right") - 1
            continue
        kept = loss[near] <= budget
        listed = 0
        if np.count_nonzero(kept) <= MOST_OPTIONS:
            listed = _within(state, classes, relaxation, near[kept], class_of[kept], left, budget, floor, deadline)
        if listed == 0:
            _among_nearest(state, classes, relaxation, near, class_of, left, budget, floor, step, margin, deadline)
            state.complete = state.proved >= state.loss - step + margin
            return state
        state.proved = budget
        # What was found on the way may lose more than the budget, in unused capacity: it is then no proof.
        if budget >= max(state.loss - step + margin, 0.0) or np.isinf(budget):
            state.complete = True
            return state
        if listed > LONG and not tried:
            tried = True
            _among_nearest(state, classes, relaxation, near, class_of, left, budget, floor, step, margin, deadline)
            if state.proved >= state.loss - step + margin:
                state.complete = True
                return state
        if step == 1.0 and listed > VERY_LONG and state.proved < state.loss - step + margin:
            return state
        grown = max(budget * (GROWTH if listed < LONG else CAREFUL), margin, step if step < 1 else 0.0)
        # Where even all options are within the budget, only unused capacity keeps selections out of it.
        budget = (
            grown if len(ordered) == 0 or budget > 0.0 else max(grown, float(ordered[ordered > 0.0].min(initial=1.0)))
        )


def _among_nearest(
    state: Budget,
    classes: Classes,
    relaxation: ChoiceRelaxation,
    near: NDArray[np.int64],
    class_of: NDArray[np.int64],
    left: NDArray[np.float64],
    budget: float,
    floor: float,
    step: float,
    margin: float,
    deadline: float | None,
) -> None:
    """Look for a better selection among the few nearest options alone, with as large a budget as is of interest.

    No proof by itself; but where values are whole, a selection that meets the rounded bound needs no other.
    """
    # Ties are shuffled, so that the few are of many kinds.
    shuffled = np.random.default_rng(0).permutation(len(near))
    ranked = shuffled[np.argsort(relaxation.loss[near[shuffled]], kind="stable")]
    size = 32
    while size <= MOST_NEAREST and size // 2 < len(near) and state.proved < state.loss - step + margin:
        few = np.sort(ranked[:size])
        # Where values are whole, go for the least loss that is possible.
        ample = max(min(floor + np.ceil(max(state.proved - floor, 0.0)) if floor else 4.0 * budget, state.loss), margin)
        if not _within(state, classes, relaxation, near[few], class_of[few], left, ample, floor, deadline):
            return
        size *= 2


def _nearest(loss: NDArray[np.float64], key: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], float]:
    """Return about `size` options that lose least, keys left out, and the loss below which all are among them."""
    others = len(loss) - len(key)
    if others <= size:
        radius, near = np.inf, np.arange(len(loss))
    else:
        # A sample finds the threshold about; no sort or partition of all options.
        stride = max(1, len(loss) // 2**17)
        rank = min(len(loss[::stride]) - 1, (size + len(key)) // stride + 1)
        radius = float(np.partition(loss[::stride], rank)[rank])
        near = np.flatnonzero(loss <= radius)
    is_key = np.zeros(len(near), np.bool_)
    position = np.searchsorted(near, key)
    is_key[position] = True
    return near[~is_key], radius


def _within(
    state: Budget,
    classes: Classes,
    relaxation: ChoiceRelaxation,
    near: NDArray[np.int64],
    class_of: NDArray[np.int64],
    left: NDArray[np.float64],
    budget: float,
    floor: float,
    deadline: float | None,
) -> int:
    """Search all combinations of the given options within the budget.

    Returns the length of the longer list; 0 where room or time ran out.
    """
    loss, prices = relaxation.loss, relaxation.prices
    # Classes by their cheapest deviation, dealt in turn to the two halves, the most expensive first.
    order = np.lexsort((loss[near], class_of))
    near, class_of = near[order], class_of[order]
    known, first, sizes = np.unique(class_of, return_index=True, return_counts=True)
    ranked = np.argsort(-loss[near[first]], kind="stable") if len(known) else np.empty(0, np.int64)
    halves: list[_List] = []
    history = []
    for half in (ranked[::2], ranked[1::2]):
        members = np.concatenate([np.arange(first[c], first[c] + sizes[c]) for c in half] or [np.empty(0, np.int64)])
        options = near[members.astype(np.int64)]
        start = np.concatenate(([0], np.cumsum(sizes[half]))).astype(np.int64)
        added = classes.weight[options] - classes.weight[relaxation.key[known[np.repeat(half, sizes[half])]]]
        room = FIRST_ROOM
        while True:
            count, losses, weights, parents, added_option, alive = combinations(
                start, loss[options], added, budget, room, MOST_EXTENSIONS
            )
            if count == GIVE_UP or (deadline is not None and time.perf_counter() > deadline):
                return 0
            if count != OVERFLOW:
                break
            room *= 8
            if room > ROOM:
                return 0
        listed = np.flatnonzero(alive[:count])
        halves.append((losses[listed], weights[listed], listed))
        history.append((parents, added_option, options))
    (one_loss, one_weight, one_listed), (two_loss, two_weight, two_listed) = halves
    along = int(np.argmax(prices * one_weight.std(axis=0)))
    rising = np.argsort(one_weight[:, along], kind="stable")
    one_loss, one_weight, one_listed = one_loss[rising], one_weight[rising], one_listed[rising]
    pair = (-1, -1)
    begin: Any = 0
    rounds = 0
    while begin < len(two_loss):
        one, two, lost, begin = join(
            one_loss, one_weight, two_loss, two_weight, left, prices, along, budget, state.loss, floor, begin, WORK
        )
        rounds += 1
        if one >= 0:
            pair, state.loss = (int(one_listed[one]), int(two_listed[two])), float(lost)
        if rounds * WORK > MOST_WORK or (deadline is not None and time.perf_counter() > deadline):
            _adopt(state, classes, relaxation, pair, history)
            return 0
    _adopt(state, classes, relaxation, pair, history)
    return max(len(one_loss), len(two_loss))


def _adopt(
    state: Budget,
    classes: Classes,
    relaxation: ChoiceRelaxation,
    pair: tuple[int, int],
    history: list[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]],
) -> None:
    """Make a found pair of combinations the best options."""
    if pair[0] < 0:
        return
    state.options = relaxation.key.copy()
    for position, (parents, added_option, options) in zip(pair, history, strict=True):
        at = position
        while parents[at] >= 0:
            option = options[added_option[at]]
            state.options[np.searchsorted(classes.start, option, "right") - 1] = option
            at = parents[at]
