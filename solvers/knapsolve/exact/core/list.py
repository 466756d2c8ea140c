"""The list of a core dynamic programme: Pareto-optimal states, grown by one item at a time.

A state is a partial selection, given by how it differs from a *base* selection (the break solution). The loss of a
state is what its deviations cost against an upper bound of Lagrangian type, ``bound - price * unused - loss >= value``
for everything that can be made of it; so a state whose loss leaves no room for a better value than the best known one
is dropped. Dominance is Pisinger's ("A minimal algorithm for the 0-1 knapsack problem", Oper. Res. 45, 1997, section
3): of two states the heavier one goes unless it is worth more.

The losses are floats, rounded in a known way; the caller puts the rounding into `unit`, so that no state is dropped
that could be better. Weights and values are exact where they are integers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from knapsolve.kernels.jit import njit

BLOCK = 64
"""Number of steps whose decisions fit into the bits of a state."""


class States(NamedTuple):
    """Two rows of states: one is the list, by increasing weight and value; the other is where it grows next."""

    weight: NDArray[Any]  # (2, size) relative to the base selection, as the value
    value: NDArray[Any]  # (2, size)
    loss: NDArray[np.float64]  # (2, size)
    bits: NDArray[np.uint64]  # (2, size) decisions of this block of steps
    parent: NDArray[np.int32]  # (2, size) position in the archive of the block before


class Steps(NamedTuple):
    """Items in the order in which they may flip, with what flipping does."""

    items: NDArray[np.int64]  # (steps,) indices of the items
    weight: NDArray[Any]  # (steps,) change of the weight, and of the value
    value: NDArray[Any]  # (steps,)
    cost: NDArray[np.float64]  # (steps,) loss that a flip causes; ascending, or nearly so, for speed


class Rests(NamedTuple):
    """What the flips after each step cost at least."""

    least: NDArray[np.float64]  # (steps,) any later flip
    least_left: NDArray[np.float64]  # (steps,) any later removal
    fill: NDArray[np.float64]  # (steps,) a unit of weight that is filled up, or left unused
    free: NDArray[np.float64]  # (steps,) a unit of weight that is made free


class Goal(NamedTuple):
    """What a state must come to, in weights and values relative to the base selection."""

    room: Any  # capacity that the base leaves; negative where it does not fit
    bound: float  # no selection is worth more
    unit: float  # by how much a value must beat the best one to count: 1 less the rounding for integers


@njit(cache=True)
def grow(states, side, count, steps, rests, first, last, offset, goal, best, work):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0913
    """Give every state the chance to flip item after item; merge, drop dominated and hopeless states.

    Parameters
    ----------
    states, steps, rests, goal
        `States`, `Steps`, `Rests` and a `Goal`, named or plain.
    side, count
        Row and number of the states in the list.
    first, last
        Steps to take, within one block.
    offset
        Step of the whole search that step 0 is.
    best
        Best known value, relative to the base's value.
    work
        Number of states after which to return.

    Returns
    -------
    side, count, step
        Row and number of the states now, and the next step to take. It is `last` unless the work is done or the arrays
        are full; then the step is to be repeated with larger ones.
    full
        Whether the arrays are full.
    best, best_step, best_bits, best_parent
        The best value; if it is new, the step that found it (else -1), its decisions and its archive position.
    """
    weight, value, loss, bits, parent = states
    _, step_weight, step_value, step_cost = steps
    rest_cost, rest_left_cost, right_rate, left_rate = rests
    room, bound, unit = goal
    size = weight.shape[1]
    best_step, best_bits, best_parent = -1, np.uint64(0), np.int32(-1)
    limit = bound - best - unit
    for k in range(first, last):
        other = 1 - side
        old_weight, old_value, old_loss = weight[side], value[side], loss[side]
        old_bits, old_parent = bits[side], parent[side]
        new_weight, new_value, new_loss = weight[other], value[other], loss[other]
        new_bits, new_parent = bits[other], parent[other]
        more_weight, more_value, more_loss = step_weight[k], step_value[k], step_cost[k]
        least, least_left, fill_rate, free_rate = rest_cost[k], rest_left_cost[k], right_rate[k], left_rate[k]
        bit = np.uint64(1) << np.uint64((offset + k) & 63)
        stay, move, made = 0, 0, 0
        started = False
        top = best
        while True:
            while move < count and old_loss[move] + more_loss > limit:
                move += 1
            if move < count and stay < count:
                gap = old_weight[move] + more_weight - old_weight[stay]
                keep = gap > 0 or (gap == 0 and old_value[stay] >= old_value[move] + more_value)
            elif stay < count:
                keep = True
            elif move < count:
                keep = False
            else:
                break
            if keep:
                w, v, l = old_weight[stay], old_value[stay], old_loss[stay]  # noqa: E741
                at = stay
                stay += 1
            else:
                w, v, l = old_weight[move] + more_weight, old_value[move] + more_value, old_loss[move] + more_loss  # noqa: E741
                at = move
                move += 1
            if started and v <= top:
                continue
            started, top = True, v
            rest = room - w
            if rest >= 0:
                if v > best:
                    best, best_step, best_parent = v, k, old_parent[at]
                    best_bits = old_bits[at] if keep else old_bits[at] | bit
                    limit = bound - best - unit
                extra = max(least, rest * fill_rate)
            else:
                extra = max(least_left, -rest * free_rate)
            if l + extra > limit:
                continue
            if made == size:
                return side, count, k, True, best, best_step, best_bits, best_parent
            new_weight[made], new_value[made], new_loss[made] = w, v, l
            new_bits[made] = old_bits[at] if keep else old_bits[at] | bit
            new_parent[made] = old_parent[at]
            made += 1
        work -= count + made
        side, count = other, made
        if count == 0:
            return side, count, last, False, best, best_step, best_bits, best_parent
        if work < 0:
            return side, count, k + 1, False, best, best_step, best_bits, best_parent
    return side, count, last, False, best, best_step, best_bits, best_parent


@njit(cache=True)
def rests_of(weight, cost, rest_cost, rest_rate, price):  # type: ignore[no-untyped-def]
    """Return what the flips after each step cost at least, as `Rests`.

    Parameters
    ----------
    weight, cost
        (steps,) change of weight by each step, and the loss that it causes.
    rest_cost, rest_rate
        Least loss, and least loss per unit of weight, of any flip after the last step; infinite where there is none.
    price
        What a unit of unused capacity costs.
    """
    steps = len(weight)
    least, least_left, fill, free = np.empty(steps), np.empty(steps), np.empty(steps), np.empty(steps)
    a, b, c, d = rest_cost, rest_cost, min(rest_rate, price), rest_rate
    for k in range(steps - 1, -1, -1):
        least[k], least_left[k], fill[k], free[k] = a, b, c, d
        a = min(a, cost[k])
        rate = 0.0 if weight[k] == 0 else cost[k] / abs(weight[k])
        if weight[k] < 0:
            b, d = min(b, cost[k]), min(d, rate)
        else:
            c = min(c, rate)
    return Rests(least, least_left, fill, free)
