"""Window dynamic programme: how far each type's count may deviate from the dual's, within a loss budget.

A *state* is a choice of deviations for the types treated so far. It is described by the residual capacities it leaves,
projected on a few *directions*: the m resources themselves, and the rows of the inverse of the linear relaxation's
basis, along which the basic types' counts follow from the residual. Along every direction the final residual must end
in an interval that shrinks with the loss budget; a state that can no longer get there is dropped. States with equal
residuals are merged, the less lossy kept.

The kernels take three tables. *States* (S, D + 2): the position along each of the D directions, the first m of which
are the resources, then loss and change of value so far. *Runs* (r + 1, 5) of a curve: a run's first deviation, loss
and change of value there, loss and value of one more item; the last row is the end. *Lines* (D, 5): along each
direction the move by one more item, the least and the most that later types can add, and the rates of the final
interval per unit of loss left.
"""

from __future__ import annotations

import numpy as np

from knapsolve.kernels.hashing import OFFSET, mix
from knapsolve.kernels.jit import njit

OVERFLOW = -1


@njit(cache=True, nogil=True)
def deviation_range(state, left, lines, first, last):  # type: ignore[no-untyped-def]
    """Return the deviations (low, high) in [first, last] that keep every direction within reach of its final interval.

    Parameters: one state (D + 2,); `left` of the loss budget; lines (D, 5).
    """
    low, high = first, last
    for d in range(len(lines)):
        position, move = state[d], lines[d, 0]
        slack = 1e-9 * (1.0 + abs(position))
        floor = lines[d, 3] * left if lines[d, 3] != 0.0 and left > 0.0 else 0.0
        ceiling = lines[d, 4] * left if lines[d, 4] != 0.0 and left > 0.0 else 0.0
        above = position + lines[d, 2] - floor + slack
        below = position + lines[d, 1] - ceiling - slack
        if move == 0.0:
            if above < 0.0 or below > 0.0:
                return 1, 0
            continue
        ends = min(above / move, below / move), max(above / move, below / move)
        if ends[1] < high:
            high = int(np.floor(ends[1]))
        if ends[0] > low:
            low = int(np.ceil(ends[0]))
        if low > high:
            break
    return low, high


@njit(cache=True, nogil=True)
def run_of(runs, deviation, r):  # type: ignore[no-untyped-def]
    """Return the run a deviation lies in, looking from run r on."""
    while r < len(runs) - 2 and runs[r + 1, 0] < deviation:
        r += 1
    while r > 0 and runs[r, 0] > deviation:
        r -= 1
    return r


@njit(cache=True, nogil=True)
def extend(states, runs, lines, budget, m, begin, allowance, count, table, bits, new_states, origins):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0913
    """Extend states by one type; merge equal residuals.

    Parameters
    ----------
    states, runs, lines
        As in the module's text.
    budget
        Largest total loss.
    m
        Number of resources.
    begin, allowance
        First state to extend, and number of new states looked at after which to return.
    count, table, bits, new_states, origins
        Number of new states so far, their hash table (a power of two), `new_states` seen as uint64,
        the states (room, D + 2), and the state and deviation each came from (room, 2); written.

    Returns
    -------
    begin, count
        The state to go on with, and the number of new states; OVERFLOW where there is not room enough.
    """
    directions = len(lines)
    mask = np.uint64(len(table) - 1)
    first, last = int(runs[0, 0]), int(runs[len(runs) - 1, 0])
    r = np.int64(0)
    for s in range(begin, len(states)):
        if allowance <= 0:
            return s, count
        low, high = deviation_range(states[s], budget - states[s, directions], lines, first, last)
        if low > high:
            continue
        # The loss grows with the distance from no deviation, on either side: walk away from it and stop early.
        nearest = min(max(0, low), high)
        for sign in (1, -1):
            deviation = nearest if sign == 1 else nearest - 1
            while low <= deviation <= high:
                r = run_of(runs, deviation, r)
                more = deviation - runs[r, 0]
                loss = states[s, directions] + (runs[r, 1] + more * runs[r, 3])
                if loss > budget:
                    break
                if count == len(new_states):
                    return s, OVERFLOW
                allowance -= 1
                mixed = OFFSET
                for i in range(m):
                    # Adding 0 makes -0.0 and 0.0 one.
                    new_states[count, i] = states[s, i] - deviation * lines[i, 0] + 0.0
                    mixed = mix(mixed, bits[count, i])
                slot = mixed & mask
                known = table[slot]
                while known >= 0:
                    same = True
                    for i in range(m):
                        same &= new_states[known, i] == new_states[count, i]
                    if same:
                        break
                    slot = (slot + np.uint64(1)) & mask
                    known = table[slot]
                if known < 0:
                    known = count
                    table[slot] = count
                    for d in range(m, directions):
                        new_states[known, d] = states[s, d] - deviation * lines[d, 0]
                    new_states[known, directions] = np.inf
                    count += 1
                if loss < new_states[known, directions]:
                    new_states[known, directions] = loss
                    new_states[known, directions + 1] = states[s, directions + 1] + (runs[r, 2] + more * runs[r, 4])
                    origins[known, 0] = s
                    origins[known, 1] = deviation
                deviation += sign
    return len(states), count


@njit(cache=True, nogil=True)
def finish(states, runs, lines, budget, m):  # type: ignore[no-untyped-def]
    """Choose the last type's deviation for every state: the largest that fits and stays within the budget.

    Parameters are those of `extend`.

    Returns
    -------
    state, deviation, gain
        The feasible choice of largest value; state is -1 where there is none.
    """
    directions = len(lines)
    best_state, best_deviation, best_gain = -1, 0, -np.inf
    first, last = int(runs[0, 0]), int(runs[len(runs) - 1, 0])
    r = np.int64(0)
    for s in range(len(states)):
        deviation = last
        for i in range(m):
            move = lines[i, 0]
            if move > 0.0 and states[s, i] < move * deviation:
                deviation = int(np.floor(states[s, i] / move))
                # A quotient may be rounded up to a whole number.
                deviation -= states[s, i] < move * deviation
            elif move == 0.0 and states[s, i] < 0.0:
                deviation = first - 1
        if deviation < first:
            continue
        r = run_of(runs, deviation, r)
        left = budget - states[s, directions]
        loss = runs[r, 1] + (deviation - runs[r, 0]) * runs[r, 3]
        if loss > left:
            if deviation <= 0:
                continue
            while r > 0 and runs[r, 1] > left:
                r -= 1
            if runs[r, 3] <= 0.0:
                continue
            # A hair more than the budget does no harm: what is found is a selection all the same.
            deviation = min(deviation, int(runs[r, 0] + (left - runs[r, 1]) / runs[r, 3] + 1e-9))
        gain = states[s, directions + 1] + (runs[r, 2] + (deviation - runs[r, 0]) * runs[r, 4])
        if gain > best_gain:
            best_state, best_deviation, best_gain = s, deviation, gain
    return best_state, best_deviation, best_gain
