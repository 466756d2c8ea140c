"""The Lagrangian dual of a multiple-choice knapsack, minimised by a long-step dual simplex.

With prices on the capacities every class takes its best option by itself, and

    ``bound(prices) = prices @ limits + sum over classes of max over options of (value - prices @ weight)``

bounds every selection. A basis is m ties: option pairs of one class (its *key* and a *basic* option) whose reduced
values must agree, or slacks whose prices must be zero (generalised upper bounds: Dantzig, Van Slyke, "Generalized
upper bounding techniques", JCSS 1, 1967). The tie that the primal solution violates most is released, and the line
that keeps all others is followed to its minimum past every breakpoint.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.choice.line import line_minimum
from knapsolve.kernels.jit import njit
from knapsolve.relaxation.inverse import invert

SOLVED, INFEASIBLE, STUCK, UNFINISHED = 0, 1, 2, 3


class Basis(NamedTuple):
    """A basis of the dual; all changed in place."""

    basic: NDArray[np.int64]  # (m,) basic options; -1 - i for the slack of resource i
    basic_class: NDArray[np.int64]  # (m,) their classes
    key: NDArray[np.int64]  # (C,) an option of each class


def slack_basis(m: int, classes: int) -> Basis:
    """Return the basis of all slacks."""
    return Basis(-1 - np.arange(m), np.zeros(m, np.int64), np.zeros(classes, np.int64))


def most_steps(m: int) -> int:
    """Return after how many steps the simplex with m resources is given up: it usually takes about m."""
    return 60 + 40 * m


@njit(cache=True)
def best_options(value, weight, start, allowed, prices, key, loss):  # type: ignore[no-untyped-def]
    """Write every class's best allowed option to `key` (C,) and what each option loses against it to `loss` (N,).

    Options not allowed lose infinity. Returns the sum of best reduced values; minus infinity where a class has no
    option left.
    """
    m = len(prices)
    total = 0.0
    for c in range(len(start) - 1):
        best, top = -1, -np.inf
        for o in range(start[c], start[c + 1]):
            if not allowed[o]:
                loss[o] = np.inf
                continue
            reduced = value[o]
            for i in range(m):
                reduced -= prices[i] * weight[o, i]
            loss[o] = reduced
            if reduced > top:
                best, top = o, reduced
        if best < 0:
            return -np.inf
        key[c] = best
        total += top
        for o in range(start[c], start[c + 1]):
            if allowed[o]:
                loss[o] = top - loss[o]
    return total


@njit(cache=True)
def unbar_keys(allowed, key, basic, basic_class):  # type: ignore[no-untyped-def]
    """Let a basic option take the place of a key that is out of play; go back to the slack basis where none can."""
    m = len(basic)
    for p in range(m):
        if basic[p] >= 0 and not allowed[key[basic_class[p]]]:
            place = -1
            for q in range(m):
                if basic[q] >= 0 and basic_class[q] == basic_class[p] and allowed[basic[q]]:
                    place = q
            if place < 0:
                for q in range(m):
                    basic[q] = -1 - q
                return
            key[basic_class[p]], basic[place] = basic[place], key[basic_class[p]]


@njit(cache=True)
def choice_simplex(classes, allowed, prices, basis, fresh, steps):  # type: ignore[no-untyped-def]  # noqa: C901
    """Minimise the bound from a given basis.

    Parameters
    ----------
    classes
        The `Classes`, scaled to entries of about 1.
    allowed
        (N,) bool: options in play; those that are not may still sit in the basis and are driven out.
    prices
        (m,), written: prices of the given basis; zeros with a basis of slacks.
    basis
        Where to begin; written. The keys of classes without a basic option are found afresh.
    fresh
        Whether the keys are to be found afresh; False to go on where the last call ended.
    steps
        Number of steps after which to stop.

    Returns
    -------
    status, share
        SOLVED, INFEASIBLE (proved), STUCK or UNFINISHED (prices are valid but may not be the best), and the share of
        each basic option in the primal solution, (m,).
    """
    start, value, weight, limits = classes.start, classes.value, classes.weight, classes.limits
    basic, basic_class, key = basis.basic, basis.basic_class, basis.key
    n, m = weight.shape
    count = len(key)
    tied = np.zeros(count, np.int8)
    unbar_keys(allowed, key, basic, basic_class)
    for p in range(m):
        if basic[p] >= 0:
            tied[basic_class[p]] += 1
    reduced = np.empty(n)
    slope = np.empty(n)
    matrix = np.empty((m, m))
    inverse = np.empty((m, m))
    share = np.zeros(m)
    row = np.empty(m)
    ray = np.empty(m)
    residual = np.empty(m)
    for _ in range(steps):
        for p in range(m):
            for i in range(m):
                if basic[p] >= 0:
                    matrix[i, p] = weight[basic[p], i] - weight[key[basic_class[p]], i]
                else:
                    matrix[i, p] = 1.0 if i == -1 - basic[p] else 0.0
        if not invert(matrix, inverse, 1e-12):
            return STUCK, share
        for i in range(m):
            price = 0.0
            for p in range(m):
                if basic[p] >= 0:
                    price += (value[basic[p]] - value[key[basic_class[p]]]) * inverse[p, i]
            prices[i] = max(price, 0.0)
        if fresh:
            fresh = False
            for c in range(count):
                if tied[c]:
                    continue
                top = -np.inf
                for o in range(start[c], start[c + 1]):
                    if allowed[o]:
                        worth = value[o]
                        for i in range(m):
                            worth -= prices[i] * weight[o, i]
                        if worth > top:
                            top = worth
                            key[c] = o
                if top == -np.inf:
                    return INFEASIBLE, share
        for i in range(m):
            residual[i] = limits[i]
        for c in range(count):
            for i in range(m):
                residual[i] -= weight[key[c], i]
        for p in range(m):
            share[p] = 0.0
            for i in range(m):
                share[p] += inverse[p, i] * residual[i]
        # Leaving: the largest violation in the norm of its row (dual steepest edge).
        leaving, of_key, worst, violation, direction = -1, False, 0.0, 0.0, 1.0
        for p in range(m):
            norm = 0.0
            for i in range(m):
                norm += inverse[p, i] ** 2
            amount = share[p]
            barred = basic[p] >= 0 and not allowed[basic[p]]
            excess = abs(amount) if barred else -amount
            if excess > 1e-9 and excess * excess / norm > worst:
                leaving, of_key, worst, violation = p, False, excess * excess / norm, excess
                direction = 1.0 if amount < 0.0 else -1.0
            if basic[p] < 0:
                continue
            c = basic_class[p]
            # Once a class, at the first of its basic options that may become the key.
            first = allowed[basic[p]]
            for q in range(p):
                first &= basic[q] < 0 or basic_class[q] != c or not allowed[basic[q]]
            if not first:
                continue
            amount = 1.0
            for i in range(m):
                row[i] = 0.0
            for q in range(m):
                if basic[q] >= 0 and basic_class[q] == c:
                    amount -= share[q]
                    for i in range(m):
                        row[i] -= inverse[q, i]
            norm = 0.0
            for i in range(m):
                norm += row[i] ** 2
            excess = -amount if allowed[key[c]] else abs(amount)
            if excess > 1e-9 and excess * excess / norm > worst:
                leaving, of_key, worst, violation = p, True, excess * excess / norm, excess
                direction = 1.0 if amount < 0.0 else -1.0
        if leaving < 0:
            return SOLVED, share
        for i in range(m):
            row[i] = inverse[leaving, i]
        left_class = basic_class[leaving] if basic[leaving] >= 0 else -1
        if of_key:
            # The key leaves: a basic option of its class takes its place first.
            for i in range(m):
                row[i] = 0.0
            for q in range(m):
                if basic[q] >= 0 and basic_class[q] == left_class:
                    for i in range(m):
                        row[i] -= inverse[q, i]
            key[left_class], basic[leaving] = basic[leaving], key[left_class]
        for i in range(m):
            ray[i] = direction * row[i]
        if left_class >= 0:
            tied[left_class] -= 1
        left = basic[leaving]
        wall, wall_class, wall_option = np.inf, -1, -1
        for i in range(m):
            if ray[i] < -1e-13:
                is_basic = False
                for p in range(m):
                    is_basic |= basic[p] == -1 - i
                if not is_basic and prices[i] / -ray[i] < wall:
                    wall, wall_option = prices[i] / -ray[i], -1 - i
        for c in range(count):
            k = key[c]
            for o in range(start[c], start[c + 1]):
                worth, fall = value[o], 0.0
                for i in range(m):
                    worth -= prices[i] * weight[o, i]
                    fall += ray[i] * weight[o, i]
                reduced[o], slope[o] = worth, fall
            if not tied[c]:
                continue
            for o in range(start[c], start[c + 1]):
                if o == k or not allowed[o] or slope[o] >= slope[k] - 1e-11:
                    continue
                inside = False
                for p in range(m):
                    inside |= basic[p] == o and p != leaving
                if not inside and (reduced[k] - reduced[o]) / (slope[k] - slope[o]) < wall:
                    wall = (reduced[k] - reduced[o]) / (slope[k] - slope[o])
                    wall_class, wall_option = c, o
        wall = max(wall, 0.0)
        basic[leaving] = -1 - m
        _, entering_class, entering = line_minimum(reduced, slope, start, allowed, tied, key, -violation, wall)
        if entering_class <= -2:
            # Leave a usable basis behind.
            basic[leaving] = left
            return (INFEASIBLE if entering_class == -2 else STUCK), share
        if entering_class == -1:
            if wall == np.inf:
                basic[leaving] = left
                return STUCK, share
            entering_class, entering = wall_class, wall_option
        basic[leaving] = entering
        if entering >= 0:
            basic_class[leaving] = entering_class
            tied[entering_class] += 1
    return UNFINISHED, share
