"""Joining two lists of states where their residuals add up to an allowed slack."""

from __future__ import annotations

import numpy as np
from numba import njit

from knapsolve.hashing import OFFSET, mix


@njit(cache=True)
def join(  # type: ignore[no-untyped-def]
    first, first_losses, first_gains, second, second_losses, second_gains, priced, slacks, prices, budget
):
    """Find the pair of states with the largest gain that is feasible and within the budget.

    Parameters
    ----------
    first, first_losses, first_gains
        (S, m) residuals of whole numbers, (S,) losses and gains.
    second, second_losses, second_gains
        (R, m) changes of the residual, (R,) losses and gains.
    priced, slacks
        (p,) resources that must end with one of the (K, p) slacks; the others must end at 0 or above.
    prices
        (m,) cost of what is left of each resource.
    budget
        Largest loss, the unused capacity's included.

    Returns
    -------
    one, other
        Indices into the two lists, or -1 and -1.
    """
    slots = 4
    while slots < 2 * len(first):
        slots *= 2
    head = np.full(slots, -1, np.int32)
    following = np.empty(len(first), np.int32)
    for a in range(len(first)):
        mixed = OFFSET
        for i in priced:
            mixed = mix(mixed, np.int64(first[a, i]).view(np.uint64))
        slot = mixed & np.uint64(slots - 1)
        following[a] = head[slot]
        head[slot] = a
    one, other, best = -1, -1, -np.inf
    for b in range(len(second)):
        for k in range(len(slacks)):
            mixed = OFFSET
            for p in range(len(priced)):
                wanted = slacks[k, p] - second[b, priced[p]]
                mixed = mix(mixed, np.int64(wanted).view(np.uint64))
            a = head[mixed & np.uint64(slots - 1)]
            while a >= 0:
                gain = first_gains[a] + second_gains[b]
                if gain > best:
                    fits = True
                    loss = first_losses[a] + second_losses[b]
                    for i in range(first.shape[1]):
                        left = first[a, i] + second[b, i]
                        loss += prices[i] * left
                        if left < 0.0:
                            fits = False
                            break
                    if fits and loss <= budget:
                        for p in range(len(priced)):
                            if first[a, priced[p]] + second[b, priced[p]] != slacks[k, p]:
                                fits = False
                                break
                        if fits:
                            one, other, best = a, b, gain
                a = following[a]
    return one, other
