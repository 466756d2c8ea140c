"""All deviations from the dual's counts within a loss budget, and the best feasible one among them.

With few types one dynamic programme goes through them. With many, its states grow with the volume of a ball of that
many dimensions; two halves of the types, joined where their residuals add up, need only the square root of it
(Horowitz and Sahni, "Computing partitions with applications to the knapsack problem", JACM 21, 1974).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.few_types.curves import Curve
from knapsolve.exact.few_types.join import chain, join
from knapsolve.exact.few_types.relaxation import Relaxation, basis_matrix
from knapsolve.exact.few_types.window import OVERFLOW, extend, finish
from knapsolve.limits.interruption import late

FIRST_ROOM = 2**12
STATE_BYTES = 2**26
HISTORY_BYTES = 2**28
"""Memory for the states of one type, and for what is kept of all of them."""
ALLOWANCE = 2**20
"""States or pairs looked at between two looks at the clock."""
MANY_TYPES = 10
"""Number of types in doubt from which two halves are joined."""
SMALL_DEVIATION = 2
"""Largest deviation of a type that is not basic where not all are looked at."""
MOST_SLACKS = 256
"""Number of ways to leave priced capacity unused up to which halves are joined."""
MOST_WINDOW = 2**10
"""Width of a window up to which halves are joined: they know nothing of the basis, by which long runs are passed."""


class OutOfRoomError(Exception):
    """The states passed the memory allowed, or time ran out."""


@dataclass(frozen=True, eq=False)
class Space:
    """What stays the same for all budgets.

    Parameters
    ----------
    relaxation
        Prices and basis.
    type_weights
        Weights by type, shape (m, T).
    residual
        What the base counts leave of each capacity, shape (m,); may be negative.
    whole
        Whether all weights are whole numbers.
    deadline
        Time of `knapsolve.limits.clock.now` at which to give up, or None.
    """

    relaxation: Relaxation
    type_weights: NDArray[Any]
    residual: NDArray[np.float64]
    whole: bool
    deadline: float | None


@dataclass(frozen=True, eq=False)
class _States:
    """States after some types, as `window` describes them, and how each came about, level by level."""

    table: NDArray[np.float64]
    history: list[NDArray[np.int32]]

    def deviations(self, state: int, order: list[int]) -> dict[int, int]:
        """Walk back from a state; returns the deviation of each curve."""
        found = {}
        for c, origins in zip(reversed(order), reversed(self.history), strict=True):
            found[c] = int(origins[state, 1])
            state = int(origins[state, 0])
        return found


def best_deviation(
    space: Space, core: list[Curve], budget: float, combinations: int | None = None
) -> dict[int, int] | None:
    """Go through every deviation whose loss is within the budget.

    Parameters
    ----------
    space
        The problem.
    core
        The curves of the types in doubt.
    budget
        Largest loss.
    combinations
        About how many small deviations of the cheapest types that are not basic to look at, or None for all.

    Returns
    -------
    dict or None
        The best feasible deviation found, by position in `core`: where all are looked at it is the optimum if its
        loss, unused capacity included, is within the budget. None if no deviation within the budget is feasible.

    Raises
    ------
    OutOfRoomError
        If memory or time does not suffice to go through all of them.
    """
    basics = {int(b) for b in space.relaxation.basis if b >= 0}
    windows = {c: curve.window(budget) for c, curve in enumerate(core)}
    if combinations is not None:
        windows = _cheapest(core, windows, basics, combinations)
    windows = {c: (low, high) for c, (low, high) in windows.items() if low < high}
    if not windows:
        return {} if (space.residual >= 0).all() else None
    widths = [high - low for low, high in windows.values()]
    if combinations is None and space.whole and len(windows) >= MANY_TYPES and max(widths) <= MOST_WINDOW:
        slacks = _slacks(space.relaxation.prices, budget)
        if slacks is not None:
            return _by_halves(space, core, windows, budget, slacks)
    # Basic types last: the residual all but fixes their counts.
    order = sorted(windows, key=lambda c: (core[c].type in basics, windows[c][0] - windows[c][1]))
    directions, rates = _reach(space.relaxation, space.type_weights)
    lines = np.zeros((len(order), len(directions), 5))
    lines[:, :, 3:] = rates
    later = np.zeros((len(directions), 2))
    for level in range(len(order) - 1, -1, -1):
        c = order[level]
        lines[level, :, 0] = directions @ space.type_weights[:, core[c].type]
        lines[level, :, 1:3] = later
        shifts = -lines[level, :, :1] * windows[c]
        later = later + np.column_stack((shifts.min(axis=1), shifts.max(axis=1)))
    states = _enumerate(space, core, order[:-1], windows, lines, directions @ space.residual, budget)
    runs = _runs(core[order[-1]], windows[order[-1]])
    state, deviation, _ = finish(states.table, runs, lines[-1], budget, len(space.residual))
    if state < 0:
        return None
    return {**states.deviations(state, order[:-1]), order[-1]: int(deviation)}


def _cheapest(
    core: list[Curve], windows: dict[int, tuple[int, int]], basics: set[int], combinations: int
) -> dict[int, tuple[int, int]]:
    """Return small windows of the types whose next items cost least, and the whole windows of the basic types."""
    chosen = {c: window for c, window in windows.items() if core[c].type in basics}
    rest = sorted((float(np.abs(core[c].costs).min()), c) for c in windows if c not in chosen)
    for _, c in rest:
        low, high = max(windows[c][0], -SMALL_DEVIATION), min(windows[c][1], SMALL_DEVIATION)
        combinations //= high - low + 1
        if combinations < 1:
            break
        chosen[c] = low, high
    return chosen


def _runs(curve: Curve, window: tuple[int, int]) -> NDArray[np.float64]:
    """Return the runs of a curve, (r + 1, 5), as `window` describes them, cut to the window."""
    low, high = window
    first = max(int(np.searchsorted(curve.ends, low, side="right")) - 1, 0)
    last = max(int(np.searchsorted(curve.ends, high)), first + 1)
    runs = np.zeros((last - first + 1, 5))
    runs[:, 0] = curve.ends[first : last + 1]
    runs[:, 1] = curve.losses[first : last + 1]
    runs[:, 2] = curve.gains[first : last + 1]
    runs[:-1, 3] = curve.costs[first:last]
    runs[:-1, 4] = curve.values[first:last]
    for row, inner, end in ((0, 0, low), (-1, -2, high)):
        runs[row, 1:3] += (end - runs[row, 0]) * runs[inner, 3:]
        runs[row, 0] = end
    return runs


def _enumerate(
    space: Space,
    core: list[Curve],
    order: list[int],
    windows: dict[int, tuple[int, int]],
    lines: NDArray[np.float64],
    start: NDArray[np.float64],
    budget: float,
) -> _States:
    """Extend the start by the curves in order, through every deviation within the budget and within reach."""
    states = np.concatenate((start, [0.0, 0.0])).reshape(1, -1)
    history: list[NDArray[np.int32]] = []
    m, columns = len(space.residual), states.shape[1]
    most_room = STATE_BYTES // (8 * (columns + 2))
    room, kept = min(FIRST_ROOM, most_room), 0
    for level, c in enumerate(order):
        runs = _runs(core[c], windows[c])
        begin = count = 0
        table, new_states, origins = _room(room, columns)
        while begin < len(states):
            begin, count = extend(
                states, runs, lines[level], budget, m, begin, ALLOWANCE, count, table, new_states.view(np.uint64),
                new_states, origins,
            )  # fmt: skip
            if late(space.deadline):
                raise OutOfRoomError
            if count == OVERFLOW:
                if room >= most_room:
                    raise OutOfRoomError
                room = min(8 * room, most_room)
                begin = count = 0
                table, new_states, origins = _room(room, columns)
        states = new_states[:count]
        history.append(origins[:count].copy())
        kept += history[-1].nbytes
        if kept > HISTORY_BYTES:
            raise OutOfRoomError
    return _States(states, history)


def _room(room: int, columns: int) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int32]]:
    """Return an empty hash table of a power of two of slots, and room for states and where they come from."""
    slots = 1 << (2 * room - 1).bit_length()
    return np.full(slots, -1, np.int32), np.empty((room, columns)), np.empty((room, 2), np.int32)


def _by_halves(
    space: Space,
    core: list[Curve],
    windows: dict[int, tuple[int, int]],
    budget: float,
    slacks: NDArray[np.float64],
) -> dict[int, int] | None:
    """Enumerate two halves of the types and join them where the residuals add up to an allowed slack."""
    m = len(space.residual)
    by_width = sorted(windows, key=lambda c: windows[c][1] - windows[c][0])
    halves = [by_width[0::2], by_width[1::2]]
    states = []
    for order, start in zip(halves, (space.residual, np.zeros(m)), strict=True):
        lines = np.zeros((len(order), m, 5))
        lines[:, :, 0] = space.type_weights[:, [core[c].type for c in order]].T
        lines[:, :, 1], lines[:, :, 2] = -np.inf, np.inf
        states.append(_enumerate(space, core, order, windows, lines, start, budget))
    first, second = states
    priced = np.flatnonzero(_is_priced(space.relaxation.prices, budget))
    head = np.full(1 << (2 * len(first.table)).bit_length(), -1, np.int32)
    following = np.empty(len(first.table), np.int32)
    chain(first.table, priced, head, following)
    begin, pair, best = 0, (-1, -1), -np.inf
    while begin < len(second.table):
        begin, one, other, best = join(
            first.table, second.table, head, following, priced, slacks, space.relaxation.prices, budget, begin,
            ALLOWANCE, best,
        )  # fmt: skip
        pair = (one, other) if one >= 0 else pair
        if late(space.deadline):
            raise OutOfRoomError
    if pair[0] < 0:
        return None
    return {**first.deviations(pair[0], halves[0]), **second.deviations(pair[1], halves[1])}


def _is_priced(prices: NDArray[np.float64], budget: float) -> NDArray[np.bool_]:
    """Return the resources of which a loss within the budget leaves only a few units unused."""
    return prices * MOST_SLACKS > budget


def _slacks(prices: NDArray[np.float64], budget: float) -> NDArray[np.float64] | None:
    """Return every whole slack of the priced resources that the budget allows, (K, p); None if too many or none."""
    priced = prices[_is_priced(prices, budget)]
    if not len(priced):
        return None
    # A hair of tolerance: a slack that costs just the budget must not be lost to rounding.
    most = np.floor(budget * (1 + 1e-9) / priced).astype(int)
    if np.prod(most + 1.0) > MOST_SLACKS:
        return None
    found = np.array(list(product(*(range(k + 1) for k in most))), dtype=np.float64).reshape(-1, len(priced))
    return np.ascontiguousarray(found[found @ priced <= budget * (1 + 1e-9)])


def _reach(relaxation: Relaxation, type_weights: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return directions (D, m) and the rates (D, 2) of their final intervals per unit of loss left.

    A loss of g leaves slack s >= 0 with prices @ s <= g, so y @ s lies within g times the extremes of y / prices.
    """
    m = len(relaxation.prices)
    rows: list[NDArray[Any]] = [np.eye(m)]
    try:
        inverse = np.linalg.inv(basis_matrix(relaxation.basis, type_weights))
        rows.append(inverse[relaxation.basis >= 0])
    except np.linalg.LinAlgError:
        pass  # Without the basis the windows are wider, not wrong.
    directions = np.vstack(rows)
    directions[np.abs(directions) < 1e-14 * np.abs(directions).max(axis=1, keepdims=True)] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = np.where(directions == 0.0, 0.0, directions / relaxation.prices)
    return directions, np.column_stack((np.minimum(rates.min(axis=1), 0.0), np.maximum(rates.max(axis=1), 0.0)))
