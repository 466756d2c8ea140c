"""Many copies of few kinds of items: a dynamic programme over the residues of the total weight.

Where there are plenty of copies of an item that costs nothing, the total weight of all other flips matters only modulo
its weight: its copies make up the difference. So the least loss by residue is all there is to know (Gomory, "On the
relation between integer and noninteger solutions to linear programs", PNAS 53, 1965; Gilmore and Gomory, "The theory
and computation of knapsack functions", Oper. Res. 14, 1966). Time is the item's weight times the number of kinds,
whatever the number of items. That the copies are plenty is checked at the end; the bound holds even where they are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.core.base import ROUNDING, Base
from knapsolve.exact.core.rows import whole
from knapsolve.kernels.jit import njit
from knapsolve.limits.interruption import late

TABLE = 2**14
"""Places of the hash table of kinds; half as many kinds are taken."""
PLENTY = 8
"""Copies that the kind that makes up the difference must have."""
MOST_CELLS = 10**9
"""Residues times bundles of copies, at most; a bit of memory each."""
CELLS = 5 * 10**7
"""The same between two looks at the clock."""
BLOCK = 64
"""Bundles whose decisions fit into one word."""


@dataclass(frozen=True, eq=False)
class Kinds:
    """Items that a better selection may flip, alike in weight, value and side.

    Parameters
    ----------
    of
        Kind of each item, shape (n,); -1 for items that cost too much.
    first
        An item of each kind, shape (k,).
    copies
        Number of items of each kind, shape (k,).
    """

    of: NDArray[np.int32]
    first: NDArray[np.int64]
    copies: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Residues:
    """What the programme says.

    Parameters
    ----------
    bound
        Upper bound on the value of any selection better than the best one known, relative to the base.
    best, flipped
        Value of the selection found, relative to the base, and the items that it flips; None where none is better.
    cells
        Residues times bundles that were looked at.
    """

    bound: float
    best: Any
    flipped: NDArray[np.int64] | None
    cells: int


def search_residues(base: Base, deadline: float | None) -> Residues | None:
    """Find the best selection by residues; return None where items are too different, weights too large, or time is up.

    Parameters
    ----------
    base
        A base whose only price is that of the capacity, whole weights.
    deadline
        Clock time to stop at, or None.
    """
    gap = base.bound - float(base.best) - base.unit
    weights = whole(base.weights) if gap >= 0 else None
    kinds = None if weights is None else _kinds(base, weights, gap)
    if weights is None or kinds is None:
        return None
    weight, value = weights[kinds.first], base.values[kinds.first]
    leaves = base.chosen[kinds.first]
    reduced = value - base.price * weight
    cost = np.maximum(np.where(leaves, reduced, -reduced), 0.0)
    modulus = _modulus(weight, value, cost, kinds.copies)
    if modulus <= 0:
        return None
    maker = (weight == modulus) & (cost <= ROUNDING * value)
    with np.errstate(divide="ignore"):
        useful = np.minimum(np.floor(gap / cost), np.minimum(kinds.copies, modulus - 1)).astype(np.int64)
    useful[maker] = 0
    kind, copies = _bundles(useful)
    if float(modulus) * len(kind) > MOST_CELLS:
        return None
    change = np.where(leaves, -weight, weight)[kind] * copies % modulus
    loss, taken = _least_losses(int(modulus), change, cost[kind] * copies, deadline)
    if loss is None:
        return None
    cells = int(modulus) * len(kind)
    room = int(base.room)
    unused = (room - np.arange(modulus)) % modulus
    total = loss + base.price * unused
    residue = int(np.argmin(total))
    # Every copy's cost is rounded.
    bound = base.bound - float(total[residue]) + ROUNDING * float(value.max()) * float(useful.sum() + 1)
    found = _copies(taken, residue, change, copies, kind, int(modulus), len(weight))
    moved = int(room - unused[residue] - (np.where(leaves, -weight, weight) * found).sum())
    makers = np.flatnonzero(maker & (leaves == (moved < 0)))
    if moved:
        if not len(makers) or kinds.copies[makers[0]] < abs(moved) // modulus:
            return Residues(bound, base.best, None, cells)
        found[makers[0]] = abs(moved) // modulus
    best = (np.where(leaves, -value, value) * found).sum()
    if not best > base.best:
        return Residues(bound, base.best, None, cells)
    flipped = [np.flatnonzero(kinds.of == k)[: found[k]] for k in np.flatnonzero(found)]
    return Residues(bound, best, np.concatenate(flipped), cells)


def _kinds(base: Base, weights: NDArray[np.int64], gap: float) -> Kinds | None:
    of = np.empty(len(base.values), np.int32)
    first, copies = np.empty(TABLE // 2, np.int64), np.zeros(TABLE // 2, np.int64)
    scale = 2.0**52 / float(base.values.max())
    number = count_kinds(base.values, weights, base.chosen, base.price, gap, scale, of, first, copies)
    return None if number <= 0 else Kinds(of, first[:number], copies[:number])


def _modulus(weight: Any, value: Any, cost: NDArray[np.float64], copies: NDArray[np.int64]) -> Any:
    """Return the least weight of a kind that costs nothing and is plenty, or 0."""
    free = (cost <= ROUNDING * value) & (copies >= PLENTY)
    return weight[free].min(initial=np.iinfo(np.int64).max) if free.any() else 0


def _bundles(copies: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return kinds, and numbers of copies (1, 2, 4, ..., a rest) of which every number up to `copies` is made."""
    kind, number = [], []
    left, size = copies.copy(), 1
    while left.any():
        some = np.flatnonzero(left)
        part = np.minimum(left[some], size)
        kind.append(some)
        number.append(part)
        left[some] -= part
        size *= 2
    if not kind:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate(kind), np.concatenate(number)


def _least_losses(
    modulus: int, change: NDArray[np.int64], cost: NDArray[np.float64], deadline: float | None
) -> tuple[NDArray[np.float64] | None, NDArray[np.uint64]]:
    """Return the least loss by residue, or None where time is up, and the decisions, a word a residue and block."""
    loss = np.full((2, modulus), np.inf)
    loss[0, 0] = 0.0
    taken = np.zeros((-(-len(change) // BLOCK), modulus), np.uint64)
    side = 0
    at_once = min(max(CELLS // modulus, 1), BLOCK)
    for block in range(len(taken)):
        for start in range(block * BLOCK, min((block + 1) * BLOCK, len(change)), at_once):
            if late(deadline):
                return None, taken
            part = slice(start, min(start + at_once, (block + 1) * BLOCK))
            side = add_bundles(loss, side, change[part], cost[part], taken[block], start % BLOCK)
    return loss[side], taken


def _copies(
    taken: NDArray[np.uint64],
    residue: int,
    change: NDArray[np.int64],
    copies: NDArray[np.int64],
    kind: NDArray[np.int64],
    modulus: int,
    kinds: int,
) -> NDArray[np.int64]:
    """Return how many copies of each kind lead to a residue, shape (kinds,)."""
    found = np.zeros(kinds, np.int64)
    for bundle in range(len(change) - 1, -1, -1):
        if int(taken[bundle // BLOCK, residue]) >> (bundle % BLOCK) & 1:
            found[kind[bundle]] += copies[bundle]
            residue = (residue - int(change[bundle])) % modulus
    return found


@njit(cache=True, nogil=True)
def count_kinds(values, weights, chosen, price, gap, scale, of, first, copies):  # type: ignore[no-untyped-def]  # noqa: PLR0913
    """Find the kinds of the items that cost at most the gap.

    Parameters
    ----------
    values, weights, chosen
        (n,) of all items.
    price, gap
        Price of a unit of weight, and the largest cost of an item that counts.
    scale
        What makes whole numbers of values, for hashing.
    of
        (n,) written: kind of each item, -1 where it costs too much.
    first, copies
        (most,) written: an item of each kind, and how many there are.

    Returns
    -------
    int
        Number of kinds, or -1 if there are more than fit.
    """
    most = len(first)
    mask = 2 * most - 1
    table = np.full(2 * most, -1, np.int32)
    number = 0
    for j in range(len(values)):
        v, w, side = values[j], weights[j], chosen[j]
        reduced = v - price * w
        if (reduced if side else -reduced) > gap:
            of[j] = -1
            continue
        key = (np.int64(v * scale) * 31 + np.int64(w)) * 2 + np.int64(side)
        place = ((key * 0x9E3779B97F4A7C1) >> 20) & mask
        while True:
            kind = table[place]
            if kind < 0:
                if number == most:
                    return -1
                table[place] = number
                first[number] = j
                kind = np.int32(number)
                number += 1
                break
            i = first[kind]
            if values[i] == v and weights[i] == w and chosen[i] == side:
                break
            place = (place + 1) & mask
        of[j] = kind
        copies[kind] += 1
    return number


@njit(cache=True, nogil=True)
def add_bundles(loss, side, change, cost, taken, first):  # type: ignore[no-untyped-def]
    """Give every residue the chance to take bundle after bundle.

    Parameters
    ----------
    loss
        (2, modulus) the least losses in row `side`.
    side
        Row.
    change, cost
        (bundles,) weight modulo the modulus, and loss.
    taken
        (modulus,) words, written: bit ``first + b`` says whether bundle b is taken.
    first
        Bit of the first bundle.

    Returns
    -------
    int
        Row of the losses now.
    """
    modulus = loss.shape[1]
    for b in range(len(change)):
        old, new = loss[side], loss[1 - side]
        bit = np.uint64(1) << np.uint64(first + b)
        source = modulus - change[b]
        extra = cost[b]
        for r in range(modulus):
            if source >= modulus:
                source -= modulus
            other = old[source] + extra
            source += 1
            if other < old[r]:
                new[r] = other
                taken[r] |= bit
            else:
                new[r] = old[r]
        side = 1 - side
    return side
