"""Depth-first search over sets closed under requirements, bounded by priced closures.

At a node some items are in, with all that they need, and some out, with all that need them. Prices relax the
capacities; the free items' most profitable closure then bounds the node (`knapsolve.exact.closure_flow`), from the
flow and the prices of the node before. Prices move only until the bound falls to the cutoff or cannot: one resource
by cutting planes, which say so, several by Polyak's step towards the cutoff (Introduction to Optimization, 1987). An
excess larger than what the bound is above the cutoff fixes its item.

All state is in arrays that the caller keeps, so the search stops at any node and goes on where it stopped.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from knapsolve.exact.closure_fill import fill
from knapsolve.exact.closure_flow import load, raise_flow
from knapsolve.exact.closure_graph import spread

DONE, FOUND, PAUSED = 0, 1, 2
"""Outcomes of `search`."""

DEPTH, FIXED, READY, NODES, WORK = 0, 1, 2, 3, 4
"""Positions in `counters`: open decisions, fixed items, whether a node waits, nodes, arcs looked at."""

FILL_ARCS = 20_000
"""Arcs that filling up a selection may look at."""
LINE_STEPS = 20
"""Most prices tried at a node with one resource; with several, 8 and 2 a resource."""


@njit(cache=True, nogil=True)
def fix(item, value, start, ends, weight, worth, state, trail, counters, residual, base, found):  # type: ignore[no-untyped-def]
    """Decide an item and all that follows; return whether the capacities still hold."""
    count = spread(item, value, start, ends, state, found)
    fits = True
    for c in range(count):
        j = found[c]
        trail[counters[FIXED]] = j
        counters[FIXED] += 1
        if value == 1:
            base[0] += worth[j]
            for i in range(weight.shape[1]):
                residual[i] -= weight[j, i]
    for i in range(weight.shape[1]):
        if residual[i] < 0.0:
            fits = False
    return fits


@njit(cache=True, nogil=True)
def unfix(mark, weight, worth, state, trail, counters, residual, base):  # type: ignore[no-untyped-def]
    """Free every item decided since `mark` items were."""
    while counters[FIXED] > mark:
        counters[FIXED] -= 1
        j = trail[counters[FIXED]]
        if state[j] == 1:
            base[0] -= worth[j]
            for i in range(weight.shape[1]):
                residual[i] += weight[j, i]
        state[j] = 0


@njit(cache=True, nogil=True)
def search(  # type: ignore[no-untyped-def]
    worth, weight, start, needs, back, needed_by, arc, order, cutoff, record, tolerance, budget, counters, state, trail,
    residual, base, prices, flow, chosen, decision_item, decision_value, decision_bound, decision_mark, decision_price,
):  # fmt: skip
    """Search until the tree is done, a better selection is found or the budget is spent.

    Parameters
    ----------
    worth, weight
        Values (n,) and weights (n, m) of the items.
    start, needs, back, needed_by, arc
        Their graph, see `knapsolve.exact.closure_graph.Graph`.
    order
        (n,) items in the order in which selections are filled up.
    cutoff
        Nodes whose bound is at most this are not searched.
    record
        (1,) a selection worth more than this is returned, and noted here.
    tolerance
        See `knapsolve.exact.closure_flow.raise_flow`.
    budget
        Arcs to look at before pausing.
    counters, ..., decision_price
        The state. `state` (n,) is 0 for free items, 1 and -1 for those in and out; `residual` (m,) what is left of the
        capacities, `base` (1,) the value of what is in, `chosen` (n,) the selection found on `FOUND`. `decision_*`
        (n + 1,) is the stack of decisions whose opposite is still open, with the bound of their node.

    Returns
    -------
    int
        `DONE`, `FOUND` or `PAUSED`.
    """
    n, m = weight.shape
    excess, profit = np.empty(n), np.empty(n)
    level, queue, pointer = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    path, passed = np.empty(n, np.int64), np.empty(n, np.int64)
    share = np.zeros(n)
    used, price, best_price = np.empty(m), np.empty(m), np.empty(m)
    limit = counters[WORK] + budget
    while True:
        if counters[READY] == 0:
            if counters[WORK] > limit:
                return PAUSED
            while counters[DEPTH] > 0:
                counters[DEPTH] -= 1
                top = counters[DEPTH]
                unfix(decision_mark[top], weight, worth, state, trail, counters, residual, base)
                if decision_bound[top] > cutoff:
                    for i in range(m):
                        prices[i] = decision_price[top, i]
                    value = -decision_value[top]
                    item = decision_item[top]
                    if value == 1:
                        fits = fix(item, 1, start, needs, weight, worth, state, trail, counters, residual, base, queue)
                    else:
                        fits = fix(item, -1, back, needed_by, weight, worth, state, trail, counters, residual, base,
                                   queue)  # fmt: skip
                    if fits:
                        counters[READY] = 1
                        break
            if counters[READY] == 0:
                return DONE
            counters[NODES] += 1
        counters[READY] = 0
        # Bound the node: lower the prices' bound until it falls to the cutoff or is known not to.
        lowest, steps, dead = np.inf, 0, False
        over_price, over_bound, over_slope = -1.0, 0.0, 0.0
        under_price, under_bound, under_slope = -1.0, 0.0, 0.0
        over_seen, under_seen = False, False
        for j in range(n):
            share[j] = 0.0
        for i in range(m):
            price[i] = prices[i]
        total_share = 0.0
        most = LINE_STEPS if m == 1 else 8 + 2 * m
        while steps < most:
            steps += 1
            free = 0
            for j in range(n):
                if state[j] == 0:
                    free += 1
                    cost = 0.0
                    for i in range(m):
                        cost += price[i] * weight[j, i]
                    profit[j] = worth[j] - cost
            load(profit, start, needs, state, flow, excess)
            left = raise_flow(start, needs, back, needed_by, arc, state, flow, excess, tolerance, 1 << 60, level,
                              queue, pointer, path, passed)  # fmt: skip
            counters[WORK] += (1 << 60) - left + n + len(needs)
            bound = base[0]
            for i in range(m):
                bound += price[i] * residual[i]
                used[i] = residual[i]
            gained = 0.0
            for j in range(n):
                if state[j] == 0:
                    if excess[j] > 0.0:
                        bound += excess[j]
                    if level[j] < 0:
                        gained += worth[j]
                        for i in range(m):
                            used[i] -= weight[j, i]
            fits = True
            norm = 0.0
            for i in range(m):
                if used[i] < 0.0:
                    fits = False
                norm += used[i] * used[i]
            if fits:
                for j in range(n):
                    chosen[j] = state[j] == 1 or (state[j] == 0 and level[j] < 0)
                gained += fill(worth, weight, start, needs, order, state, chosen, used, FILL_ARCS, queue, pointer)
                if base[0] + gained > record[0]:
                    record[0] = base[0] + gained
                    counters[READY] = 1
                    for i in range(m):
                        prices[i] = price[i]
                    return FOUND
                # `fill` took from what was left: restore the slope.
                for i in range(m):
                    used[i] = residual[i]
                for j in range(n):
                    if state[j] == 0 and level[j] < 0:
                        for i in range(m):
                            used[i] -= weight[j, i]
            if bound <= cutoff or free == 0:
                dead = True
                break
            if bound < lowest:
                lowest = bound
                for i in range(m):
                    best_price[i] = price[i]
            changed = counters[FIXED]
            for j in range(n):
                if state[j] == 0 and abs(excess[j]) >= bound - cutoff:
                    if level[j] < 0:
                        if not fix(j, 1, start, needs, weight, worth, state, trail, counters, residual, base, queue):
                            dead = True
                            break
                    else:
                        fix(j, -1, back, needed_by, weight, worth, state, trail, counters, residual, base, queue)
            if dead:
                break
            if counters[FIXED] > changed:
                # The node is a smaller one now: what was seen of it no longer holds.
                over_seen, under_seen = False, False
                total_share = 0.0
                for j in range(n):
                    share[j] = 0.0
                continue
            if m == 1:
                for j in range(n):
                    if state[j] == 0 and level[j] < 0:
                        share[j] = 1.0 if fits else max(share[j], 0.5)
                if fits:
                    under_price, under_bound, under_slope, under_seen = price[0], bound, used[0], True
                else:
                    over_price, over_bound, over_slope, over_seen = price[0], bound, used[0], True
                if over_seen and under_seen:
                    # Lines through both points meet below everything the bound can be.
                    step = (under_bound - over_bound - under_slope * (under_price - over_price)) / (
                        over_slope - under_slope
                    )
                    meet = over_bound + over_slope * step
                    if meet > cutoff or meet >= min(over_bound, under_bound) - tolerance:
                        break
                    price[0] = max(over_price + step, 0.0)
                else:
                    if used[0] == 0.0:
                        break
                    target = price[0] - (bound - cutoff) / used[0]
                    if fits and target <= 0.0 and price[0] == 0.0:
                        break
                    price[0] = max(target, 0.0)
            else:
                total_share += 1.0
                for j in range(n):
                    if state[j] == 0 and level[j] < 0:
                        share[j] += 1.0
                if norm == 0.0 or bound > lowest + 4.0 * (lowest - cutoff):
                    break
                moved = False
                for i in range(m):
                    target = max(price[i] - (bound - cutoff) / norm * used[i], 0.0)
                    if target != price[i]:
                        moved = True
                    price[i] = target
                if not moved:
                    break
        if dead:
            continue
        for i in range(m):
            prices[i] = best_price[i]
        pick, score = -1, -1.0
        for j in range(n):
            if state[j] == 0:
                part = share[j] if m == 1 else share[j] / max(total_share, 1.0)
                part = (1.0 if part == 0.5 else 1e-6) if m == 1 else min(part, 1.0 - part) + 1e-6
                size = 0.0
                for i in range(m):
                    size += best_price[i] * weight[j, i]
                size = (size + abs(worth[j])) * part
                if size > score:
                    pick, score = j, size
        if pick < 0:
            continue
        top = counters[DEPTH]
        counters[DEPTH] = top + 1
        decision_item[top] = pick
        decision_value[top] = 1
        decision_bound[top] = lowest
        decision_mark[top] = counters[FIXED]
        for i in range(m):
            decision_price[top, i] = best_price[i]
        if fix(pick, 1, start, needs, weight, worth, state, trail, counters, residual, base, queue):
            counters[READY] = 1
            counters[NODES] += 1
