"""Requirements as a graph, both ways round, in arrays that kernels walk."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from knapsolve.kernels.jit import njit


class Graph(NamedTuple):
    """Who needs whom, as kernels take it."""

    start: NDArray[np.int64]  # (n + 1,) item a needs the items needs[start[a]:start[a + 1]]
    needs: NDArray[np.int64]  # (k,)
    back: NDArray[np.int64]  # (n + 1,) item b is needed by the items needed_by[back[b]:back[b + 1]]
    needed_by: NDArray[np.int64]  # (k,)
    arc: NDArray[np.int64]  # (k,) position in needs of each entry of needed_by


def graph_of(pairs: NDArray[np.int64], n: int) -> Graph:
    """Return the graph of requirements.

    Parameters
    ----------
    pairs
        Pairs (a, b), shape (k, 2): item a needs item b.
    n
        Number of items.
    """
    first, second = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
    start, order = group(first, n)
    needs = second[order]
    back, arc = group(needs, n)
    return Graph(start, needs, back, np.repeat(np.arange(n), np.diff(start))[arc], arc)


def restricted(graph: Graph, kept: NDArray[np.int64]) -> Graph:
    """Return the graph of some items, renumbered in their order; `kept` holds their indices, shape (c,)."""
    place = np.full(len(graph.start) - 1, -1)
    place[kept] = np.arange(len(kept))
    tail = place[np.repeat(np.arange(len(place)), np.diff(graph.start))]
    pairs = np.column_stack((tail, place[graph.needs]))
    return graph_of(pairs[(pairs >= 0).all(axis=1)], len(kept))


@njit(cache=True, nogil=True)
def group(keys, n):  # type: ignore[no-untyped-def]
    """Sort by key, an integer in 0..n-1, in two passes; return where each key starts (n + 1,) and the order (k,)."""
    start = np.zeros(n + 1, np.int64)
    for i in range(len(keys)):
        start[keys[i] + 1] += 1
    for key in range(n):
        start[key + 1] += start[key]
    order = np.empty(len(keys), np.int64)
    place = start.copy()
    for i in range(len(keys)):
        key = keys[i]
        order[place[key]] = i
        place[key] += 1
    return start, order


@njit(cache=True, nogil=True)
def spread(item, value, start, ends, state, changed):  # type: ignore[no-untyped-def]
    """Give a free item (state 0) and all free ones that follow along the arcs the state `value`.

    Parameters
    ----------
    item
        Where to begin.
    value
        State to give.
    start, ends
        Arcs to follow: `Graph.start` and `needs` to take items, `back` and `needed_by` to drop them.
    state
        (n,) states, changed in place.
    changed
        (n,) room; its first entries are the items that changed.

    Returns
    -------
    int
        How many items changed.
    """
    count = 0
    if state[item] == 0:
        state[item] = value
        changed[0] = item
        count = 1
    done = 0
    while done < count:
        here = changed[done]
        done += 1
        for k in range(start[here], start[here + 1]):
            there = ends[k]
            if state[there] == 0:
                state[there] = value
                changed[count] = there
                count += 1
    return count


def follow(graph: Graph, state: NDArray[np.int8]) -> tuple[int, int] | None:
    """Draw the consequences of what is in and out.

    Parameters
    ----------
    graph
        The requirements.
    state
        (n,) 0 free, 1 in, -1 out; changed in place.

    Returns
    -------
    tuple or None
        An item that is in and one that it needs but is out, where there is such a pair.
    """
    arc = _follow(graph, state, np.empty(len(state), np.int64))
    if arc < 0:
        return None
    return int(np.searchsorted(graph.start, arc, side="right")) - 1, int(graph.needs[arc])


@njit(cache=True, nogil=True)
def _follow(graph, state, queue):  # type: ignore[no-untyped-def]
    """Kernel of `follow`: the arc of a contradiction, or -1; `queue` (n,) is room."""
    for value, first, ends in ((1, graph.start, graph.needs), (-1, graph.back, graph.needed_by)):
        count, done = 0, 0
        for j in range(len(state)):
            if state[j] == value:
                queue[count] = j
                count += 1
        while done < count:
            here = queue[done]
            done += 1
            for k in range(first[here], first[here + 1]):
                there = ends[k]
                if state[there] == 0:
                    state[there] = value
                    queue[count] = there
                    count += 1
                elif value == 1 and state[there] == -1:
                    return k
    return -1
