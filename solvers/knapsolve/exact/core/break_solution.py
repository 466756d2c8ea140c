"""Finding the break item without a sort, and collecting the items near it.

Items are ordered by efficiency (value by weight), and by index where that ties, so that a place in the order is a pair
(efficiency, index). The break item is the first one that does not fit when items are taken in this order. A sample
says between which two places it must lie; one pass over the items keeps what lies between them, and so on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.kernels.jit import njit

SAMPLE = 1024
"""Items looked at to guess where the break item is; as many or fewer are sorted."""
SPREAD = 3.0
"""Standard errors of a rank within the sample that a guess is widened by, on both sides."""
CLOSE = 2.0**-50
"""Relative reduced cost below which its sign may be an effect of rounding."""


def find_break(
    efficiency: NDArray[np.float64], weights: NDArray[Any], capacity: Any, seed: int
) -> tuple[NDArray[np.int64], int]:
    """Return items around the break item by decreasing efficiency, and where in them it is.

    Parameters
    ----------
    efficiency
        Value by weight, shape (n,).
    weights
        Weights, shape (n,), positive, of a sum above the capacity.
    capacity
        The capacity.
    seed
        Seed of the sampling; it changes the time only.

    Returns
    -------
    band, position
        Item indices, shape (k,), contiguous in the order of all items, and the position of the break item in them.
    """
    n = len(weights)
    items: NDArray[np.int64] = np.empty(0, np.int64)
    inside, before, total, everything = n, weights.dtype.type(0), weights.sum(), True
    random = np.random.default_rng(seed) if n > SAMPLE else None
    high, low = (np.inf, -1), (-np.inf, n)
    while inside > SAMPLE:
        assert random is not None
        drawn = random.integers(0, inside, SAMPLE)
        drawn.sort()
        sample = drawn if everything else items[drawn]
        sample = sample[np.argsort(-efficiency[sample], kind="stable")]
        filled = np.cumsum(weights[sample].astype(np.float64))
        share = float(capacity - before) / float(total) * filled[-1]
        place = int(np.searchsorted(filled, share))
        reach = int(SPREAD * np.sqrt(SAMPLE) / 2) + 1
        new_high = high if place < reach else _place(efficiency, sample[place - reach])
        new_low = low if place + reach >= SAMPLE else _place(efficiency, sample[place + reach])
        found = np.empty(inside, np.int64)
        lead, count, within = between(efficiency, weights, items, everything, *new_high, *new_low, found)
        if before + lead > capacity:  # The guess was too far right: the break item lies left of it.
            new_high, new_low = high, new_high
            lead, count, within = between(efficiency, weights, items, everything, *new_high, *new_low, found)
        elif before + lead + within <= capacity:
            new_high, new_low = new_low, low
            lead, count, within = between(efficiency, weights, items, everything, *new_high, *new_low, found)
        items, everything = found[:count].copy(), False
        inside, before, total = count, before + lead, within
        high, low = new_high, new_low
    band = np.arange(n) if everything else items
    band = band[np.argsort(-efficiency[band], kind="stable")]
    position = int(np.searchsorted(before + np.cumsum(weights[band]), capacity, side="right"))
    return band, min(position, len(band) - 1)


def _place(efficiency: NDArray[np.float64], item: Any) -> tuple[float, int]:
    return float(efficiency[item]), int(item)


@njit(cache=True)
def between(efficiency, weights, items, everything, high, high_item, low, low_item, found):  # type: ignore[no-untyped-def]  # noqa: PLR0913
    """Keep the items from one place in the order up to another, the first inclusive, the second exclusive.

    Parameters
    ----------
    efficiency, weights
        (n,) of all items.
    items
        (k,) the items to look at, ascending; ignored where `everything` is true.
    everything
        Whether to look at all items.
    high, high_item, low, low_item
        The places: efficiency and index.
    found
        (size,) written: the items between, ascending.

    Returns
    -------
    before, count, within
        Weight of the items before the first place, number and weight of those between.
    """
    total = len(efficiency) if everything else len(items)
    before = weights[0] - weights[0]
    within = before
    count = 0
    for k in range(total):
        j = k if everything else items[k]
        e = efficiency[j]
        if e > high or (e == high and j < high_item):
            before += weights[j]
        elif e > low or (e == low and j < low_item):
            within += weights[j]
            found[count] = j
            count += 1
    return before, count, within


@njit(cache=True)
def take_before(values, weights, efficiency, item, chosen):  # type: ignore[no-untyped-def]
    """Choose all items before the given one in the order.

    Returns
    -------
    value, weight, excess, largest
        Sums of the chosen items; what rounding may add to the bound at the item's efficiency, summed over the items
        whose reduced cost is all but zero; largest value.
    """
    price = efficiency[item]
    value = values[0] - values[0]
    weight = weights[0] - weights[0]
    excess = 0.0
    largest = value
    for j in range(len(values)):
        e = efficiency[j]
        taken = e > price or (e == price and j < item)
        chosen[j] = taken
        v = values[j]
        if taken:
            value += v
            weight += weights[j]
        largest = max(largest, v)
        reduced = v - price * weights[j]
        if abs(reduced) <= CLOSE * v:
            # The sign may be wrong by rounding: allow for the whole of it, and for the product's error.
            excess += max(-reduced if taken else reduced, 0.0) + CLOSE * v
    return value, weight, excess, largest


@njit(cache=True)
def collect(values, weights, chosen, price, centre, low, high, start, found, cost):  # type: ignore[no-untyped-def]  # noqa: PLR0913
    """Collect items by what flipping them costs, looking left and right of the break item in turns.

    Where many items tie in efficiency, the turns keep chosen and other items in balance.

    Parameters
    ----------
    values, weights, chosen
        (n,) of all items.
    price
        Price of a unit of weight; flipping costs the reduced cost ``abs(value - price * weight)``.
    centre
        Index of the break item.
    low, high
        Items that cost more than `low` and at most `high` are collected.
    start
        First turn to take.
    found, cost
        (size,) written: the items and their costs.

    Returns
    -------
    stored, total, following
        Number of items stored; number there were; turn of the first item that was not stored, or n.
    """
    n = len(values)
    stored, total, following = 0, 0, n
    pairs = min(centre, n - centre)
    for turn in range(start, n):
        if turn < 2 * pairs:
            j = centre - 1 - turn // 2 if turn & 1 else centre + turn // 2
        else:
            j = centre - 1 - (turn - pairs) if pairs < centre else centre + turn - pairs
        reduced = values[j] - price * weights[j]
        loss = max(reduced if chosen[j] else -reduced, 0.0)
        if low < loss <= high:
            if stored < len(found):
                found[stored], cost[stored] = j, loss
                stored += 1
            elif following == n:
                following = turn
            total += 1
    return stored, total, following


@njit(cache=True)
def common_divisor(numbers):  # type: ignore[no-untyped-def]
    """Return the greatest common divisor of positive integers; stops at 1."""
    divisor = numbers[0]
    for number in numbers:
        while number:
            divisor, number = number, divisor % number
        if divisor == 1:
            break
    return divisor
