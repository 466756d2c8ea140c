"""Massive ties: the cheapest multiset of swaps that fills the capacities, by shortest path on the lattice of weights.

Where thousands of classes offer the same swaps (what an option adds to the weight of its class's key), listing them is
hopeless and needless. Let every kind of swap be had any number of times at the least loss of its kind: a relaxation,
the group relaxation of integer programming (Gomory, "Some polyhedra related to combinatorial problems", LAA 2, 1969).
Any order of the swaps gives its cost, and one of them never leaves a tube about the segment to what is to be filled
(Steinitz 1913): with m resources every partial sum stays within m times the largest swap. So the shortest path in a box
is the relaxation's optimum, hence a lower bound on what a selection loses; and where there are classes enough for the
path's swaps, it is a selection.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.choice.classes import Classes
from knapsolve.exact.choice.relaxation import ChoiceRelaxation
from knapsolve.kernels.jit import njit

MOST_POINTS = 20
"""Points of the box, and kinds of swaps, as a power of two."""
MOST_WORK = 26
"""Points times kinds of swaps, likewise."""
SWAPS = 2.0
"""Unused capacity that is looked at, in largest swaps of each resource, where no selection is known."""


@dataclass(frozen=True, eq=False)
class Filled:
    """What the shortest path says.

    Parameters
    ----------
    bound
        Every selection loses at least this.
    options
        Options that the path stands for, one a class, shape (C,), or None where classes are too few for it.
    """

    bound: float
    options: NDArray[np.int64] | None


def fill(classes: Classes, relaxation: ChoiceRelaxation, known: float, tie: float) -> Filled | None:
    """Bound the loss of every selection by a shortest path.

    Parameters
    ----------
    classes, relaxation
        The problem and its dual.
    known
        Loss of a known selection, or infinity.
    tie
        Difference of losses that counts as none.

    Returns
    -------
    Filled or None
        None where weights are not whole, or span too large a box.
    """
    key, loss, prices = relaxation.key, relaxation.loss, relaxation.prices
    left = classes.limits - classes.weight[key].sum(axis=0)
    if not (left == np.floor(left)).all():
        return None
    widest, whole = widest_swaps(classes.start, classes.weight, key)
    # A resource without a price is left out: that only relaxes, and a selection is checked before it is believed.
    priced = np.flatnonzero(prices > 0.0)
    limit = min(known, SWAPS * float(prices @ widest))
    if not whole or not len(priced) or not np.isfinite(limit):
        return None
    d = len(priced)
    reach = d * widest[priced]
    with np.errstate(over="ignore"):
        low = np.minimum(np.ceil(left[priced] - limit / prices[priced]) - 1, 0.0) - reach
    high = np.maximum(left[priced], 0.0) + reach
    sides = high - low + 1
    # Logarithms, since the products may overflow.
    points, kinds = np.log2(sides).sum(), np.log2(2 * widest[priced] + 1).sum()
    if not (points < MOST_POINTS and kinds < MOST_POINTS and kinds + points < MOST_WORK):
        return None
    shape, spread = sides.astype(np.int64), widest[priced].astype(np.int64)
    least = least_losses(classes.start, classes.weight, key, loss, priced, spread, limit)
    swaps = np.flatnonzero(np.isfinite(least))
    vectors = np.column_stack(np.unravel_index(swaps, tuple(2 * spread + 1))).astype(np.int64) - spread
    moving = (vectors != 0).any(axis=1)
    swaps, vectors = swaps[moving], vectors[moving]
    origin = (-low).astype(np.int64)
    lost, end, came = shortest_path(
        np.ascontiguousarray(vectors), least[swaps], shape, origin, left[priced].astype(np.int64), prices[priced], limit
    )
    if end < 0:
        return Filled(limit, None)
    needed = np.zeros(len(least), np.int64)
    strides = np.append(np.cumprod(shape[:0:-1])[::-1], 1)
    at, start = int(end), int(origin @ strides)
    while at != start:
        needed[swaps[came[at]]] += 1
        at -= int(vectors[came[at]] @ strides)
    options = key.copy()
    if not place(classes.start, classes.weight, loss, priced, spread, least + tie, needed, options):
        return Filled(float(lost), None)
    return Filled(float(lost), options)


@njit(cache=True)
def widest_swaps(start, weight, key):  # type: ignore[no-untyped-def]
    """Return the largest change of each weight, (m,), by any swap, and whether all weights are whole.

    Classes (C + 1,), weights (N, m), keys (C,).
    """
    m = weight.shape[1]
    widest = np.zeros(m)
    for c in range(len(key)):
        for o in range(start[c], start[c + 1]):
            for i in range(m):
                if weight[o, i] != np.floor(weight[o, i]):
                    return widest, False
                widest[i] = max(widest[i], abs(weight[o, i] - weight[key[c], i]))
    return widest, True


@njit(cache=True)
def least_losses(start, weight, key, loss, resources, spread, limit):  # type: ignore[no-untyped-def]
    """Return the least loss of each kind of swap, infinite where there is none of at most `limit`.

    Kinds are numbered by the change of weight on some resources (d,), each between minus and plus `spread` (d,);
    classes (C + 1,), weights (N, m), keys (C,), losses (N,).
    """
    kinds = 1
    for d in range(len(spread)):
        kinds *= 2 * spread[d] + 1
    least = np.empty(kinds)
    for k in range(kinds):
        least[k] = np.inf
    for c in range(len(key)):
        for o in range(start[c], start[c + 1]):
            if o == key[c] or loss[o] > limit:
                continue
            kind = 0
            for d in range(len(spread)):
                i = resources[d]
                kind = kind * (2 * spread[d] + 1) + spread[d] + np.int64(weight[o, i] - weight[key[c], i])
            least[kind] = min(least[kind], loss[o])
    return least


@njit(cache=True)
def shortest_path(vectors, lost, shape, origin, left, prices, limit):  # type: ignore[no-untyped-def]  # noqa: C901
    """Fill the capacities at the least loss, any swap any number of times.

    Parameters
    ----------
    vectors, lost
        Change of weights (K, d) and loss (K,) of each kind of swap.
    shape, origin
        (d,) sides of the box and where in it nothing has changed.
    left, prices
        (d,) capacity that the keys leave, may be negative, and prices, positive.
    limit
        Largest loss of interest.

    Returns
    -------
    loss, end, came
        The least loss, unused capacity included, the point where the path ends (-1: none within the limit), and the
        swap that leads to each point.
    """
    d = len(shape)
    points = 1
    stride = np.empty(d, np.int64)
    for i in range(d - 1, -1, -1):
        stride[i] = points
        points *= shape[i]
    distance = np.empty(points)
    came = np.empty(points, np.int64)
    waiting = np.zeros(points, np.bool_)
    queue = np.empty(points, np.int64)
    for point in range(points):
        distance[point] = np.inf
        came[point] = -1
    first = 0
    for i in range(d):
        first += origin[i] * stride[i]
    distance[first] = 0.0
    waiting[first] = True
    queue[0] = first
    head, count = 0, 1
    best, end = np.inf, -1
    at = np.empty(d, np.int64)
    while count > 0:
        point = queue[head]
        head = head + 1 if head + 1 < points else 0
        count -= 1
        waiting[point] = False
        rest = point
        unused = distance[point]
        for i in range(d):
            at[i] = rest // stride[i]
            rest -= at[i] * stride[i]
            slack = left[i] - (at[i] - origin[i])
            unused += prices[i] * slack if slack >= 0 else np.inf
        if unused < best:
            best, end = unused, point
        for k in range(len(lost)):
            total = distance[point] + lost[k]
            if total > limit or total >= best:
                continue
            neighbour = 0
            for i in range(d):
                place = at[i] + vectors[k, i]
                if place < 0 or place >= shape[i]:
                    neighbour = -1
                    break
                neighbour += place * stride[i]
            if neighbour >= 0 and total < distance[neighbour]:
                distance[neighbour] = total
                came[neighbour] = k
                if not waiting[neighbour]:
                    waiting[neighbour] = True
                    tail = head + count
                    queue[tail if tail < points else tail - points] = neighbour
                    count += 1
    if best > limit:
        return limit, -1, came
    return best, end, came


@njit(cache=True)
def place(start, weight, loss, resources, spread, allowed, needed, options):  # type: ignore[no-untyped-def]
    """Find a class for every swap that is needed; return whether there are enough.

    Parameters
    ----------
    start, weight, loss
        Classes (C + 1,), weights (N, m), losses (N,).
    resources, spread
        (d,) how kinds are numbered, see `least_losses`.
    allowed, needed
        (K,) largest loss and number of swaps of each kind; `needed` is written.
    options
        (C,) keys; written.
    """
    missing = 0
    for k in range(len(needed)):
        missing += needed[k]
    for c in range(len(options)):
        if missing == 0:
            return True
        for o in range(start[c], start[c + 1]):
            if o == options[c] or loss[o] == np.inf:
                continue
            kind = 0
            for d in range(len(spread)):
                i = resources[d]
                change = np.int64(weight[o, i] - weight[options[c], i])
                if abs(change) > spread[d]:
                    kind = -1
                    break
                kind = kind * (2 * spread[d] + 1) + spread[d] + change
            if kind >= 0 and needed[kind] > 0 and loss[o] <= allowed[kind]:
                needed[kind] -= 1
                missing -= 1
                options[c] = o
                break
    return missing == 0
