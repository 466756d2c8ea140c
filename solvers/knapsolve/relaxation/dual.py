"""The Lagrangian dual of a multi-dimensional knapsack, solved to its minimum by a long-step dual simplex.

Pricing every resource at ``prices >= 0`` relaxes the capacities; the bound

    ``prices @ capacities + sum(max(0, values - prices @ weights))``

is convex and piecewise linear in the prices. Its minimum is the linear relaxation's optimum. A dual simplex whose
line search passes every breakpoint up to the minimum of the line (long-step or bound-flipping ratio test: Maros,
"A generalized dual phase-2 simplex algorithm", EJOR 149, 2003) needs about as many steps as there are resources;
each step touches every item once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.kernels.jit import njit
from knapsolve.relaxation.inverse import invert

SLACK = -1
"""Offset in `Dual.basis`: entry ``SLACK - i`` stands for the slack of resource i; others are item indices."""


@dataclass(frozen=True, eq=False)
class Dual:
    """A minimiser of the dual.

    Parameters
    ----------
    prices
        Price per unit of each resource, shape (m,), not negative.
    basis
        Items (index) or slacks (``SLACK - i``) that are basic in the linear relaxation, shape (m,).
    at_one
        Whether each item is 1 in the linear relaxation, bool, shape (n,); False for basic (fractional) items.
    """

    prices: NDArray[np.float64]
    basis: NDArray[np.int64]
    at_one: NDArray[np.bool_]


def minimise_dual(values: NDArray[Any], weights: NDArray[Any], limits: NDArray[Any]) -> Dual:
    """Minimise the dual bound over the prices.

    Parameters
    ----------
    values
        Item values, shape (n,).
    weights
        Item weights, shape (m, n), not negative.
    limits
        Capacities, shape (m,), not negative.

    Returns
    -------
    Dual
        Prices at the minimum (up to rounding; any prices give a valid bound) and the basis that proves it.
    """
    return minimise_runs_dual(values, np.arange(len(values)), np.ones(len(values)), weights, limits)


def minimise_runs_dual(
    values: NDArray[Any],
    kinds: NDArray[Any],
    counts: NDArray[Any],
    type_weights: NDArray[Any],
    limits: NDArray[Any],
    start: NDArray[np.int64] | None = None,
) -> Dual:
    """Minimise the dual bound of runs of equal items; each step computes with weights once a type.

    Parameters
    ----------
    values, kinds, counts
        Value and type of an item of each run, and how many there are of it, shape (r,).
    type_weights
        Weights by type, shape (m, T), not negative.
    limits
        Capacities, shape (m,), not negative.
    start
        Basis to begin with, shape (m,), as in `Dual`, or None; one that is not dual feasible is passed over.

    Returns
    -------
    Dual
        As `minimise_dual` returns it, runs in the place of items.
    """
    values = np.asarray(values, dtype=np.float64)
    columns = np.ascontiguousarray(np.asarray(type_weights, dtype=np.float64).T)
    bounds = np.asarray(limits, dtype=np.float64)
    # Row and objective scaling keep one tolerance meaningful for every resource.
    row_scale = columns.max(axis=0, initial=0.0)
    row_scale[row_scale == 0.0] = 1.0
    value_scale = max(float(values.max(initial=0.0)), -float(values.min(initial=0.0))) or 1.0
    basis = SLACK - np.arange(len(bounds)) if start is None else start.copy()
    at_one = np.empty(len(values), np.bool_)
    prices = dual_simplex(
        values / value_scale, np.ascontiguousarray(kinds, dtype=np.int64), np.ascontiguousarray(counts, np.float64),
        columns / row_scale, bounds / row_scale, basis, at_one,
    )  # fmt: skip
    # Adding zero turns -0.0 into 0.0, by which others divide.
    return Dual(prices * value_scale / row_scale + 0.0, basis, at_one)


def dual_bound(values: NDArray[Any], weights: NDArray[Any], limits: NDArray[Any], prices: NDArray[np.float64]) -> float:
    """Return the Lagrangian upper bound at the given prices; valid for any prices >= 0."""
    reduced = values - prices @ weights
    return float(prices @ limits + np.maximum(reduced, 0.0).sum())


@njit(cache=True, nogil=True)
def dual_simplex(values, kinds, counts, columns, limits, basis, at_one):  # type: ignore[no-untyped-def]  # noqa: C901
    """Kernel of `minimise_runs_dual`: scaled values, types and counts (r,), columns (T, m), limits (m,) -> prices (m,).

    The basis (m,) to begin with becomes that of the minimum; `at_one` (r,) is written.
    """
    runs, (types, m) = len(values), columns.shape
    matrix = np.empty((m, m))
    inverse = np.empty((m, m))
    prices = np.empty(m)
    right = np.empty(m)
    most = np.empty(m)
    residual = np.empty(m)
    ray = np.empty(m)
    slope = np.empty(types)
    threshold = np.empty(types)
    taken = np.empty(types)
    breakpoint_at = np.empty(runs)
    breakpoint_step = np.empty(runs)
    breakpoint_item = np.empty(runs, np.int64)
    for i in range(m):
        prices[i] = 0.0
    begun = False
    for _ in range(100 + 50 * m):
        # The inverse is computed afresh, so that errors do not add up.
        for p in range(m):
            b = basis[p]
            right[p] = values[b] if b >= 0 else 0.0
            most[p] = counts[b] if b >= 0 else np.inf
            for i in range(m):
                if b >= 0:
                    matrix[i, p] = columns[kinds[b], i]
                else:
                    matrix[i, p] = 1.0 if i == SLACK - b else 0.0
        sound = invert(matrix, inverse, 0.0)
        if sound:
            # Prices solve prices @ basis_columns = basis_values.
            for i in range(m):
                residual[i] = 0.0
                for p in range(m):
                    residual[i] += right[p] * inverse[p, i]
                sound &= begun or residual[i] >= -1e-9
        if not sound:
            if begun:
                break
            for p in range(m):
                basis[p] = SLACK - p
            continue
        for i in range(m):
            prices[i] = max(residual[i], 0.0)
        for t in range(types):
            taken[t] = 0.0
            threshold[t] = 0.0
            for i in range(m):
                threshold[t] += prices[i] * columns[t, i]
        if not begun:
            for j in range(runs):
                at_one[j] = values[j] > threshold[kinds[j]]
            for p in range(m):
                if basis[p] >= 0:
                    at_one[basis[p]] = False
            begun = True
        for j in range(runs):
            if at_one[j]:
                taken[kinds[j]] += counts[j]
        for i in range(m):
            residual[i] = limits[i]
            for t in range(types):
                residual[i] -= taken[t] * columns[t, i]
        leaving, violation, direction = leaving_row(most, inverse, residual, limits)
        if leaving < 0:
            break
        for i in range(m):
            ray[i] = direction * inverse[leaving, i]
        for t in range(types):
            slope[t] = 0.0
            for i in range(m):
                slope[t] += ray[i] * columns[t, i]
        count = np.int64(0)  # without the type, Numba compiles `cross_breakpoints` once more for a literal 0
        for j in range(runs):
            rise = slope[kinds[j]]
            if rise > 1e-13 if at_one[j] else rise < -1e-13:
                is_basic = False
                for p in range(m):
                    is_basic |= basis[p] == j
                if is_basic:
                    continue
                breakpoint_at[count] = max((values[j] - threshold[kinds[j]]) / rise, 0.0)
                breakpoint_step[count] = abs(rise) * counts[j]
                breakpoint_item[count] = j
                count += 1
        # A price that would turn negative ends the line for good.
        wall, wall_at = -1, np.inf
        for i in range(m):
            if ray[i] < -1e-13:
                is_basic = False
                for p in range(m):
                    is_basic |= basis[p] == SLACK - i
                if not is_basic and prices[i] / -ray[i] < wall_at:
                    wall, wall_at = i, max(prices[i] / -ray[i], 0.0)
        entering = cross_breakpoints(breakpoint_at, breakpoint_step, breakpoint_item, count, violation, wall_at, at_one)
        if entering < 0 and wall < 0:
            break
        left = basis[leaving]
        if left >= 0:
            at_one[left] = direction < 0.0
        if entering >= 0:
            basis[leaving] = entering
            at_one[entering] = False
        else:
            basis[leaving] = SLACK - wall
    return prices


@njit(cache=True, nogil=True)
def leaving_row(most, inverse, residual, limits):  # type: ignore[no-untyped-def]
    """Return the row of the basis to leave, by how much it is outside its bounds, and to which side (1.0: below).

    It is the largest violation in the norm of its row (dual steepest edge); -1 where there is none. Parameters: most
    (m,) of each basic variable, inverse (m, m) of the basis, residual (m,) that items at one leave of the limits (m,).
    """
    leaving, worst, violation, direction = -1, 1e-18, 0.0, 0.0
    for p in range(len(most)):
        amount = 0.0
        norm = 0.0
        scale = 0.0
        for i in range(len(most)):
            amount += inverse[p, i] * residual[i]
            norm += inverse[p, i] * inverse[p, i]
            scale += abs(inverse[p, i] * limits[i])
        below = -amount
        above = amount - most[p]
        excess = max(below, above)
        if excess > 1e-9 + 1e-14 * scale and excess * excess / norm > worst:
            worst = excess * excess / norm
            leaving, violation = p, excess
            direction = 1.0 if below >= above else -1.0
    return leaving, violation, direction


@njit(cache=True, nogil=True)
def cross_breakpoints(at, step, item, count, violation, wall_at, at_one):  # type: ignore[no-untyped-def]
    """Flip every item whose breakpoint lies before the line's minimum; return the item at the minimum, or -1.

    A weighted quickselect: expected time linear in `count`. Reorders the three breakpoint arrays.
    """
    low, high = 0, count
    # Where every item must cross (a capacity of zero), rounding must not hide the last breakpoint.
    remaining = violation * (1.0 - 1e-11)
    while low < high:
        a, b, c = at[low], at[(low + high) // 2], at[high - 1]
        pivot = max(min(a, b), min(max(a, b), c))
        # Three-way partition of [low, high) into < pivot, == pivot, > pivot.
        less, scan, more = low, low, high
        before, equal = 0.0, 0.0
        while scan < more:
            if at[scan] < pivot:
                before += step[scan]
                at[less], at[scan] = at[scan], at[less]
                step[less], step[scan] = step[scan], step[less]
                item[less], item[scan] = item[scan], item[less]
                less += 1
                scan += 1
            elif at[scan] > pivot:
                more -= 1
                at[more], at[scan] = at[scan], at[more]
                step[more], step[scan] = step[scan], step[more]
                item[more], item[scan] = item[scan], item[more]
            else:
                equal += step[scan]
                scan += 1
        if before >= remaining or pivot > wall_at:
            high = less
            continue
        for k in range(low, less):
            at_one[item[k]] = not at_one[item[k]]
        remaining -= before
        if equal >= remaining:
            for k in range(less, more):
                if step[k] >= remaining:
                    return item[k]
                remaining -= step[k]
                at_one[item[k]] = not at_one[item[k]]
            return item[more - 1]
        for k in range(less, more):
            at_one[item[k]] = not at_one[item[k]]
        remaining -= equal
        low = more
    return -1
