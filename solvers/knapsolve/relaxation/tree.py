"""Depth-first search over the items in doubt, with the linear relaxation solved at every node.

A node fixes every item whose reduced cost exceeds the gap, for its whole subtree, and branches on one fractional item
chosen by pseudo-costs (Benichou et al., "Experiments in mixed-integer linear programming", Math. Programming 1, 1971),
the side that keeps the better bound first. A warm-started dual simplex makes a node a matter of microseconds, which
pays more here than implicit enumeration in reduced-cost order (Vimont et al. 2008): that needs twice the nodes.

The search stops at any incumbent and after any number of pivots, and goes on where it stopped: all state is in arrays
that the caller keeps.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from knapsolve.kernels.jit import njit
from knapsolve.relaxation.lp import (
    CUT_OFF,
    OPTIMAL,
    RELAXED,
    Basis,
    LinearProgram,
    Room,
    reoptimise,
    start_from_basis,
)

DONE, FOUND, PAUSED = 0, 1, 2
"""Outcomes of `search`."""

INTEGRAL = 1e-7
MOST_STALLS = 4
"""Times that a stalled root is started again from its basis; its bound is valid in any case."""


class Fixings(NamedTuple):
    """Which items are fixed, and what that leaves."""

    fixed: NDArray[np.int8]  # (n,) 0 or 1 for fixed items, -1 for active ones
    active: NDArray[np.int64]  # (n,) first the active items, then the fixed ones, the last fixed first
    place: NDArray[np.int64]  # (n,) where each item stands there
    actives: NDArray[np.int64]  # (1,) how many items are active
    residual: NDArray[np.float64]  # (M,) limits minus all items fixed at 1
    worth: NDArray[np.float64]  # (1,) what these are worth


def nothing_fixed(n: int, limits: NDArray[np.float64]) -> Fixings:
    """Return the fixings of n items that are all active under limits (M,)."""
    order = np.arange(n)
    return Fixings(np.full(n, -1, np.int8), order, order.copy(), np.array([n]), limits.copy(), np.zeros(1))


class Stack(NamedTuple):
    """Decisions whose opposite is still open; the largest of their bounds is that of the open part of the tree."""

    depth: NDArray[np.int64]  # (1,) how many there are; -1 before the root is solved
    item: NDArray[np.int64]  # (n,) item decided, as all by depth
    side: NDArray[np.int8]  # (n,) its value
    bound: NDArray[np.float64]  # (n,) bound of the node at which it was decided
    actives: NDArray[np.int64]  # (n,) how many items were active there
    basic: NDArray[np.int64]  # (n, M) basic variables there


class PseudoCosts(NamedTuple):
    """By how much branching down (row 0) and up (row 1) lowered bounds, per unit of the fraction cut off."""

    drop: NDArray[np.float64]  # (2, n + 1) sums by item; column 0 is that of all items
    tries: NDArray[np.float64]  # (2, n + 1) how many make up each sum


def no_costs(n: int) -> PseudoCosts:
    """Return the pseudo-costs of n items before any was branched on."""
    return PseudoCosts(np.zeros((2, n + 1)), np.zeros((2, n + 1)))


@njit(cache=True, nogil=True, error_model="numpy")
def fix(item, side, program, fixings):  # type: ignore[no-untyped-def]
    """Fix an active item at 0 or 1, its side."""
    fixed, active, place, actives = fixings.fixed, fixings.active, fixings.place, fixings.actives
    fixed[item] = side
    last = actives[0] - 1
    other, at = active[last], place[item]
    active[at], active[last] = other, item
    place[other], place[item] = at, last
    actives[0] = last
    if side == 1:
        fixings.worth[0] += program.values[item]
        for i in range(program.columns.shape[1]):
            fixings.residual[i] -= program.columns[item, i]


@njit(cache=True, nogil=True, error_model="numpy")
def unfix(actives, program, fixings):  # type: ignore[no-untyped-def]
    """Free the items fixed since so many were active, the last one first."""
    while fixings.actives[0] < actives:
        item = fixings.active[fixings.actives[0]]
        if fixings.fixed[item] == 1:
            fixings.worth[0] -= program.values[item]
            for i in range(program.columns.shape[1]):
                fixings.residual[i] += program.columns[item, i]
        fixings.fixed[item] = -1
        fixings.actives[0] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def score_of(item, fraction, costs):  # type: ignore[no-untyped-def]
    """Return how much branching on a fractional item promises to lower both bounds, and the better side."""
    drop, tries = costs.drop, costs.tries
    total = max(drop[0, 0], drop[1, 0]) + 1e-9
    down = drop[0, item + 1] / tries[0, item + 1] if tries[0, item + 1] > 0 else total / max(tries[0, 0], 1.0)
    up = drop[1, item + 1] / tries[1, item + 1] if tries[1, item + 1] > 0 else total / max(tries[1, 0], 1.0)
    down *= fraction
    up *= 1.0 - fraction
    return max(down, 1e-6) * max(up, 1e-6), 1 if up <= down else 0


@njit(cache=True, nogil=True, error_model="numpy")
def worth_of(program, limits, selected):  # type: ignore[no-untyped-def]
    """Return the value of a selection, or minus infinity where it breaks a row; sums of scaled integers are exact."""
    values, columns, resources = program
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
def back_up(cutoff, program, fixings, basic, stack):  # type: ignore[no-untyped-def]
    """Turn the deepest decision whose opposite may hold something better; return whether there was one."""
    while stack.depth[0] > 0:
        stack.depth[0] -= 1
        top = stack.depth[0]
        unfix(stack.actives[top], program, fixings)
        if stack.bound[top] > cutoff:
            fix(stack.item[top], 1 - stack.side[top], program, fixings)
            for p in range(len(basic)):
                basic[p] = stack.basic[top, p]
            return True
    return False


@njit(cache=True, nogil=True, fastmath=RELAXED, error_model="numpy")
def search(program, limits, fixings, basic, at_one, stack, costs, cutoff, settled, pivot_budget, statistics):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0913
    """Search until the tree is done, an incumbent is found or the pivots are spent.

    Parameters
    ----------
    program, limits
        See `knapsolve.relaxation.lp.LinearProgram`; right-hand sides, (M,).
    fixings, basic, stack, costs
        What is fixed where the search stands, basic variables to go on from, (M,), open decisions and pseudo-costs;
        all changed.
    at_one
        (n,) left at the selection found on `FOUND`.
    cutoff
        Subtrees whose bound is at or below it are not searched.
    settled
        How far below its node's bound a selection may stay for the node to count as solved.
    pivot_budget
        Pivots after which to pause.
    statistics
        (2,) nodes and pivots, counted on.

    Returns
    -------
    int
        `DONE`, `FOUND` or `PAUSED`.
    """
    n, rows = program.columns.shape
    basis = Basis(
        basic, np.empty(n + rows, np.int64), np.empty((rows, rows)), np.empty(rows), np.empty(n), at_one, np.empty(rows)
    )
    room = Room(np.empty(rows), np.empty(n), np.empty(n + rows), np.empty(n + rows, np.int64), np.empty((rows, rows)))
    row_of, reduced, levels, matrix = basis.row_of, basis.reduced, room.levels, room.matrix
    fixed, active, actives, residual, worth_fixed = (
        fixings.fixed, fixings.active, fixings.actives, fixings.residual, fixings.worth
    )  # fmt: skip
    depth = stack.depth
    branched, side, fraction, before, bound = -1, 0, 0.0, 0.0, 0.0
    spent = 0
    descend, fresh = depth[0] < 0, True
    depth[0] = max(depth[0], 0)
    while True:
        if not descend:
            if spent > pivot_budget:
                return PAUSED
            if not back_up(cutoff, program, fixings, basic, stack):
                return DONE
            branched, fresh = -1, True
        descend = False
        while fresh:
            bound = start_from_basis(program, basis, fixed, active, actives[0], residual, worth_fixed[0], matrix)
            fresh = np.isnan(bound)
            if fresh:
                # A singular basis, by rounding: the slacks are always a basis.
                for p in range(rows):
                    basic[p] = n + p
        statistics[0] += 1
        status, bound, pivots = reoptimise(program, basis, fixed, active, actives[0], bound, cutoff, room)
        spent += pivots + 1
        statistics[1] += pivots
        if branched >= 0:
            gain = min(before - bound, before - cutoff) / max(fraction if side == 0 else 1.0 - fraction, 1e-3)
            for column in (0, branched + 1):
                costs.drop[side, column] += gain
                costs.tries[side, column] += 1.0
            branched = -1
        if status == CUT_OFF:
            continue
        if status == OPTIMAL:
            for k in range(actives[0] - 1, -1, -1):
                j = active[k]
                if row_of[j] < 0 and abs(reduced[j]) >= bound - cutoff:
                    fix(j, 1 if at_one[j] else 0, program, fixings)
        choice, best = -1, -1.0
        for p in range(rows):
            j = basic[p]
            if j < n and fixed[j] < 0 and INTEGRAL < levels[p] < 1.0 - INTEGRAL:
                score, better = score_of(j, levels[p], costs)
                if score > best:
                    choice, best, side, fraction = j, score, better, levels[p]
        if choice < 0:
            for p in range(rows):
                if basic[p] < n:
                    at_one[basic[p]] = levels[p] > 0.5
            for k in range(actives[0], n):
                at_one[active[k]] = fixed[active[k]] == 1
            worth = worth_of(program, limits, at_one)
            complete = actives[0] == 0
            if worth > -np.inf and (complete or (status == OPTIMAL and bound - worth <= settled)):
                return FOUND
            if complete:
                continue
            # Rounding alone made the relaxation integral or stalled it: decide the next item, whichever it is.
            choice, fraction = active[0], 0.5
            side = 1 if at_one[choice] else 0
            if row_of[choice] >= 0:
                at_one[choice] = False
        top = depth[0]
        depth[0] = top + 1
        for p in range(rows):
            stack.basic[top, p] = basic[p]
        stack.item[top], stack.side[top] = choice, side
        stack.bound[top], stack.actives[top] = bound, actives[0]
        fix(choice, side, program, fixings)
        branched, before = choice, bound
        descend = True
        fresh = status != OPTIMAL


def relax(
    program: LinearProgram, limits: NDArray[np.float64], basic: NDArray[np.int64]
) -> tuple[float, NDArray[np.float64], NDArray[np.bool_]]:
    """Solve the relaxation with nothing fixed.

    Not compiled itself: the kernels that it calls are, and compiling them into it once more takes seconds.

    Parameters
    ----------
    program, limits
        What to relax, and the right-hand sides, shape (M,).
    basic
        Basic variables to start from, shape (M,); left at the relaxation's.

    Returns
    -------
    bound, prices, at_one
        Its value, the prices (M,) that prove it, and whether each item is nonbasic at 1, shape (n,).
    """
    n, rows = program.columns.shape
    inverse, matrix = np.empty((rows, rows)), np.empty((rows, rows))
    prices, at_one = np.empty(rows), np.zeros(n, np.bool_)
    basis = Basis(basic, np.empty(n + rows, np.int64), inverse, prices, np.empty(n), at_one, np.empty(rows))
    room = Room(np.empty(rows), np.empty(n), np.empty(n + rows), np.empty(n + rows, np.int64), matrix)
    fixed, active = np.full(n, -1, np.int8), np.arange(n)

    def start() -> float:
        bound = start_from_basis(program, basis, fixed, active, n, limits, 0.0, matrix)
        if np.isnan(bound):
            basic[:] = np.arange(n, n + rows)
            bound = start_from_basis(program, basis, fixed, active, n, limits, 0.0, matrix)
        return float(bound)

    for _ in range(MOST_STALLS):
        status, bound, _ = reoptimise(program, basis, fixed, active, n, start(), -np.inf, room)
        if status == CUT_OFF:
            return float(bound), prices, at_one
        if status == OPTIMAL:
            break
    # Prices afresh from the basis: errors of many pivots add up.
    return start(), prices, at_one
