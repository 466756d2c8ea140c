"""Depth-first search over the items in doubt, with the linear relaxation solved at every node.

A node fixes every item whose reduced cost exceeds the gap, for its whole subtree, and branches on one fractional item
chosen by pseudo-costs (Benichou et al., "Experiments in mixed-integer linear programming", Math. Programming 1, 1971),
the side that keeps the better bound first. A warm-started dual simplex makes a node a matter of microseconds, which
pays more here than implicit enumeration in reduced-cost order (Vimont et al. 2008): that needs twice the nodes.

The search stops at any incumbent and after any number of pivots, and goes on where it stopped: all state is in arrays
that the caller keeps. `decision_*` is the stack of fixings whose opposite is still open; each has the bound of the node
it was made at, so the largest of these bounds the open part of the tree.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from knapsolve.relaxation.lp import CUT_OFF, OPTIMAL, RELAXED, reoptimise, start_from_basis

DONE, FOUND, PAUSED = 0, 1, 2
"""Outcomes of `search`."""

DEPTH, FIXINGS, COUNT, STARTED = 0, 1, 2, 3
"""Positions in `counters`: open decisions, fixed items, active items, whether the root was solved."""

INTEGRAL = 1e-7
MOST_STALLS = 4
"""Times that a stalled root is started again from its basis; its bound is valid in any case."""


@njit(cache=True, nogil=True, error_model="numpy")
def fix(item, value, columns, values, fixed, active, place, fixings, counters, fixed_residual, fixed_value):  # type: ignore[no-untyped-def]
    """Fix an active item: off the active list, onto the stack of fixings."""
    fixed[item] = value
    last = counters[COUNT] - 1
    other, at = active[last], place[item]
    active[at], active[last] = other, item
    place[other], place[item] = at, last
    counters[COUNT] = last
    fixings[counters[FIXINGS]] = item
    counters[FIXINGS] += 1
    if value == 1:
        fixed_value[0] += values[item]
        for i in range(columns.shape[1]):
            fixed_residual[i] -= columns[item, i]


@njit(cache=True, nogil=True, error_model="numpy")
def unfix(mark, columns, values, fixed, fixings, counters, fixed_residual, fixed_value):  # type: ignore[no-untyped-def]
    """Free every item fixed since the stack of fixings was `mark` high. The active list regrows in reverse order."""
    while counters[FIXINGS] > mark:
        counters[FIXINGS] -= 1
        item = fixings[counters[FIXINGS]]
        if fixed[item] == 1:
            fixed_value[0] -= values[item]
            for i in range(columns.shape[1]):
                fixed_residual[i] += columns[item, i]
        fixed[item] = -1
        counters[COUNT] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def score_of(item, fraction, drop, tries):  # type: ignore[no-untyped-def]
    """Return how much branching on a fractional item promises to lower both bounds, and the better side."""
    total = max(drop[0, 0], drop[1, 0]) + 1e-9
    down = drop[0, item + 1] / tries[0, item + 1] if tries[0, item + 1] > 0 else total / max(tries[0, 0], 1.0)
    up = drop[1, item + 1] / tries[1, item + 1] if tries[1, item + 1] > 0 else total / max(tries[1, 0], 1.0)
    down *= fraction
    up *= 1.0 - fraction
    return max(down, 1e-6) * max(up, 1e-6), 1 if up <= down else 0


@njit(cache=True, nogil=True, error_model="numpy")
def worth_of(values, columns, resources, limits, selected):  # type: ignore[no-untyped-def]
    """Return the value of a selection, or minus infinity where it breaks a row; sums of scaled integers are exact."""
    n, rows = columns.shape
    worth = 0.0
    for j in range(n):
        if selected[j]:
            worth += values[j]
    for i in range(rows):
        used = 0.0
        for j in range(n):
            if selected[j]:
                used += columns[j, i]
        if used > limits[i] or (i >= resources and used != limits[i]):
            return -np.inf
    return worth


@njit(cache=True, nogil=True, error_model="numpy")
def back_up(  # type: ignore[no-untyped-def]
    cutoff, values, columns, counters, basis, place, active, fixed, fixings, fixed_residual, fixed_value,
    decision_item, decision_value, decision_bound, decision_fixings, decision_basis,
):  # fmt: skip
    """Turn the deepest decision whose opposite may hold something better; return whether there was one."""
    while counters[DEPTH] > 0:
        counters[DEPTH] -= 1
        top = counters[DEPTH]
        unfix(decision_fixings[top], columns, values, fixed, fixings, counters, fixed_residual, fixed_value)
        if decision_bound[top] > cutoff:
            fix(decision_item[top], 1 - decision_value[top], columns, values, fixed, active, place, fixings,
                counters, fixed_residual, fixed_value)  # fmt: skip
            for p in range(len(basis)):
                basis[p] = decision_basis[top, p]
            return True
    return False


@njit(cache=True, nogil=True, fastmath=RELAXED, error_model="numpy")
def search(  # type: ignore[no-untyped-def]
    values, columns, resources, limits, cutoff, settled, pivot_budget, counters, basis, place, active, fixed, fixings,
    fixed_residual, fixed_value, at_one, decision_item, decision_value, decision_bound, decision_fixings,
    decision_basis, drop, tries, statistics,
):  # fmt: skip
    """Search until the tree is done, an incumbent is found or the pivots are spent.

    Parameters
    ----------
    values, columns, resources, limits
        Items (n,), scaled weights (n, M), number of rows that are capacities, right-hand sides (M,). See
        `knapsolve.relaxation.lp`.
    cutoff
        Subtrees whose bound is at or below it are not searched.
    settled
        How far below its node's bound a selection may stay for the node to count as solved.
    counters, ..., statistics
        The state; `at_one` (n,) is the selection found on `FOUND`. `drop` and `tries`, both (2, n + 1), are the
        pseudo-costs of both sides, their sums in column 0; `statistics` counts nodes and pivots.

    Returns
    -------
    int
        `DONE`, `FOUND` or `PAUSED`.
    """
    n, rows = columns.shape
    row_of = np.empty(n + rows, np.int64)
    inverse = np.empty((rows, rows))
    work = np.empty((rows, rows))
    prices = np.empty(rows)
    levels = np.empty(rows)
    residual = np.empty(rows)
    reduced = np.empty(n)
    alpha = np.empty(n)
    heap_ratio = np.empty(n + rows)
    heap_item = np.empty(n + rows, np.int64)
    branched, side, fraction, before, bound = -1, 0, 0.0, 0.0, 0.0
    spent = 0
    descend, fresh = counters[STARTED] == 0, True
    counters[STARTED] = 1
    while True:
        if not descend:
            if spent > pivot_budget:
                return PAUSED
            if not back_up(
                cutoff, values, columns, counters, basis, place, active, fixed, fixings, fixed_residual, fixed_value,
                decision_item, decision_value, decision_bound, decision_fixings, decision_basis,
            ):  # fmt: skip
                return DONE
            branched, fresh = -1, True
        descend = False
        while fresh:
            bound = start_from_basis(
                values, columns, resources, basis, row_of, inverse, prices, reduced, at_one, residual, fixed, active,
                counters[COUNT], fixed_residual, fixed_value[0], work,
            )  # fmt: skip
            fresh = np.isnan(bound)
            if fresh:
                # A singular basis, by rounding: the slacks are always a basis.
                for p in range(rows):
                    basis[p] = n + p
        statistics[0] += 1
        status, bound, pivots = reoptimise(
            values, columns, resources, basis, row_of, inverse, prices, reduced, at_one, residual, fixed, active,
            counters[COUNT], bound, cutoff, levels, alpha, heap_ratio, heap_item, work,
        )  # fmt: skip
        spent += pivots + 1
        statistics[1] += pivots
        if branched >= 0:
            gain = min(before - bound, before - cutoff) / max(fraction if side == 0 else 1.0 - fraction, 1e-3)
            for column in (0, branched + 1):
                drop[side, column] += gain
                tries[side, column] += 1.0
            branched = -1
        if status == CUT_OFF:
            continue
        if status == OPTIMAL:
            for k in range(counters[COUNT] - 1, -1, -1):
                j = active[k]
                if row_of[j] < 0 and abs(reduced[j]) >= bound - cutoff:
                    fix(j, 1 if at_one[j] else 0, columns, values, fixed, active, place, fixings, counters,
                        fixed_residual, fixed_value)  # fmt: skip
        choice, best = -1, -1.0
        for p in range(rows):
            j = basis[p]
            if j < n and fixed[j] < 0 and INTEGRAL < levels[p] < 1.0 - INTEGRAL:
                score, better = score_of(j, levels[p], drop, tries)
                if score > best:
                    choice, best, side, fraction = j, score, better, levels[p]
        if choice < 0:
            for p in range(rows):
                if basis[p] < n:
                    at_one[basis[p]] = levels[p] > 0.5
            for k in range(counters[FIXINGS]):
                at_one[fixings[k]] = fixed[fixings[k]] == 1
            worth = worth_of(values, columns, resources, limits, at_one)
            complete = counters[COUNT] == 0
            if worth > -np.inf and (complete or (status == OPTIMAL and bound - worth <= settled)):
                return FOUND
            if complete:
                continue
            # Rounding alone made the relaxation integral or stalled it: decide the next item, whichever it is.
            choice, fraction = active[0], 0.5
            side = 1 if at_one[choice] else 0
            if row_of[choice] >= 0:
                at_one[choice] = False
        top = counters[DEPTH]
        counters[DEPTH] = top + 1
        for p in range(rows):
            decision_basis[top, p] = basis[p]
        decision_item[top] = choice
        decision_value[top] = side
        decision_bound[top] = bound
        decision_fixings[top] = counters[FIXINGS]
        fix(choice, side, columns, values, fixed, active, place, fixings, counters, fixed_residual, fixed_value)
        branched, before = choice, bound
        descend = True
        fresh = status != OPTIMAL


def relax(values, columns, resources, limits, basis):  # type: ignore[no-untyped-def]
    """Solve the relaxation with nothing fixed.

    Not compiled itself: the kernels that it calls are, and compiling them into it once more takes seconds.

    Parameters
    ----------
    values, columns, resources, limits
        As in `knapsolve.relaxation.lp`.
    basis
        Basis to start from, shape (M,); left at the relaxation's.

    Returns
    -------
    bound, prices, at_one
        Its value, the prices (M,) that prove it, and whether each item is nonbasic at 1, shape (n,).
    """
    n, rows = columns.shape
    row_of = np.empty(n + rows, np.int64)
    inverse, work = np.empty((rows, rows)), np.empty((rows, rows))
    prices, levels, residual = np.empty(rows), np.empty(rows), np.empty(rows)
    reduced, at_one = np.empty(n), np.zeros(n, np.bool_)
    fixed, active = np.full(n, -1, np.int8), np.arange(n)

    def start():  # type: ignore[no-untyped-def]
        bound = np.nan
        while np.isnan(bound):
            bound = start_from_basis(
                values, columns, resources, basis, row_of, inverse, prices, reduced, at_one, residual, fixed, active,
                n, limits, 0.0, work,
            )  # fmt: skip
            if np.isnan(bound):
                for p in range(rows):
                    basis[p] = n + p
        return bound

    for _ in range(MOST_STALLS):
        bound = start()  # type: ignore[no-untyped-call]
        status, bound, _ = reoptimise(
            values, columns, resources, basis, row_of, inverse, prices, reduced, at_one, residual, fixed, active, n,
            bound, -np.inf, levels, np.empty(n), np.empty(n + rows), np.empty(n + rows, np.int64), work,
        )  # fmt: skip
        if status == CUT_OFF:
            return bound, prices, at_one
        if status == OPTIMAL:
            break
    # Prices afresh from the basis: errors of many pivots add up.
    return start(), prices, at_one  # type: ignore[no-untyped-call]
