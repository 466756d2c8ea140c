"""Bellman's dynamic programme over the capacity, for one resource with whole weights.

``best[c]`` is the most valuable selection of the items so far that weighs at most c. Values need only the last row;
selections are recovered without keeping all rows: the items are halved, the best split of the capacity between the
halves is read off their two value rows, and each half is solved again within its share (Hirschberg's divide and
conquer). That takes twice the time and O(capacity) memory instead of O(n * capacity); small blocks keep one bit an
item and capacity instead.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.heuristics.greedy import Greedy
from knapsolve.kernels.jit import njit
from knapsolve.limits import clock
from knapsolve.limits.interruption import late
from knapsolve.problem import Knapsack
from knapsolve.relaxation.dual import minimise_dual
from knapsolve.solution import evaluate, refuse
from knapsolve.solver import Answer, Capabilities, Options

BLOCK_BITS = 2**28
"""Bits of the decision table below which a block is solved in one go (32 MB)."""
CHUNK_CELLS = 2**26
"""Cells between two looks at the clock."""


class OutOfTimeError(Exception):
    """The time limit struck in the middle of a table."""


class Bellman:
    """Dynamic programme over one capacity. See the module's text."""

    name = "bellman"
    capabilities = Capabilities(exact=True, dimensions=1, integer_weights=True, anytime=True)

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Return the optimum; where time runs out, the greedy selection and the dual bound.

        Raises
        ------
        MemoryError
            If the table would not fit in the memory that is free; the message names the need.
        """
        deadline = None if options.time_limit is None else clock.now() + options.time_limit
        items, values, weights, capacity = _reduce(problem)
        need = 5 * 8 * (capacity + 1) + BLOCK_BITS // 8
        if need > (free := free_memory()):
            raise MemoryError(
                f"solver 'bellman' needs {need / 1e9:.1f} GB for a capacity of {capacity}, {free / 1e9:.1f} GB are "
                "free; use solver='auto'"
            )
        selected = np.zeros(problem.n, np.bool_)
        try:
            chosen = _recover(values, weights, capacity, deadline)
        except OutOfTimeError:
            return _greedy(problem, options, "bellman: out of time")
        if (used := int(weights[chosen].sum())) > capacity:
            return _greedy(problem, options, refuse("bellman, the table", f"it weighs {used} of {capacity}"))
        selected[items[chosen]] = True
        prices = minimise_dual(values, weights.reshape(1, -1), np.array([capacity])).prices if len(items) else None
        return Answer(selected, evaluate(problem, selected)[0], prices=prices, trace=("bellman: table completed",))


def _greedy(problem: Knapsack, options: Options, why: str) -> Answer:
    answer = Greedy().solve(problem, options)
    return replace(answer, solver="greedy", trace=(why,))


def table_cells(problem: Knapsack) -> float:
    """Return the number of table cells a solve would fill, about; infinite where memory does not suffice."""
    _, values, _, capacity = _reduce(problem)
    if 5 * 8 * (capacity + 1) + BLOCK_BITS // 8 > free_memory():
        return float("inf")
    return 2.0 * len(values) * (capacity + 1)


def free_memory() -> int:
    """Return the bytes of memory that a new array may take."""
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _reduce(
    problem: Knapsack,
) -> tuple[NDArray[np.int64], NDArray[np.float64] | NDArray[np.int64], NDArray[np.int64], int]:
    """Return items worth having, their values and weights, and the capacity, divided by what all weights share."""
    weights = problem.weights[0].astype(np.int64)
    limit = int(min(float(np.floor(problem.limits[0])), 2.0**62))
    items = np.flatnonzero((problem.values > 0) & (weights <= limit))
    weights = weights[items]
    capacity = min(limit, int(weights.sum()))
    divisor = int(np.gcd.reduce(weights)) if len(items) else 1
    if divisor > 1:
        weights, capacity = weights // divisor, capacity // divisor
    # The tables hold what fits exactly; ints stay ints.
    return items, problem.values[items], weights, capacity


def _recover(
    values: NDArray[np.float64] | NDArray[np.int64],
    weights: NDArray[np.int64],
    capacity: int,
    deadline: float | None,
) -> NDArray[np.bool_]:
    """Return an optimal selection, bool, shape (n,)."""
    n = len(values)
    capacity = min(capacity, int(weights.sum())) if n else 0
    if n * (capacity + 1) <= BLOCK_BITS or n == 1:
        chosen = solve_block(values, weights, capacity)
        _check(deadline)
        return np.asarray(chosen)
    middle = n // 2
    first = _best_row(values[:middle], weights[:middle], capacity, deadline)
    second = _best_row(values[middle:], weights[middle:], capacity, deadline)
    share = int(np.argmax(first + second[::-1]))
    return np.concatenate(
        (
            _recover(values[:middle], weights[:middle], share, deadline),
            _recover(values[middle:], weights[middle:], capacity - share, deadline),
        )
    )


def _best_row(
    values: NDArray[np.float64] | NDArray[np.int64],
    weights: NDArray[np.int64],
    capacity: int,
    deadline: float | None,
) -> NDArray[np.float64] | NDArray[np.int64]:
    """Return the best value for every capacity up to the given one, shape (capacity + 1,)."""
    row: NDArray[Any] = np.zeros(capacity + 1, values.dtype)
    chunk = max(1, CHUNK_CELLS // (capacity + 1))
    for start in range(0, len(values), chunk):
        add_items(row, values[start : start + chunk], weights[start : start + chunk])
        _check(deadline)
    return row


def _check(deadline: float | None) -> None:
    if late(deadline):
        raise OutOfTimeError


@njit(cache=True)
def add_items(row, values, weights):  # type: ignore[no-untyped-def]
    """Add items to a row of best values by capacity, (capacity + 1,), in place."""
    for j in range(len(values)):
        weight, value = weights[j], values[j]
        for c in range(len(row) - 1, weight - 1, -1):
            other = row[c - weight] + value
            if other > row[c]:
                row[c] = other


@njit(cache=True)
def solve_block(values, weights, capacity):  # type: ignore[no-untyped-def]
    """Solve with one decision bit an item and capacity; return the selection, bool, shape (n,)."""
    n = len(values)
    row = np.zeros(capacity + 1, values.dtype)
    words = (capacity >> 6) + 1
    decision = np.zeros((n, words), np.uint64)
    for j in range(n):
        weight, value = weights[j], values[j]
        for c in range(capacity, weight - 1, -1):
            other = row[c - weight] + value
            if other > row[c]:
                row[c] = other
                decision[j, c >> 6] |= np.uint64(1) << np.uint64(c & 63)
    chosen = np.zeros(n, np.bool_)
    left = capacity
    for j in range(n - 1, -1, -1):
        if (decision[j, left >> 6] >> np.uint64(left & 63)) & np.uint64(1):
            chosen[j] = True
            left -= weights[j]
    return chosen
