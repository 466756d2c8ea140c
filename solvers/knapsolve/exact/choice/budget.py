"""Growing the loss budget until it holds the optimum of a multiple-choice problem."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.choice.classes import Classes
from knapsolve.exact.choice.lattice import fill
from knapsolve.exact.choice.list import Losses
from knapsolve.exact.choice.match import TOLERANCE
from knapsolve.exact.choice.pairs import ROOM, Nearby, best_pair
from knapsolve.exact.choice.relaxation import ChoiceRelaxation
from knapsolve.solution import refuse

GROWTH = 1.4
"""Factor from budget to budget while the lists are short."""
CAREFUL = 1.12
"""The factor where they are long: each step then costs more than all before it."""
REACH = 1.3
"""The factor at most, to lower the rounded bound."""
LONG = 5000
VERY_LONG = 2**19
"""Length of the lists from which branch and bound is faster where values are whole."""
FIRST_NEAREST = 2**12
SAMPLE = 2**17
SMALL = 4096
"""Number of options up to which branch and bound stands a chance."""
MOST_NEAREST = 512
NEAREST_ROOM = 2**17
FIRST_OPTIONS = 24
"""Number of options whose loss is within the first budget."""
MOST_OPTIONS = 2**15
TIES = 2**10
"""Options within a budget from which they are looked at by kinds first."""
ROUNDING = 1e-13
"""Rounding of sums of weights, relative to the capacities."""
LOSS_ROUNDING = 1e-11
"""Rounding of sums of losses, relative to the bound, keys that tie included."""


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
    refused
        A sentence on options that were found and refused, or empty: then nothing here is a proof.
    """

    options: NDArray[np.int64] | None
    loss: float
    proved: float = 0.0
    complete: bool = False
    refused: str = ""

    def adopt(
        self, classes: Classes, relaxation: ChoiceRelaxation, options: NDArray[np.int64], said: float, finder: str
    ) -> None:
        """Keep better options, unless they do not fit or lose more than their finder says.

        Parameters
        ----------
        classes, relaxation
            The problem and its dual.
        options
            One a class, shape (C,).
        said
            What they lose.
        finder
            Who found them.
        """
        unused = classes.limits - classes.weight[options].sum(axis=0)
        lost = float(relaxation.loss[options].sum() + relaxation.prices @ unused)
        over = np.flatnonzero(unused < -ROUNDING * classes.limits)
        if len(over):
            self.refused = refuse(f"choice, {finder}", f"resource {over[0]} is over its capacity by {-unused[over[0]]}")
        elif lost > said + TOLERANCE * said + LOSS_ROUNDING * abs(relaxation.bound):
            self.refused = refuse(f"choice, {finder}", f"it loses {lost} against the dual bound, not {said}")
        elif said < self.loss:
            self.options, self.loss = options, said


@dataclass(frozen=True, eq=False)
class _Case:
    """What stays while the budget grows.

    Parameters
    ----------
    classes, relaxation
        The problem and its dual.
    left
        Capacity that the keys leave, shape (m,), may be negative.
    floor
        No selection loses less.
    step, margin
        A better selection loses at least `step` less; `margin` covers rounding.
    deadline
        Time (`knapsolve.limits.clock.now`) at which to stop, or None.
    """

    classes: Classes
    relaxation: ChoiceRelaxation
    left: NDArray[np.float64]
    floor: float
    step: float
    margin: float
    deadline: float | None

    def settled(self, state: Budget) -> bool:
        """Return whether no selection that is still to be seen is better."""
        return state.proved >= state.loss - self.step + self.margin


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
        Time (`knapsolve.limits.clock.now`) at which to stop, or None.

    Returns
    -------
    Budget
        Not complete where the lists grew too long or time was up.
    """
    key, loss = relaxation.key, relaxation.loss
    left = classes.limits - classes.weight[key].sum(axis=0)
    state = _begin(classes, relaxation, options, left)
    # Where values are whole, all losses share the bound's fraction.
    floor = relaxation.bound - np.floor(relaxation.bound + margin) + margin if step == 1.0 else 0.0
    case = _Case(classes, relaxation, left, float(floor), step, margin, deadline)
    size = FIRST_NEAREST
    near, radius = _nearest(loss, key, size)
    ordered = np.sort(loss[near])
    budget = float(ordered[min(FIRST_OPTIONS, len(ordered) - 1)]) if len(ordered) else 0.0
    tried = step != 1.0
    filled = False
    state.complete = state.loss - step + margin <= 0.0
    while not state.complete:
        # Beyond what improves on the best known there is nothing to look for.
        enough = max(state.loss - step + margin, 0.0)
        budget = min(budget, enough)
        if budget > radius:
            size *= 8
            near, radius = _nearest(loss, key, size)
            continue
        kept = loss[near] <= budget
        listed = 0
        if np.count_nonzero(kept) > TIES and not filled:
            filled = True
            _fill(state, case)
            state.complete = case.settled(state)
            continue
        if np.count_nonzero(kept) <= MOST_OPTIONS:
            listed = _within(state, case, near[kept], budget)
        if listed == 0:
            if not state.refused:
                _among_nearest(state, case, near, budget)
            state.complete = not state.refused and case.settled(state)
            return state
        state.proved = max(state.proved, budget)
        # What was found on the way may lose more than the budget, in unused capacity: it is then no proof.
        if budget >= max(state.loss - step + margin, 0.0) or np.isinf(budget):
            state.complete = True
            return state
        if listed > LONG and not tried:
            tried = True
            _among_nearest(state, case, near, budget)
            state.complete = not state.refused and case.settled(state)
            if state.refused or state.complete:
                return state
        if step == 1.0 and listed > VERY_LONG and len(loss) <= SMALL and not case.settled(state):
            return state
        budget = _grown(budget, listed, case, ordered)
    return state


def _begin(
    classes: Classes, relaxation: ChoiceRelaxation, options: NDArray[np.int64] | None, left: NDArray[np.float64]
) -> Budget:
    """Begin with the known options, or with the keys where these fit and lose less."""
    state = Budget(options, np.inf)
    if options is not None:
        unused = classes.limits - classes.weight[options].sum(axis=0)
        state.loss = float(relaxation.loss[options].sum() + relaxation.prices @ unused)
    if (left >= 0).all() and relaxation.prices @ left < state.loss:
        state.options, state.loss = relaxation.key.copy(), float(relaxation.prices @ left)
    return state


def _grown(budget: float, listed: int, case: _Case, ordered: NDArray[np.float64]) -> float:
    """Return the next budget, by how long the lists of this one were; `ordered` are the nearest options' losses."""
    step, floor = case.step, case.floor
    grown = max(budget * (GROWTH if listed < LONG else CAREFUL), case.margin, step if step < 1 else 0.0)
    if step == 1.0 and listed > LONG:
        # A budget that lowers the rounded bound is worth more than one a little short of it.
        grown = min(max(floor + np.floor(budget - floor + 1.0), grown), budget * REACH)
    # Where even all options are within the budget, only unused capacity keeps selections out of it.
    if len(ordered) == 0 or budget > 0.0:
        return float(grown)
    return max(float(grown), float(ordered[ordered > 0.0].min(initial=1.0)))


def _fill(state: Budget, case: _Case) -> None:
    """Look whether many alike classes can fill the capacities."""
    classes, relaxation = case.classes, case.relaxation
    filled = fill(classes, relaxation, state.loss, case.margin if case.step == 1.0 else case.step)
    if filled is None:
        return
    state.proved = max(state.proved, filled.bound)
    if filled.options is None:
        return
    unused = classes.limits - classes.weight[filled.options].sum(axis=0)
    lost = float(relaxation.loss[filled.options].sum() + relaxation.prices @ unused)
    if (unused >= 0.0).all() and lost < state.loss:
        state.options, state.loss = filled.options, lost


def _among_nearest(state: Budget, case: _Case, near: NDArray[np.int64], budget: float) -> None:
    """Look for a better selection among the few nearest options alone, with as large a budget as is of interest.

    No proof by itself; but where values are whole, a selection that meets the rounded bound needs no other.
    """
    floor = case.floor
    # Ties are shuffled, so that the few are of many kinds.
    shuffled = np.random.default_rng(0).permutation(len(near))
    ranked = shuffled[np.argsort(case.relaxation.loss[near[shuffled]], kind="stable")]
    size = 32
    while size <= MOST_NEAREST and size // 2 < len(near) and not case.settled(state):
        few = np.sort(ranked[:size])
        # Where values are whole, go for the least loss that is possible.
        ample = min(floor + np.ceil(max(state.proved - floor, 0.0)) if floor else 4.0 * budget, state.loss)
        if not _within(state, case, near[few], max(ample, case.margin), NEAREST_ROOM):
            return
        size *= 2


def _nearest(loss: NDArray[np.float64], key: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], float]:
    """Return about `size` options that lose least, keys left out, and the loss below which all are among them."""
    others = len(loss) - len(key)
    if others <= size:
        radius, near = np.inf, np.arange(len(loss))
    else:
        # A sample finds the threshold about; no sort or partition of all options.
        sample = loss
        if len(loss) > SAMPLE:
            sample = loss[np.random.default_rng(0).integers(0, len(loss), SAMPLE)]
        rank = min(len(sample) - 1, int((size + len(key)) / len(loss) * len(sample)) + 1)
        radius = float(np.partition(sample, rank)[rank])
        near = np.flatnonzero(loss <= radius)
    is_key = np.zeros(len(near), np.bool_)
    position = np.searchsorted(near, key)
    is_key[position] = True
    return near[~is_key], radius


def _within(state: Budget, case: _Case, near: NDArray[np.int64], budget: float, room: int = ROOM) -> int:
    """Search all combinations of the given options within the budget.

    Returns the length of the longer list; 0 where room or time ran out.
    """
    classes, relaxation = case.classes, case.relaxation
    key = relaxation.key
    class_of = np.searchsorted(classes.start, near, "right") - 1
    nearby = Nearby(class_of, relaxation.loss[near], classes.weight[near] - classes.weight[key[class_of]])
    losses = Losses(budget, state.loss, case.floor)
    pair = best_pair(nearby, case.left, relaxation.prices, losses, case.deadline, room=room)
    if pair.taken is not None:
        options = key.copy()
        options[class_of[pair.taken]] = near[pair.taken]
        state.adopt(classes, relaxation, options, pair.loss, "combinations")
    return 0 if state.refused else pair.length
