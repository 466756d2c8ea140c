"""The loops over the options of many weights: how many share a multiplier, and which options others beat."""

from __future__ import annotations

import numpy as np
from numba import njit


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
def mark_beaten(weight, worth, most, least, beaten):  # type: ignore[no-untyped-def]
    """Mark options that another of the same weight beats: worth as much at least, and at most as dear as they at least.

    `most` and `least`, (options, resources), are what an option costs, whatever is shared; of equals the first stays.
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
                cheaper = True
                for r in range(most.shape[1]):
                    cheaper = cheaper and most[other, r] <= least[one, r]
                if cheaper:
                    beaten[one] = True
                    break
        start = end
