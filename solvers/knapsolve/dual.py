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
from numba import njit
from numpy.typing import NDArray

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
    values = np.ascontiguousarray(values, dtype=np.float64)
    columns = np.ascontiguousarray(np.asarray(weights, dtype=np.float64).T)
    bounds = np.asarray(limits, dtype=np.float64)
    # Row and objective scaling keep one tolerance meaningful for every resource.
    row_scale = columns.max(axis=0, initial=0.0)
    row_scale[row_scale == 0.0] = 1.0
    value_scale = float(np.abs(values).max(initial=0.0)) or 1.0
    prices, basis, at_one = dual_simplex(values / value_scale, columns / row_scale, bounds / row_scale)
    # Adding zero turns -0.0 into 0.0, by which others divide.
    return Dual(prices * value_scale / row_scale + 0.0, basis, at_one)


def dual_bound(values: NDArray[Any], weights: NDArray[Any], limits: NDArray[Any], prices: NDArray[np.float64]) -> float:
    """Return the Lagrangian upper bound at the given prices; valid for any prices >= 0."""
    reduced = values - prices @ weights
    return float(prices @ limits + np.maximum(reduced, 0.0).sum())


@njit(cache=True)
def dual_simplex(values, columns, limits):  # type: ignore[no-untyped-def]
    """Kernel of `minimise_dual`: scaled values (n,), columns (n, m), limits (m,) -> prices, basis, at_one."""
    n, m = columns.shape
    basis = np.empty(m, np.int64)
    for i in range(m):
        basis[i] = SLACK - i
    prices = np.zeros(m)
    at_one = values > 0.0
    basic = np.zeros(n, np.bool_)
    breakpoint_at = np.empty(n)
    breakpoint_step = np.empty(n)
    breakpoint_item = np.empty(n, np.int64)
    matrix = np.empty((m, m))
    for _ in range(100 + 50 * m):
        for p in range(m):
            for i in range(m):
                if basis[p] >= 0:
                    matrix[i, p] = columns[basis[p], i]
                else:
                    matrix[i, p] = 1.0 if i == SLACK - basis[p] else 0.0
        inverse = np.linalg.inv(matrix)
        residual = limits.copy()
        for j in range(n):
            if at_one[j]:
                for i in range(m):
                    residual[i] -= columns[j, i]
        # Leaving variable: the largest violation in the norm of its row (dual steepest edge).
        leaving, worst, violation, direction = -1, 1e-18, 0.0, 0.0
        for p in range(m):
            amount = 0.0
            norm = 0.0
            scale = 0.0
            for i in range(m):
                amount += inverse[p, i] * residual[i]
                norm += inverse[p, i] ** 2
                scale += abs(inverse[p, i] * limits[i])
            tolerance = 1e-9 + 1e-14 * scale
            below = -amount
            above = amount - 1.0 if basis[p] >= 0 else -1.0
            excess = max(below, above)
            if excess > tolerance and excess * excess / norm > worst:
                worst = excess * excess / norm
                leaving, violation = p, excess
                direction = 1.0 if below >= above else -1.0
        if leaving < 0:
            break
        ray = direction * inverse[leaving]
        count = 0
        for j in range(n):
            if basic[j]:
                continue
            slope = 0.0
            reduced = values[j]
            for i in range(m):
                slope += ray[i] * columns[j, i]
                reduced -= prices[i] * columns[j, i]
            if (at_one[j] and slope > 1e-13) or (not at_one[j] and slope < -1e-13):
                breakpoint_at[count] = max(reduced / slope, 0.0)
                breakpoint_step[count] = abs(slope)
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
            basic[left] = False
            at_one[left] = direction < 0.0
        if entering >= 0:
            basis[leaving] = entering
            basic[entering] = True
            at_one[entering] = False
        else:
            basis[leaving] = SLACK - wall
        # Prices solve prices @ basis_columns = basis_values; solved afresh, so that errors do not add up.
        right = np.zeros(m)
        for p in range(m):
            for i in range(m):
                if basis[p] >= 0:
                    matrix[p, i] = columns[basis[p], i]
                else:
                    matrix[p, i] = 1.0 if i == SLACK - basis[p] else 0.0
            if basis[p] >= 0:
                right[p] = values[basis[p]]
        determinant = np.linalg.det(matrix)
        if determinant == 0.0 or not np.isfinite(determinant):
            break
        solved = np.linalg.solve(matrix, right)
        for i in range(m):
            prices[i] = max(solved[i], 0.0)
    return prices, basis, at_one


@njit(cache=True)
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
