"""The loop over the weights of each input: equal constants found by hashing, each weight touched once."""

from __future__ import annotations

import numpy as np

from knapsolve.kernels.jit import njit


@njit(cache=True, nogil=True)
def number_constants(rows, digits, shared, owner, value, start):  # type: ignore[no-untyped-def]
    """Number the distinct constants of each row that have at least so many signed digits."""
    inputs, width = rows.shape
    slots = 4
    while slots < 2 * width:
        slots *= 2
    # An entry is of the row that stamped it, so that the table is never cleared.
    stamp = np.full(slots, -1, np.int64)
    known = np.empty(slots, np.int64)
    number = np.empty(slots, np.int64)
    mask = np.uint64(slots - 1)
    multipliers = 0
    for i in range(inputs):
        start[i] = multipliers
        for j in range(width):
            weight = rows[i, j]
            if weight == 0:
                owner[i, j] = -1
                continue
            if not shared:
                owner[i, j] = multipliers
                value[multipliers] = weight
                multipliers += 1
                continue
            magnitude = abs(weight)
            left = (3 * magnitude) ^ magnitude
            count = 0
            while left and count < digits:
                left &= left - 1
                count += 1
            if count < digits:
                owner[i, j] = -1
                continue
            # Fibonacci hashing (Knuth, TAOCP 3, 6.4): the upper bits of a product with 2**64 / golden ratio.
            mixed = np.uint64(weight) * np.uint64(11400714819323198485)
            at = np.int64((mixed ^ (mixed >> np.uint64(32))) & mask)
            while stamp[at] == i and known[at] != weight:
                at = (at + 1) & (slots - 1)
            if stamp[at] != i:
                stamp[at], known[at], number[at] = i, weight, multipliers
                value[multipliers] = weight
                multipliers += 1
            owner[i, j] = number[at]
    start[inputs] = multipliers
    return multipliers
