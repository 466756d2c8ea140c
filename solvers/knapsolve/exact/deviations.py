"""All deviations from the dual's counts within a loss budget, and the best feasible one among them.

With few types one dynamic programme goes through them. With many, its states grow with the volume of a ball of that
many dimensions; two halves of the types, joined where their residuals add up, need only the square root of it
(Horowitz and Sahni, "Computing partitions with applications to the knapsack problem", JACM 21, 1974).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.curves import Curve
from knapsolve.exact.join import join
from knapsolve.exact.relaxation import Relaxation, basis_matrix
from knapsolve.exact.window import OVERFLOW, extend, finish

FIRST_ROOM = 2**12
STATE_BYTES = 2**26
MANY_TYPES = 10
"""Number of types in doubt from which two halves are joined."""
MOST_SLACKS = 256
"""Number of ways to leave priced capacity unused up to which halves are joined."""


class OutOfRoomError(Exception):
    """The states passed the memory allowed, or time ran out."""


@dataclass(frozen=True, eq=False)
class _Reach:
    """Directions and what is allowed along them; see `extend`."""

    directions: NDArray[np.float64]
    low_rate: NDArray[np.float64]
    high_rate: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _States:
    """States after some types: (S, D) positions, (S,) loss and gain, and how each came about, level by level."""

    positions: NDArray[np.float64]
    losses: NDArray[np.float64]
    gains: NDArray[np.float64]
    history: list[tuple[NDArray[np.int32], NDArray[np.int64]]]

    def deviations(self, state: int, order: list[int]) -> dict[int, int]:
        """Walk back from a state; returns the deviation of each curve."""
        found = {}
        for c, (parents, deviations) in zip(reversed(order), reversed(self.history), strict=True):
            found[c] = int(deviations[state])
            state = int(parents[state])
        return found


def best_deviation(
    relaxation: Relaxation,
    core: list[Curve],
    type_weights: NDArray[Any],
    residual: NDArray[np.float64],
    budget: float,
    deadline: float | None,
    whole: bool,
) -> dict[int, int] | None:
    """Go through every deviation whose loss is within the budget.

    Parameters
    ----------
    relaxation
        Prices and basis.
    core
        The curves of the types in doubt.
    type_weights
        Weights by type, shape (m, T).
    residual
        What the base counts leave of each capacity, shape (m,); may be negative.
    budget
        Largest loss.
    deadline
        Time of `time.perf_counter` at which to give up, or None.
    whole
        Whether all weights are whole numbers.

    Returns
    -------
    dict or None
        The best feasible deviation found, by position in `core`: it is the optimum if its loss, unused capacity
        included, is within the budget. None if no deviation within the budget is feasible.

    Raises
    ------
    OutOfRoomError
        If memory or time does not suffice to go through all of them.
    """
    windows = {c: curve.window(budget) for c, curve in enumerate(core)}
    active = [c for c, (low, high) in windows.items() if low < high]
    if not active:
        return {} if (residual >= 0).all() else None
    slacks = _slacks(relaxation.prices, budget) if whole and len(active) >= MANY_TYPES else None
    if slacks is not None:
        return _by_halves(relaxation, core, active, type_weights, residual, budget, deadline, slacks)
    basics = [b for b in relaxation.basis if b >= 0]
    # Basic types last: the residual all but fixes their counts.
    active.sort(key=lambda c: (core[c].type in basics, windows[c][0] - windows[c][1]))
    reach = _reach(relaxation, type_weights)
    moves = [reach.directions @ type_weights[:, core[c].type] for c in active]
    later_low, later_high = np.zeros((2, len(active) + 1, len(reach.directions)))
    for level in range(len(active) - 1, -1, -1):
        low, high = windows[active[level]]
        shifts = np.stack((-low * moves[level], -high * moves[level]))
        later_low[level] = later_low[level + 1] + shifts.min(axis=0)
        later_high[level] = later_high[level + 1] + shifts.max(axis=0)
    order, final = active[:-1], core[active[-1]]
    start = reach.directions @ residual
    states = _enumerate(
        core, order, moves, start, later_low[1:], later_high[1:], reach, budget, len(residual), deadline
    )
    state, deviation, _ = finish(
        states.positions, states.losses, states.gains, moves[-1], final.loss, final.gain, final.base,
        reach.low_rate, reach.high_rate, budget, len(residual), np.zeros(len(residual)),
    )  # fmt: skip
    if state < 0:
        return None
    return {**states.deviations(state, order), active[-1]: int(deviation)}


def _enumerate(
    core: list[Curve],
    order: list[int],
    moves: list[NDArray[np.float64]],
    start: NDArray[np.float64],
    later_low: NDArray[np.float64],
    later_high: NDArray[np.float64],
    reach: _Reach,
    budget: float,
    m: int,
    deadline: float | None,
) -> _States:
    """Extend the start by the curves in order, through every deviation within the budget and within reach."""
    positions, losses, gains = start.reshape(1, -1), np.zeros(1), np.zeros(1)
    history = []
    most_room = STATE_BYTES // (8 * (len(start) + 4))
    room = min(FIRST_ROOM, most_room)
    for level, c in enumerate(order):
        curve = core[c]
        while True:
            count, *states, parents, deviations = extend(
                positions, losses, gains, moves[level], curve.loss, curve.gain, curve.base, later_low[level],
                later_high[level], reach.low_rate, reach.high_rate, budget, m, room,
            )  # fmt: skip
            if deadline is not None and time.perf_counter() > deadline:
                raise OutOfRoomError
            if count != OVERFLOW:
                break
            room *= 8
            if room > most_room:
                raise OutOfRoomError
        positions, losses, gains = (array[:count] for array in states)
        history.append((parents[:count], deviations[:count]))
    return _States(positions, losses, gains, history)


def _by_halves(
    relaxation: Relaxation,
    core: list[Curve],
    active: list[int],
    type_weights: NDArray[Any],
    residual: NDArray[np.float64],
    budget: float,
    deadline: float | None,
    slacks: NDArray[np.float64],
) -> dict[int, int] | None:
    """Enumerate two halves of the types and join them where the residuals add up to an allowed slack."""
    m = len(residual)
    active.sort(key=lambda c: len(core[c].loss[core[c].loss <= budget]))
    halves = [active[0::2], active[1::2]]
    everywhere = _Reach(np.eye(m), np.full(m, -np.inf), np.full(m, np.inf))
    states = []
    for order, start in zip(halves, (residual, np.zeros(m)), strict=True):
        moves = [type_weights[:, core[c].type].astype(np.float64) for c in order]
        nothing = np.zeros((len(order), m))
        states.append(_enumerate(core, order, moves, start, nothing, nothing, everywhere, budget, m, deadline))
    first, second = states
    priced = np.flatnonzero(_is_priced(relaxation.prices, budget))
    one, other = join(
        first.positions, first.losses, first.gains, second.positions, second.losses, second.gains,
        priced, slacks, relaxation.prices, budget,
    )  # fmt: skip
    if one < 0:
        return None
    return {**first.deviations(one, halves[0]), **second.deviations(other, halves[1])}


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


def _reach(relaxation: Relaxation, type_weights: NDArray[Any]) -> _Reach:
    """Return directions (D, m) and the rates (D,) of their final intervals per unit of loss left.

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
    return _Reach(directions, np.minimum(rates.min(axis=1), 0.0), np.maximum(rates.max(axis=1), 0.0))
