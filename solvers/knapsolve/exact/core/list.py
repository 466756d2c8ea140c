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

import numpy as np
from numba import njit

BLOCK = 64
"""Number of steps whose decisions fit into the bits of a state."""


@njit(cache=True)
def grow(  # type: ignore[no-untyped-def]
    weight, value, loss, bits, parent, side, count, step_weight, step_value, step_cost, rest_cost, rest_left_cost,
    right_rate, left_rate, first, last, offset, room, bound, best, unit, work,
):  # fmt: skip
    """Give every state the chance to flip item after item; merge, drop dominated and hopeless states.

    Parameters
    ----------
    weight, value, loss, bits, parent
        (2, size) the states in row `side`, by increasing weight and value: weight and value relative to the base
        selection, loss, decisions of this block of steps, and position in the archive of the block before.
    side, count
        Row and number of the states.
    step_weight, step_value, step_cost
        (steps,) change of weight and of value that flipping the item of a step makes, and the loss that it causes.
    rest_cost, rest_left_cost
        (steps,) least loss of any flip, and of any flip that removes an item, after the step.
    right_rate, left_rate
        (steps,) least loss per unit of weight that is filled up, or made free, after the step.
    first, last
        Steps to take, within one block.
    offset
        Step of the whole search that step 0 is.
    room
        Capacity that the base leaves; negative where it does not fit.
    bound
        Upper bound, relative to the base's value.
    best
        Best known value, relative to the base's value.
    unit
        By how much a value must beat `best` to count: 1 less the rounding for integers.
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
def rests(weight, cost, rest_cost, rest_rate, price):  # type: ignore[no-untyped-def]
    """Return what the flips after each step cost at least.

    Parameters
    ----------
    weight, cost
        (steps,) change of weight by each step, and the loss that it causes.
    rest_cost, rest_rate
        Least loss, and least loss per unit of weight, of any flip after the last step; infinite where there is none.
    price
        What a unit of unused capacity costs.

    Returns
    -------
    least, least_left, fill, free
        (steps,) least loss of any later flip and of any later removal, and the least loss per unit of weight that is
        filled up, or left unused, and that is made free.
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
    return least, least_left, fill, free
