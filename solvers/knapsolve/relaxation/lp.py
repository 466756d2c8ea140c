"""A warm-started dual simplex for the linear relaxations of a search tree.

Maximise ``values @ x`` subject to ``columns.T @ x + slack = limits`` with items between 0 and 1. The first `resources`
rows are capacities (slack >= 0); any further row is an equation (slack fixed at 0), such as a cardinality. Some items
may be fixed; the others are *active*. Every basis is dual feasible once each nonbasic item rests at the bound that the
sign of its reduced cost names, so the simplex starts from any basis: fixing an item never asks for a first phase.

The ratio test passes every breakpoint that still lowers the dual objective (Maros, "A generalized dual phase-2 simplex
algorithm", EJOR 149, 2003), and the solve ends as soon as that objective, a valid bound at any moment, falls below the
cutoff.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from knapsolve.kernels.jit import njit
from knapsolve.relaxation.inverse import invert

OPTIMAL, CUT_OFF, STALLED = 0, 1, 2
"""Outcomes of `reoptimise`."""

PRIMAL_TOLERANCE = 1e-9
PIVOT_TOLERANCE = 1e-9
INFEASIBLE = 1e-6
"""Distance to a row's right-hand side that entries below the pivot tolerance cannot make up."""
RELAXED = {"reassoc", "contract", "nsz"}
"""Liberties the compiler may take: sums in any order, so that the inner products use vector registers."""
REFACTOR = 64
"""Pivots after which the inverse is formed afresh, so that rounding errors do not add up."""


class LinearProgram(NamedTuple):
    """What to maximise, and the rows that limit it."""

    values: NDArray[np.float64]  # (n,)
    columns: NDArray[np.float64]  # (n, M)
    resources: int  # how many rows, the first ones, are capacities


class Basis(NamedTuple):
    """A basis and what follows from it; all changed in place."""

    basic: NDArray[np.int64]  # (M,) variable that is basic in each row: an item, or n + i for the slack of row i
    row_of: NDArray[np.int64]  # (n + M,) row that each variable is basic in, or -1
    inverse: NDArray[np.float64]  # (M, M) of the basis matrix
    prices: NDArray[np.float64]  # (M,)
    reduced: NDArray[np.float64]  # (n,) costs values - columns @ prices of active items
    at_one: NDArray[np.bool_]  # (n,) whether a nonbasic item is 1
    residual: NDArray[np.float64]  # (M,) limits minus all nonbasic items at 1


class Room(NamedTuple):
    """Where the simplex computes."""

    levels: NDArray[np.float64]  # (M,) left with the values of the basic variables
    alpha: NDArray[np.float64]  # (n,)
    ratio: NDArray[np.float64]  # (n + M,)
    item: NDArray[np.int64]  # (n + M,)
    matrix: NDArray[np.float64]  # (M, M)


@njit(cache=True, nogil=True, fastmath=RELAXED, error_model="numpy")
def invert_basis(basic, columns, inverse, matrix):  # type: ignore[no-untyped-def]
    """Write the inverse of the basis matrix to `inverse`, by way of `matrix`; return whether it is regular."""
    n, rows = columns.shape
    for p in range(rows):
        j = basic[p]
        for i in range(rows):
            matrix[i, p] = columns[j, i] if j < n else (1.0 if i == j - n else 0.0)
    return invert(matrix, inverse, 1e-13)


@njit(cache=True, nogil=True, fastmath=RELAXED, error_model="numpy")
def start_from_basis(program, basis, fixed, active, count, limits, worth, matrix):  # type: ignore[no-untyped-def]  # noqa: C901
    """Set up a basis from its basic variables alone.

    Parameters
    ----------
    program, basis
        See these.
    fixed, active, count
        (n,) 0 or 1 for fixed items, -1 for active ones; (n,) first the active items; how many they are.
    limits, worth
        (M,) what all items fixed at 1 leave of the limits, and what these are worth.
    matrix
        (M, M) room.

    Returns
    -------
    float
        The dual objective, a valid bound, or NaN if the basis is singular.
    """
    values, columns, resources = program
    basic, row_of, inverse, prices, reduced, at_one, residual = basis
    n, rows = columns.shape
    for v in range(n + rows):
        row_of[v] = -1
    for p in range(rows):
        row_of[basic[p]] = p
    if not invert_basis(basic, columns, inverse, matrix):
        return np.nan
    for i in range(rows):
        price = 0.0
        for p in range(rows):
            if basic[p] < n:
                price += values[basic[p]] * inverse[p, i]
        # Clearing rounding below zero keeps the bound valid; a basic slack's price is zero.
        prices[i] = price if i >= resources else max(price, 0.0)
    bound = worth
    for i in range(rows):
        residual[i] = limits[i]
        bound += prices[i] * limits[i]
    for p in range(rows):
        j = basic[p]
        if j < n and fixed[j] == 1:
            for i in range(rows):
                residual[i] += columns[j, i]
    for k in range(count):
        j = active[k]
        cost = values[j]
        for i in range(rows):
            cost -= prices[i] * columns[j, i]
        reduced[j] = cost
        at_one[j] = False
        if cost > 0.0:
            bound += cost
            if row_of[j] < 0:
                at_one[j] = True
                for i in range(rows):
                    residual[i] -= columns[j, i]
    return bound


@njit(cache=True, nogil=True, fastmath=RELAXED, error_model="numpy")
def basic_values(inverse, residual, levels):  # type: ignore[no-untyped-def]
    """Fill `levels` (M,) with the values of the basic variables."""
    rows = len(residual)
    for p in range(rows):
        amount = 0.0
        for i in range(rows):
            amount += inverse[p, i] * residual[i]
        levels[p] = amount


@njit(cache=True, nogil=True, fastmath=RELAXED, error_model="numpy")
def reoptimise(program, basis, fixed, active, count, bound, cutoff, room):  # type: ignore[no-untyped-def]  # noqa: C901
    """Solve the relaxation from the present dual feasible basis.

    Parameters
    ----------
    program, basis, room
        See these.
    fixed, active, count
        As for `start_from_basis`.
    bound
        Dual objective of the basis.
    cutoff
        Give up once the dual objective is at or below it.

    Returns
    -------
    status, bound, pivots
        One of `OPTIMAL`, `CUT_OFF` (also where the problem is infeasible) and `STALLED`; the dual objective.
    """
    _, columns, resources = program
    basic, row_of, inverse, prices, reduced, at_one, residual = basis
    levels, alpha, heap_ratio, heap_item, matrix = room
    n, rows = columns.shape
    limit = 200 + 20 * rows
    for pivots in range(limit):
        basic_values(inverse, residual, levels)
        leaving, worst, excess, sign = -1, 0.0, 0.0, 1.0
        for p in range(rows):
            j = basic[p]
            low, high = 0.0, 1.0
            if j >= n:
                high = np.inf if j - n < resources else 0.0
            elif fixed[j] >= 0:
                low = high = float(fixed[j])
            amount = max(low - levels[p], levels[p] - high)
            if amount > PRIMAL_TOLERANCE:
                norm = 1e-30
                for i in range(rows):
                    norm += inverse[p, i] * inverse[p, i]
                if amount * amount > worst * norm:
                    leaving, worst, excess = p, amount * amount / norm, amount
                    sign = 1.0 if levels[p] > high else -1.0
        if leaving < 0:
            return OPTIMAL, bound, pivots
        ray = inverse[leaving]
        size = 0
        for k in range(count):
            j = active[k]
            if row_of[j] >= 0:
                continue
            step = 0.0
            for i in range(rows):
                step += ray[i] * columns[j, i]
            step *= sign
            alpha[j] = step
            if (step < -PIVOT_TOLERANCE) if at_one[j] else (step > PIVOT_TOLERANCE):
                heap_ratio[size] = max(-reduced[j] / step, 0.0)
                heap_item[size] = j
                size += 1
        for i in range(resources):
            step = sign * ray[i]
            if row_of[n + i] < 0 and step > PIVOT_TOLERANCE:
                heap_ratio[size] = max(prices[i] / step, 0.0)
                heap_item[size] = n + i
                size += 1
        for k in range(size // 2 - 1, -1, -1):
            sift_down(heap_ratio, heap_item, k, size)
        entering, ratio = -1, 0.0
        while size > 0:
            bound -= (heap_ratio[0] - ratio) * excess
            if bound <= cutoff:
                return CUT_OFF, bound, pivots
            ratio, j = heap_ratio[0], heap_item[0]
            size -= 1
            heap_ratio[0], heap_item[0] = heap_ratio[size], heap_item[size]
            sift_down(heap_ratio, heap_item, 0, size)
            # Where the last item just meets the row, rounding must not make it infeasible.
            if j >= n or abs(alpha[j]) >= excess - PRIMAL_TOLERANCE:
                entering = j
                break
            excess -= abs(alpha[j])
            change = 1.0 if at_one[j] else -1.0
            at_one[j] = not at_one[j]
            for i in range(rows):
                residual[i] += change * columns[j, i]
        if entering < 0:
            # Even with every item at its better end the row cannot be met: infeasible, unless by what rounding hides.
            return (CUT_OFF, -np.inf, pivots) if excess > INFEASIBLE else (STALLED, bound, pivots)
        for k in range(count):
            j = active[k]
            if row_of[j] < 0:
                reduced[j] += ratio * alpha[j]
        for i in range(rows):
            prices[i] -= sign * ratio * ray[i]
        left = basic[leaving]
        row_of[left] = -1
        if left < n:
            reduced[left] = sign * ratio
            at_one[left] = sign > 0.0 if fixed[left] < 0 else fixed[left] == 1
            if at_one[left]:
                for i in range(rows):
                    residual[i] -= columns[left, i]
        if entering < n:
            reduced[entering] = 0.0
            if at_one[entering]:
                at_one[entering] = False
                for i in range(rows):
                    residual[i] += columns[entering, i]
        basic[leaving] = entering
        row_of[entering] = leaving
        if (pivots + 1) % REFACTOR == 0:
            if not invert_basis(basic, columns, inverse, matrix):
                return STALLED, bound, pivots
        else:
            exchange(columns, inverse, entering, leaving, levels)
    return STALLED, bound, limit


@njit(cache=True, nogil=True, fastmath=RELAXED, error_model="numpy")
def exchange(columns, inverse, entering, leaving, spike):  # type: ignore[no-untyped-def]
    """Update the inverse for a variable that enters the basis in row `leaving`; `spike` (M,) is room."""
    n, rows = columns.shape
    for p in range(rows):
        if entering >= n:
            spike[p] = inverse[p, entering - n]
        else:
            total = 0.0
            for i in range(rows):
                total += inverse[p, i] * columns[entering, i]
            spike[p] = total
    scale = 1.0 / spike[leaving]
    for i in range(rows):
        inverse[leaving, i] *= scale
    for p in range(rows):
        factor = spike[p]
        if p != leaving and factor != 0.0:
            for i in range(rows):
                inverse[p, i] -= factor * inverse[leaving, i]


@njit(cache=True, nogil=True, fastmath=RELAXED, error_model="numpy")
def sift_down(ratio, item, start, size):  # type: ignore[no-untyped-def]
    """Restore the heap of smallest ratios below position `start`."""
    while True:
        child = 2 * start + 1
        if child >= size:
            return
        if child + 1 < size and ratio[child + 1] < ratio[child]:
            child += 1
        if ratio[start] <= ratio[child]:
            return
        ratio[start], ratio[child] = ratio[child], ratio[start]
        item[start], item[child] = item[child], item[start]
        start = child
