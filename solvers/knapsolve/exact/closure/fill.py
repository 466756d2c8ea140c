"""Filling a selection up with items and what they still need."""

from __future__ import annotations

from knapsolve.kernels.jit import njit


@njit(cache=True, nogil=True)
def fill(program, order, state, chosen, left, budget, room):  # type: ignore[no-untyped-def]  # noqa: C901
    """Add items in order, each with all it still needs, where they gain and fit.

    Parameters
    ----------
    program
        The items, see `knapsolve.exact.closure.core.Core.program`.
    order
        Items in the order to try.
    state
        (n,) 0 for the items that may be added.
    chosen
        (n,) the selection, closed under requirements; changed in place.
    left
        (m,) what it leaves of the capacities; changed in place.
    budget
        Arcs to look at; the rest of the items is passed over then.
    room
        (2, n) integers of no meaning.

    Returns
    -------
    float
        What was gained.
    """
    worth, weight, graph = program
    start, needs = graph[0], graph[1]
    n, m = weight.shape
    gained = 0.0
    missing, mark = room[0], room[1]
    for j in range(n):
        mark[j] = -1
    for item in order:
        if chosen[item] or state[item] != 0:
            continue
        count, done, fits = 1, 0, True
        missing[0] = item
        mark[item] = item
        gain = worth[item]
        for i in range(m):
            left[i] -= weight[item, i]
            if left[i] < 0.0:
                fits = False
        while fits and done < count:
            here = missing[done]
            done += 1
            budget -= 1 + start[here + 1] - start[here]
            for k in range(start[here], start[here + 1]):
                there = needs[k]
                if not chosen[there] and mark[there] != item:
                    mark[there] = item
                    missing[count] = there
                    count += 1
                    gain += worth[there]
                    for i in range(m):
                        left[i] -= weight[there, i]
                        if left[i] < 0.0:
                            fits = False
                    if not fits:
                        break
        if fits and gain > 0.0:
            gained += gain
            for c in range(count):
                chosen[missing[c]] = True
        else:
            for c in range(count):
                for i in range(m):
                    left[i] += weight[missing[c], i]
        if budget < 0:
            break
    return gained
