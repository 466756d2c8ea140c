"""Maximum-weight closure: the most profitable set of items that holds all that its items need.

Picard, "Maximal closure of a graph and applications to combinatorial problems", Management Science 22, 1976, reads it
off a minimum cut. Here a flow on the arcs of requirements lets an item pay for what it needs: item j is left with
``excess[j] = profit[j] - paid + received``, and for *any* flow >= 0 no closure is worth more than
``sum(max(0, excess))``, which is what bounds are made of. So the flow may be left over from other profits or other
free items (the pseudoflow's warm start: Hochbaum, Operations Research 56, 2008), may be stopped, and may round.

It is raised by blocking flows along shortest paths from items with a surplus to items with a deficit (Dinic, Soviet
Math. Doklady 11, 1970).
"""

from __future__ import annotations

import numpy as np
from numba import njit

PRUNED, SURE, OPEN, STOPPED = 0, 1, 2, 3
"""Outcomes of `lower`."""


@njit(inline="always")
def load(worth, weight, prices, start, needs, state, flow, excess):  # type: ignore[no-untyped-def]
    """Set the excess of free items from values, prices and the flow; clear the flow on all other arcs."""
    n, m = weight.shape
    for j in range(n):
        excess[j] = 0.0
        if state[j] == 0:
            profit = worth[j]
            for i in range(m):
                profit -= prices[i] * weight[j, i]
            excess[j] = profit
    for a in range(n):
        for k in range(start[a], start[a + 1]):
            if flow[k] > 0.0:
                b = needs[k]
                if state[a] == 0 and state[b] == 0:
                    excess[a] -= flow[k]
                    excess[b] += flow[k]
                else:
                    flow[k] = 0.0


@njit(inline="always")
def layer(start, needs, back, needed_by, state, flow, excess, tolerance, level, queue):  # type: ignore[no-untyped-def]
    """Set `level` to the number of arcs from each free item to the nearest deficit, -1 where there is no way.

    Returns
    -------
    int
        How many items have a way, their indices the first of `queue`; negative where no surplus is among them.
    """
    count, useful = 0, False
    for j in range(len(level)):
        level[j] = -1
        if state[j] == 0 and excess[j] < -tolerance:
            level[j] = 0
            queue[count] = j
            count += 1
    done = 0
    while done < count:
        here = queue[done]
        done += 1
        if excess[here] > tolerance:
            useful = True
        for k in range(back[here], back[here + 1]):
            there = needed_by[k]
            if level[there] < 0 and state[there] == 0:
                level[there] = level[here] + 1
                queue[count] = there
                count += 1
        for k in range(start[here], start[here + 1]):
            there = needs[k]
            if flow[k] > 0.0 and level[there] < 0 and state[there] == 0:
                level[there] = level[here] + 1
                queue[count] = there
                count += 1
    return count if useful else -count - 1


@njit(inline="always")
def raise_flow(  # type: ignore[no-untyped-def]
    start, needs, back, needed_by, arc, state, flow, excess, tolerance, budget, level, queue, pointer, path, passed,
):  # fmt: skip
    """Raise the flow until no surplus reaches a deficit; return what is left of the budget, negative if it ran out."""
    n = len(excess)
    while budget >= 0:
        count = layer(start, needs, back, needed_by, state, flow, excess, tolerance, level, queue)
        if count < 0:
            break
        budget -= n
        for q in range(count):
            pointer[queue[q]] = 0
            budget -= start[queue[q] + 1] - start[queue[q]] + back[queue[q] + 1] - back[queue[q]]
        for q in range(count):
            source = queue[q]
            while excess[source] > tolerance and level[source] > 0:
                if budget < 0:
                    break
                # One step of a depth-first walk along falling levels at a time; path holds arcs, ~k against arc k.
                here, depth = source, 0
                while True:
                    if level[here] == 0 and excess[here] < -tolerance:
                        break
                    outward = start[here + 1] - start[here]
                    total = outward + back[here + 1] - back[here]
                    moved = False
                    if level[here] > 0:
                        while pointer[here] < total:
                            if pointer[here] < outward:
                                k = start[here] + pointer[here]
                                there = needs[k]
                                step, usable = k, True
                            else:
                                entry = back[here] + pointer[here] - outward
                                k = arc[entry]
                                there = needed_by[entry]
                                step, usable = -k - 1, flow[k] > 0.0
                            if usable and state[there] == 0 and level[there] == level[here] - 1:
                                path[depth] = step
                                passed[depth] = here
                                depth += 1
                                here = there
                                moved = True
                                break
                            pointer[here] += 1
                    if moved:
                        continue
                    level[here] = n + 1
                    if depth == 0:
                        break
                    depth -= 1
                    here = passed[depth]
                    pointer[here] += 1
                budget -= depth + 1
                if level[source] > n:
                    break
                amount = min(excess[source], -excess[here])
                for d in range(depth):
                    if path[d] < 0:
                        amount = min(amount, flow[-path[d] - 1])
                for d in range(depth):
                    if path[d] < 0:
                        flow[-path[d] - 1] -= amount
                    else:
                        flow[path[d]] += amount
                excess[source] -= amount
                excess[here] += amount
    return budget


@njit(cache=True, nogil=True)
def lower(  # type: ignore[no-untyped-def]
    worth, weight, start, needs, back, needed_by, arc, state, residual, base, cutoff, tolerance, most, budget, fresh,
    prices, flow, excess, level, room, share, fitting, used, line, sums,
):  # fmt: skip
    """Lower the bound on what the free items can add over the prices of the capacities, towards the cutoff.

    Parameters
    ----------
    worth, weight
        Values (n,) and weights (n, m).
    start, needs, back, needed_by, arc
        The graph, see `knapsolve.kernels.graph.Graph`.
    state
        (n,) 0 for free items.
    residual, base
        (m,) what the decided items leave of the capacities, and their value.
    cutoff
        The bound need not fall below this.
    tolerance
        Surpluses and deficits up to this count as none.
    most
        Most prices to try.
    budget
        Arcs to look at before giving up.
    fresh
        Whether the prices or the state are new; False goes on where the budget ended.
    prices
        (m,) prices to begin with; left at those of the lowest bound.
    flow, excess
        (k,) and (n,), see the module's text; changed in place. Any flow >= 0 may be given.
    level
        (n,) written: -1 for the free items of the last closure, the largest of the most profitable ones.
    room
        (4, n) integers of no meaning.
    share
        (n,) written: how much the closures seen disagree on each item.
    fitting
        (n,) written: the free items of the most valuable closure seen that fits.
    used
        (2, m) written: what the last closure and the fitting one use of the capacities.
    line
        (2, 3) floats of no meaning.
    sums
        (5,) written: the lowest bound, the last closure's value and bound, its largest absolute excess, and the value
        of the fitting closure, minus infinity where there is none.

    Returns
    -------
    status, left
        `PRUNED` where the bound fell to the cutoff, `SURE` where an excess fixes its item, `OPEN` otherwise, `STOPPED`
        where the budget ran out; and what is left of the budget.
    """
    n, m = weight.shape
    price = np.empty(m)
    for i in range(m):
        price[i] = prices[i]
    for j in range(n):
        share[j] = 0.0
        fitting[j] = False
    sums[0], sums[4] = np.inf, -np.inf
    over, under = False, False
    steps = 0
    while steps < most:
        steps += 1
        if fresh:
            load(worth, weight, price, start, needs, state, flow, excess)
        budget = raise_flow(
            start, needs, back, needed_by, arc, state, flow, excess, tolerance, budget, level, room[0], room[1],
            room[2], room[3],
        )  # fmt: skip
        bound, gained, largest, free = base, 0.0, 0.0, False
        for i in range(m):
            used[0, i] = 0.0
            bound += price[i] * residual[i]
        for j in range(n):
            if state[j] == 0:
                free = True
                bound += max(excess[j], 0.0)
                largest = max(largest, abs(excess[j]))
                if level[j] < 0:
                    gained += worth[j]
                    for i in range(m):
                        used[0, i] += weight[j, i]
        sums[1], sums[2], sums[3] = gained, bound, largest
        if bound < sums[0]:
            sums[0] = bound
            for i in range(m):
                prices[i] = price[i]
        if budget < 0:
            return STOPPED, budget
        fits, norm = True, 0.0
        for i in range(m):
            slack = residual[i] - used[0, i]
            fits = fits and slack >= 0.0
            norm += slack * slack
        if fits and gained > sums[4]:
            sums[4] = gained
            for i in range(m):
                used[1, i] = used[0, i]
            for j in range(n):
                fitting[j] = state[j] == 0 and level[j] < 0
        if bound <= cutoff or not free:
            return PRUNED, budget
        if largest >= bound - cutoff:
            return SURE, budget
        for j in range(n):
            if state[j] == 0 and level[j] < 0:
                if m > 1:
                    share[j] += 1.0
                else:
                    share[j] = 0.0 if fits else 1.0
        if steps == most:
            break
        if m == 1:
            # A closure too heavy and one that fits close in on the lowest bound.
            side = 0 if fits else 1
            line[side, 0], line[side, 1], line[side, 2] = price[0], bound, residual[0] - used[0, 0]
            under, over = under or fits, over or not fits
            target = 0.0
            if over and under:
                # No bound is below the lines through both points, so none is below where they meet.
                step = (line[0, 1] - line[1, 1] - line[0, 2] * (line[0, 0] - line[1, 0])) / (line[1, 2] - line[0, 2])
                meet = line[1, 1] + line[1, 2] * step
                if meet > cutoff or meet >= min(line[0, 1], line[1, 1]) * (1.0 - 1e-12):
                    break
                target = line[1, 0] + step
            elif norm == 0.0:
                break
            else:
                target = price[0] - (bound - cutoff) / (residual[0] - used[0, 0])
            target = max(target, 0.0)
            if target == price[0]:
                break
            price[0] = target
        else:
            # Polyak's step: down the slope, as far as the cutoff would be were it straight.
            moved = False
            if norm > 0.0 and bound <= sums[0] + 4.0 * (sums[0] - cutoff):
                for i in range(m):
                    target = max(price[i] - (bound - cutoff) / norm * (residual[i] - used[0, i]), 0.0)
                    moved = moved or target != price[i]
                    price[i] = target
            if not moved:
                break
        fresh = True
    for j in range(n):
        part = share[j] / steps if m > 1 else share[j]
        if m == 1:
            part = 0.5 * share[j] if not fitting[j] else 0.0
        share[j] = min(part, 1.0 - part) + 1e-6 if state[j] == 0 else -1.0
    return OPEN, budget
