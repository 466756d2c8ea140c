"""What requirements alone decide: forced items pull what they need, cycles stand or fall together, and an item that
does not fit with all it needs is out, with all that need it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from knapsolve.kernels.graph import Graph, spread
from knapsolve.kernels.jit import njit

MOST_ARCS = 20_000_000
"""Arcs that the search for oversized items looks at before it leaves the rest as they are: some tenths of a second."""


def drop_oversized(
    graph: Graph, weights: NDArray[np.float64], limits: NDArray[np.float64], state: NDArray[np.int8]
) -> int:
    """Drop items that do not fit together with the free items that they need, and all that need those.

    Parameters
    ----------
    graph
        The requirements.
    weights
        Weights, shape (n, m).
    limits
        What the items that are in leave of the capacities, shape (m,).
    state
        (n,) 0 free, 1 in, -1 out; changed in place.

    Returns
    -------
    int
        How many items were dropped.
    """
    free = state == 0
    if (weights[free].sum(axis=0) <= limits).all():
        return 0
    # A margin above rounding: what is left in costs nothing but time.
    n, loose = len(state), limits * (1 + 1e-12)
    queue, mark, changed = np.empty(n, np.int64), np.full(n, -1), np.empty(n, np.int64)
    return int(_drop_oversized(graph, weights, loose, state, MOST_ARCS, queue, mark, changed))


@njit(cache=True, nogil=True)
def _drop_oversized(graph, weights, limits, state, budget, queue, mark, changed):  # type: ignore[no-untyped-def]
    """Kernel of `drop_oversized`; `queue`, `mark` (-1 to begin with) and `changed`, (n,) each, are room."""
    start, needs = graph.start, graph.needs
    n, m = weights.shape
    used = np.empty(m)
    dropped = 0
    for item in range(n):
        if state[item] != 0:
            continue
        for i in range(m):
            used[i] = 0.0
        queue[0], count, done, fits = item, 1, 0, True
        mark[item] = item
        while done < count and fits:
            here = queue[done]
            done += 1
            for i in range(m):
                used[i] += weights[here, i]
                if used[i] > limits[i]:
                    fits = False
            budget -= start[here + 1] - start[here] + 1
            for k in range(start[here], start[here + 1]):
                there = needs[k]
                if state[there] == 0 and mark[there] != item:
                    mark[there] = item
                    queue[count] = there
                    count += 1
        if not fits:
            dropped += spread(item, -1, graph.back, graph.needed_by, state, changed)
        if budget < 0:
            break
    return dropped


def cycles(graph: Graph, state: NDArray[np.int8]) -> list[NDArray[np.int64]]:
    """Return the sets of two or more free items that need each other, each sorted.

    Parameters
    ----------
    graph
        The requirements.
    state
        (n,) 0 for free items.
    """
    n = len(state)
    doubtful = _peel(graph, state, np.empty(n, np.int64), np.empty(n, np.int64))
    if not doubtful.any():
        return []
    import networkx

    tail = np.repeat(np.arange(len(state)), np.diff(graph.start))
    among = doubtful[tail] & doubtful[graph.needs]
    digraph = networkx.DiGraph(zip(tail[among].tolist(), graph.needs[among].tolist(), strict=True))
    condensed = networkx.condensation(digraph)
    sets = (members for _, members in condensed.nodes(data="members"))
    return sorted((np.array(sorted(members)) for members in sets if len(members) > 1), key=lambda members: members[0])


@njit(cache=True, nogil=True)
def _peel(graph, state, degree, queue):  # type: ignore[no-untyped-def]
    """Return which free items stay where those that need none, then those that none needs, go again and again."""
    start, needs, back, needed_by = graph.start, graph.needs, graph.back, graph.needed_by
    left = np.empty(len(state), np.bool_)
    for j in range(len(state)):
        left[j] = state[j] == 0
    for first, ends, other, others in ((start, needs, back, needed_by), (back, needed_by, start, needs)):
        count, done = 0, 0
        for j in range(len(state)):
            degree[j] = 0
            if left[j]:
                for k in range(first[j], first[j + 1]):
                    if left[ends[k]]:
                        degree[j] += 1
                if degree[j] == 0:
                    queue[count] = j
                    count += 1
        while done < count:
            here = queue[done]
            done += 1
            left[here] = False
            for k in range(other[here], other[here + 1]):
                there = others[k]
                if left[there]:
                    degree[there] -= 1
                    if degree[there] == 0:
                        queue[count] = there
                        count += 1
    return left
