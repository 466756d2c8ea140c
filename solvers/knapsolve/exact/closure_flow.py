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


@njit(cache=True, nogil=True)
def load(profit, start, needs, state, flow, excess):  # type: ignore[no-untyped-def]
    """Set the excess of free items from their profits and the flow; clear the flow on all other arcs.

    Parameters
    ----------
    profit
        (n,) profit of each item.
    start, needs
        See `knapsolve.exact.closure_graph.Graph`.
    state
        (n,) 0 for free items.
    flow
        (k,) flow on each arc.
    excess
        (n,) written.
    """
    n = len(profit)
    for j in range(n):
        excess[j] = profit[j] if state[j] == 0 else 0.0
    for a in range(n):
        for k in range(start[a], start[a + 1]):
            if flow[k] > 0.0:
                b = needs[k]
                if state[a] == 0 and state[b] == 0:
                    excess[a] -= flow[k]
                    excess[b] += flow[k]
                else:
                    flow[k] = 0.0


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def raise_flow(  # type: ignore[no-untyped-def]
    start, needs, back, needed_by, arc, state, flow, excess, tolerance, budget, level, queue, pointer, path, passed,
):  # fmt: skip
    """Raise the flow until no surplus reaches a deficit, or the budget is spent.

    Parameters
    ----------
    start, needs, back, needed_by, arc
        The graph, see `knapsolve.exact.closure_graph.Graph`.
    state
        (n,) 0 for free items.
    flow, excess
        (k,) and (n,), see the module's text; changed in place.
    tolerance
        Surpluses and deficits up to this count as none.
    budget
        Arcs to look at before giving up.
    level
        (n,) written: where the flow is maximum, -1 for the items of the largest closure of maximum profit.
    queue, pointer, path, passed
        (n,) room.

    Returns
    -------
    int
        What is left of the budget; negative where the flow is not maximum.
    """
    n = len(excess)
    while True:
        count = layer(start, needs, back, needed_by, state, flow, excess, tolerance, level, queue)
        if count < 0:
            return max(budget, 0)
        budget -= n
        for q in range(count):
            pointer[queue[q]] = 0
            budget -= start[queue[q] + 1] - start[queue[q]] + back[queue[q] + 1] - back[queue[q]]
        for q in range(count):
            source = queue[q]
            while excess[source] > tolerance and level[source] > 0:
                if budget < 0:
                    return -1
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

