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

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from knapsolve.kernels.graph import Graph
from knapsolve.kernels.jit import njit

PRUNED, SURE, OPEN, STOPPED = 0, 1, 2, 3
"""Outcomes of `lower`."""
LOWEST, WORTH, BOUND, FITTING = 0, 1, 2, 3
"""Positions in `Seen.sums`."""


class Program(NamedTuple):
    """Items under requirements."""

    worth: NDArray[np.float64]  # (n,) values
    weight: NDArray[np.float64]  # (n, m)
    graph: Graph


class Decided(NamedTuple):
    """Which items are in and out, and what that leaves; all changed in place."""

    state: NDArray[np.int8]  # (n,) 0 for free items, 1 for those in, -1 for those out
    trail: NDArray[np.int64]  # (n,) items in the order in which they were decided
    height: NDArray[np.int64]  # (1,) how many they are
    residual: NDArray[np.float64]  # (m,) what the items in leave of the capacities
    base: NDArray[np.float64]  # (1,) their value


class Flow(NamedTuple):
    """A flow, see the module's text, and the room in which it is raised; all changed in place."""

    paid: NDArray[np.float64]  # (k,) what an item pays along each arc for what it needs; any amounts >= 0 to begin with
    excess: NDArray[np.float64]  # (n,) of free items
    level: NDArray[np.int64]  # (n,) arcs from a free item to the nearest deficit, -1 where there is no way
    room: NDArray[np.int64]  # (4, n) integers of no meaning
    tolerance: float  # surpluses and deficits up to this count as none


class Seen(NamedTuple):
    """What the closures seen at a node say; all written."""

    share: NDArray[np.float64]  # (n,) how much they disagree on each free item, -1 for decided ones
    used: NDArray[np.float64]  # (m,) what the last closure uses of the capacities
    fitting: NDArray[np.bool_]  # (n,) the free items of the most valuable closure that fits
    fitting_used: NDArray[np.float64]  # (m,) what that one uses
    sums: NDArray[np.float64]  # (4,) lowest bound, the last closure's value and bound, value of the fitting one or -inf


@njit(inline="always")
def named(arrays):  # type: ignore[no-untyped-def]
    """Give a program, what is decided and a flow their names back; they come as plain tuples.

    At every call from Python Numba reads the names of all fields, which takes as long as a small node does.
    """
    worth, weight, graph = arrays[0]
    return Program(worth, weight, Graph(*graph)), Decided(*arrays[1]), Flow(*arrays[2])


@njit(inline="always")
def load(program, prices, state, flow):  # type: ignore[no-untyped-def]
    """Set the excess of free items from values, prices and the flow; clear the flow on all other arcs."""
    worth, weight, start, needs = program.worth, program.weight, program.graph.start, program.graph.needs
    paid, excess = flow.paid, flow.excess
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
            if paid[k] > 0.0:
                b = needs[k]
                if state[a] == 0 and state[b] == 0:
                    excess[a] -= paid[k]
                    excess[b] += paid[k]
                else:
                    paid[k] = 0.0


@njit(inline="always")
def layer(graph, state, flow):  # type: ignore[no-untyped-def]
    """Set the levels of the free items.

    Returns
    -------
    int
        How many items have a way, their indices the first of the queue; negative where no surplus is among them.
    """
    start, needs, back, needed_by = graph.start, graph.needs, graph.back, graph.needed_by
    paid, excess, level, queue, tolerance = flow.paid, flow.excess, flow.level, flow.room[0], flow.tolerance
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
            if paid[k] > 0.0 and level[there] < 0 and state[there] == 0:
                level[there] = level[here] + 1
                queue[count] = there
                count += 1
    return count if useful else -count - 1


@njit(inline="always")
def raise_flow(graph, state, flow, budget):  # type: ignore[no-untyped-def]  # noqa: C901
    """Raise the flow until no surplus reaches a deficit; return what is left of the budget, negative if it ran out."""
    start, needs, back, needed_by, arc = graph.start, graph.needs, graph.back, graph.needed_by, graph.arc
    paid, excess, level, tolerance = flow.paid, flow.excess, flow.level, flow.tolerance
    queue, pointer, path, passed = flow.room[0], flow.room[1], flow.room[2], flow.room[3]
    n = len(excess)
    while budget >= 0:
        count = layer(graph, state, flow)
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
                                step, usable = -k - 1, paid[k] > 0.0
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
                        amount = min(amount, paid[-path[d] - 1])
                for d in range(depth):
                    if path[d] < 0:
                        paid[-path[d] - 1] -= amount
                    else:
                        paid[path[d]] += amount
                excess[source] -= amount
                excess[here] += amount
    return budget


@njit(cache=True, nogil=True)
def lower(arrays, seen, prices, cutoff, most, budget, fresh):  # type: ignore[no-untyped-def]  # noqa: C901
    """Lower the bound on what the free items can add over the prices of the capacities, towards the cutoff.

    Parameters
    ----------
    arrays
        See `named`. The levels are left at -1 for the free items of the last closure, the largest of the most
        profitable.
    seen
        A `Seen`, as a plain tuple.
    prices
        (m,) prices to begin with; left at those of the lowest bound.
    cutoff
        The bound need not fall below this.
    most
        Most prices to try.
    budget
        Arcs to look at before giving up.
    fresh
        Whether the prices or the state are new; False goes on where the budget ended.

    Returns
    -------
    status, left
        `PRUNED` where the bound fell to the cutoff, `SURE` where an excess fixes its item, `OPEN` otherwise, `STOPPED`
        where the budget ran out; and what is left of the budget.
    """
    program, decided, flow = named(arrays)
    worth, weight = program.worth, program.weight
    state, residual, base = decided.state, decided.residual, decided.base[0]
    excess, level = flow.excess, flow.level
    share, used, fitting, fitting_used, sums = seen
    n, m = weight.shape
    price = np.empty(m)
    for i in range(m):
        price[i] = prices[i]
    for j in range(n):
        share[j] = 0.0
        fitting[j] = False
    sums[LOWEST], sums[FITTING] = np.inf, -np.inf
    line = np.empty((2, 3))
    over, under = False, False
    steps = 0
    while steps < most:
        steps += 1
        if fresh:
            load(program, price, state, flow)
        budget = raise_flow(program.graph, state, flow, budget)
        bound, gained, largest, free = base, 0.0, 0.0, False
        for i in range(m):
            used[i] = 0.0
            bound += price[i] * residual[i]
        for j in range(n):
            if state[j] == 0:
                free = True
                bound += max(excess[j], 0.0)
                largest = max(largest, abs(excess[j]))
                if level[j] < 0:
                    gained += worth[j]
                    for i in range(m):
                        used[i] += weight[j, i]
        sums[WORTH], sums[BOUND] = gained, bound
        if bound < sums[LOWEST]:
            sums[LOWEST] = bound
            for i in range(m):
                prices[i] = price[i]
        if budget < 0:
            return STOPPED, budget
        fits, norm = True, 0.0
        for i in range(m):
            slack = residual[i] - used[i]
            fits = fits and slack >= 0.0
            norm += slack * slack
        if fits and gained > sums[FITTING]:
            sums[FITTING] = gained
            for i in range(m):
                fitting_used[i] = used[i]
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
            line[side, 0], line[side, 1], line[side, 2] = price[0], bound, residual[0] - used[0]
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
                target = price[0] - (bound - cutoff) / (residual[0] - used[0])
            target = max(target, 0.0)
            if target == price[0]:
                break
            price[0] = target
        else:
            # Polyak's step: down the slope, as far as the cutoff would be were it straight.
            moved = False
            if norm > 0.0 and bound <= sums[LOWEST] + 4.0 * (sums[LOWEST] - cutoff):
                for i in range(m):
                    target = max(price[i] - (bound - cutoff) / norm * (residual[i] - used[i]), 0.0)
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
