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
    """Raise the flow until no surplus reaches a deficit; return what is left of the budget, negative where it ran out."""
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
def close(  # type: ignore[no-untyped-def]
    worth, weight, prices, start, needs, back, needed_by, arc, state, flow, excess, tolerance, budget, fresh, level, room,
    used, sums,
):  # fmt: skip
    """Find the most profitable closure of the free items at prices.

    Parameters
    ----------
    worth, weight
        Values (n,) and weights (n, m).
    prices
        Price per unit of each resource, shape (m,).
    start, needs, back, needed_by, arc
        The graph, see `knapsolve.exact.closure_graph.Graph`.
    state
        (n,) 0 for free items.
    flow, excess
        (k,) and (n,), see the module's text; changed in place. Any flow >= 0 may be given.
    tolerance
        Surpluses and deficits up to this count as none.
    budget
        Arcs to look at before giving up.
    fresh
        Whether the prices or the state are new; False goes on where the budget ended.
    level
        (n,) written: where the flow is maximum, -1 for the items of the largest closure of maximum profit.
    room
        (4, n) integers of no meaning.
    used
        (m,) written: the closure's weights.
    sums
        (3,) written: what no closure is worth more than at these prices, the closure's value, and the largest
        absolute excess.

    Returns
    -------
    int
        What is left of the budget; negative where it ran out, and the closure is unknown.
    """
    n, m = weight.shape
    if fresh:
        load(worth, weight, prices, start, needs, state, flow, excess)
    left = raise_flow(
        start, needs, back, needed_by, arc, state, flow, excess, tolerance, budget, level, room[0], room[1], room[2],
        room[3],
    )  # fmt: skip
    for i in range(m):
        used[i] = 0.0
    for i in range(3):
        sums[i] = 0.0
    for j in range(n):
        if state[j] == 0:
            sums[0] += max(excess[j], 0.0)
            sums[2] = max(sums[2], abs(excess[j]))
            if level[j] < 0:
                sums[1] += worth[j]
                for i in range(m):
                    used[i] += weight[j, i]
    return left
