"""Joining two lists of states where their residuals add up to an allowed slack."""

from __future__ import annotations

import numpy as np

from knapsolve.kernels.hashing import OFFSET, mix
from knapsolve.kernels.jit import njit


@njit(cache=True, nogil=True)
def chain(states, priced, head, following):  # type: ignore[no-untyped-def]
    """Hash states (S, m + 2) by their residual of the priced resources (p,) into chains.

    `head` (a power of two) and `following` (S,) are written; -1 ends a chain.
    """
    mask = np.uint64(len(head) - 1)
    for a in range(len(states)):
        mixed = OFFSET
        for p in range(len(priced)):
            mixed = mix(mixed, np.int64(states[a, priced[p]]).view(np.uint64))
        slot = mixed & mask
        following[a] = head[slot]
        head[slot] = a


@njit(cache=True, nogil=True)
def join(first, second, head, following, priced, slacks, prices, budget, begin, allowance, best):  # type: ignore[no-untyped-def]  # noqa: PLR0913
    """Find the pair of states with the largest gain that is feasible and within the budget.

    Parameters
    ----------
    first
        (S, m + 2) residuals of whole numbers, loss and gain.
    second
        (R, m + 2) changes of the residual, loss and gain.
    head, following
        Chains of the first list, as `chain` writes them.
    priced, slacks
        (p,) resources that must end with one of the (K, p) slacks; the others must end at 0 or above.
    prices
        (m,) cost of what is left of each resource.
    budget
        Largest loss, the unused capacity's included.
    begin, allowance
        First of the second list to look at, and number of pairs after which to return.
    best
        Gain that is known.

    Returns
    -------
    begin, one, other, best
        Where to go on in the second list, indices into the two lists, -1 and -1 where none is better, and the gain.
    """
    m = len(prices)
    mask = np.uint64(len(head) - 1)
    one, other = -1, -1
    for b in range(begin, len(second)):
        if allowance <= 0:
            return b, one, other, best
        allowance -= len(slacks)
        for k in range(len(slacks)):
            mixed = OFFSET
            for p in range(len(priced)):
                mixed = mix(mixed, np.int64(slacks[k, p] - second[b, priced[p]]).view(np.uint64))
            a = head[mixed & mask]
            while a >= 0:
                allowance -= 1
                gain = first[a, m + 1] + second[b, m + 1]
                if gain > best:
                    loss = first[a, m] + second[b, m]
                    fits = True
                    for i in range(m):
                        left = first[a, i] + second[b, i]
                        loss += prices[i] * left
                        fits &= left >= 0.0
                    for p in range(len(priced)):
                        fits &= first[a, priced[p]] + second[b, priced[p]] == slacks[k, p]
                    if fits and loss <= budget:
                        one, other, best = a, b, gain
                a = following[a]
    return len(second), one, other, best
