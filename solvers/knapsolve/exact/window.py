"""Window dynamic programme: how far each type's count may deviate from the dual's, within a loss budget.

A *state* is a choice of deviations for the types treated so far. It is described by the residual capacities it leaves,
projected on a few *directions*: the m resources themselves, and the rows of the inverse of the linear relaxation's
basis, along which the basic types' counts follow from the residual. Along every direction the final residual must end
in an interval that shrinks with the loss budget; a state that can no longer get there is dropped. States with equal
residuals are merged, the less lossy kept.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from knapsolve.hashing import OFFSET, mix

OVERFLOW = -1


@njit(cache=True)
def deviation_range(position, budget_left, move, later_low, later_high, low_rate, high_rate, first, last):  # type: ignore[no-untyped-def]
    """Return the deviations (low, high) of one type that keep every direction within reach of its final interval.

    Parameters: position (D,) of the state; budget_left of loss; move (D,) by one more item; later_low and later_high
    (D,) what later types can add; the final interval is [low_rate, high_rate] (D,) times budget_left.
    """
    low, high = first, last
    for d in range(len(position)):
        slack = 1e-9 * (1.0 + abs(position[d]))
        floor = low_rate[d] * budget_left if low_rate[d] != 0.0 and budget_left > 0.0 else 0.0
        ceiling = high_rate[d] * budget_left if high_rate[d] != 0.0 and budget_left > 0.0 else 0.0
        above = position[d] + later_high[d] - floor + slack
        below = position[d] + later_low[d] - ceiling - slack
        if move[d] > 0.0:
            if above / move[d] < high:
                high = int(np.floor(above / move[d]))
            if below / move[d] > low:
                low = int(np.ceil(below / move[d]))
        elif move[d] < 0.0:
            if below / move[d] < high:
                high = int(np.floor(below / move[d]))
            if above / move[d] > low:
                low = int(np.ceil(above / move[d]))
        elif above < 0.0 or below > 0.0:
            return 1, 0
        if low > high:
            break
    return low, high


@njit(cache=True)
def extend(  # type: ignore[no-untyped-def]
    positions,
    losses,
    gains,
    move,
    step_loss,
    step_gain,
    base,
    later_low,
    later_high,
    low_rate,
    high_rate,
    budget,
    m,
    room,
):
    """Extend every state by one type; merge equal residuals.

    Parameters
    ----------
    positions, losses, gains
        States: (S, D) projected residuals, (S,) loss and (S,) change of value so far.
    move
        (D,) projected weights of one item of the type.
    step_loss, step_gain, base
        Loss and change of value of each count of the type's core items, (b + 1,); `base` is the count of no deviation.
    later_low, later_high, low_rate, high_rate
        (D,) as in `deviation_range`.
    budget
        Largest total loss.
    m
        Number of resources: the first m directions.
    room
        Largest number of new states.

    Returns
    -------
    count, positions, losses, gains, parents, deviations
        The new states; count is OVERFLOW where there is not room enough.
    """
    states, directions = positions.shape
    new_positions = np.empty((room, directions))
    new_losses = np.empty(room)
    new_gains = np.empty(room)
    parents = np.empty(room, np.int32)
    deviations = np.empty(room, np.int64)
    slots = 4
    while slots < 2 * room:
        slots *= 2
    table = np.full(slots, -1, np.int32)
    count = 0
    first, last = -base, len(step_loss) - 1 - base
    residual = np.empty(m)
    for s in range(states):
        left = budget - losses[s]
        low, high = deviation_range(positions[s], left, move, later_low, later_high, low_rate, high_rate, first, last)
        if low > high:
            continue
        # The loss grows with the distance from no deviation, on either side: walk away from it and stop early.
        nearest = min(max(0, low), high)
        for sign in (1, -1):
            deviation = nearest if sign == 1 else nearest - 1
            while low <= deviation <= high:
                loss = losses[s] + step_loss[base + deviation]
                if loss > budget:
                    break
                mixed = OFFSET
                for i in range(m):
                    residual[i] = positions[s, i] - deviation * move[i]
                    mixed = mix(mixed, np.int64(hash(residual[i])).view(np.uint64))
                slot = mixed & np.uint64(slots - 1)
                known = table[slot]
                while known >= 0:
                    same = True
                    for i in range(m):
                        if new_positions[known, i] != residual[i]:
                            same = False
                            break
                    if same:
                        break
                    slot = (slot + np.uint64(1)) & np.uint64(slots - 1)
                    known = table[slot]
                if known < 0:
                    if count == room:
                        return OVERFLOW, new_positions, new_losses, new_gains, parents, deviations
                    known = count
                    table[slot] = count
                    count += 1
                    for i in range(m):
                        new_positions[known, i] = residual[i]
                    for d in range(m, directions):
                        new_positions[known, d] = positions[s, d] - deviation * move[d]
                    new_losses[known] = np.inf
                if loss < new_losses[known]:
                    new_losses[known] = loss
                    new_gains[known] = gains[s] + step_gain[base + deviation]
                    parents[known] = s
                    deviations[known] = deviation
                deviation += sign
    return count, new_positions, new_losses, new_gains, parents, deviations


@njit(cache=True)
def finish(  # type: ignore[no-untyped-def]
    positions, losses, gains, move, step_loss, step_gain, base, low_rate, high_rate, budget, m, tolerance
):
    """Choose the last type's deviation for every state; return the best feasible (state, deviation, gain).

    Parameters are those of `extend`; `tolerance` (m,) is the residual below zero that counts as rounding. The state is
    -1 where none is feasible within the budget.
    """
    best_state, best_deviation, best_gain = -1, 0, -np.inf
    nothing = np.zeros(positions.shape[1])
    first, last = -base, len(step_loss) - 1 - base
    for s in range(len(positions)):
        left = budget - losses[s]
        low, high = deviation_range(positions[s], left, move, nothing, nothing, low_rate, high_rate, first, last)
        if low > high:
            continue
        # Losses are convex, but the slack is priced too: every deviation in the (short) range is tried.
        nearest = min(max(0, low), high)
        for sign in (1, -1):
            deviation = nearest if sign == 1 else nearest - 1
            while low <= deviation <= high:
                if losses[s] + step_loss[base + deviation] > budget:
                    break
                fits = True
                for i in range(m):
                    if positions[s, i] - deviation * move[i] < -tolerance[i]:
                        fits = False
                        break
                gain = gains[s] + step_gain[base + deviation]
                if fits and gain > best_gain:
                    best_state, best_deviation, best_gain = s, deviation, gain
                deviation += sign
    return best_state, best_deviation, best_gain
