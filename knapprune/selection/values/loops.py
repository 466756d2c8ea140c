"""The loops over the options of many weights: how many share a multiplier, and which options others beat."""

from __future__ import annotations

import numpy as np

from knapsolve.kernels.jit import njit


@njit(cache=True, nogil=True)
def count_equal(codes):  # type: ignore[no-untyped-def]
    """Count for each code, not negative, how often it is there."""
    slots = 4
    while slots < 2 * len(codes):
        slots *= 2
    known = np.full(slots, -1, np.int64)
    often = np.zeros(slots, np.int32)
    place = np.empty(len(codes), np.int64)
    mask = np.uint64(slots - 1)
    for i in range(len(codes)):
        # Fibonacci hashing (Knuth, TAOCP 3, 6.4): the upper bits of a product with 2**64 / golden ratio.
        mixed = np.uint64(codes[i]) * np.uint64(11400714819323198485)
        at = np.int64((mixed ^ (mixed >> np.uint64(32))) & mask)
        while known[at] >= 0 and known[at] != codes[i]:
            at = (at + 1) & (slots - 1)
        known[at] = codes[i]
        often[at] += 1
        place[i] = at
    counts = np.empty(len(codes), np.int64)
    for i in range(len(codes)):
        counts[i] = often[place[i]]
    return counts


@njit(cache=True, nogil=True)
def list_different(values):  # type: ignore[no-untyped-def]
    """List the values of each row, (n, options), that are neither 0 nor in a column before, and the row of each."""
    rows = np.empty(values.size, np.int64)
    found = np.empty(values.size, np.int64)
    count = 0
    for i in range(values.shape[0]):
        first = count
        for j in range(values.shape[1]):
            value = values[i, j]
            again = value == 0
            for k in range(first, count):
                again = again or found[k] == value
            if not again:
                rows[count] = i
                found[count] = value
                count += 1
    return rows[:count].copy(), found[:count].copy()


@njit(cache=True, nogil=True)
def worth_of(weight, value, exact, saliency, step):  # type: ignore[no-untyped-def]
    """Say what weights are worth with other values: the share of the saliency that the relative error leaves."""
    worth = np.zeros(len(weight), np.float64)
    for i in range(len(weight)):
        of = exact[weight[i]]
        if of != 0:
            relative = (value[i] * step - of) / of
            worth[i] = saliency[weight[i]] * max(1.0 - relative * relative, 0.0)
    return worth


@njit(cache=True, nogil=True)
def mark_beaten(weight, worth, dearest, cheapest, beaten):  # type: ignore[no-untyped-def]
    """Mark options that another of the same weight beats: worth as much at least, and at most as dear as they at least.

    `dearest` and `cheapest`, each a pair of arrays by resource, are what an option costs, whatever is shared; of equals
    the first stays.
    """
    start = 0
    while start < len(weight):
        end = start + 1
        while end < len(weight) and weight[end] == weight[start]:
            end += 1
        for one in range(start, end):
            for other in range(start, end):
                better = worth[other] > worth[one] or (worth[other] == worth[one] and other < one)
                if not better:
                    continue
                if dearest[0][other] <= cheapest[0][one] and dearest[1][other] <= cheapest[1][one]:
                    beaten[one] = True
                    break
        start = end
