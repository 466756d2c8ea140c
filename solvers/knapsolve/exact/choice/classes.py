"""A multiple-choice problem as classes of options: of each class exactly one option is taken.

"At most one" becomes "exactly one" with an empty option of no value and no weight; a free item is a class of its own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from knapsolve.kernels.jit import njit
from knapsolve.problem import Knapsack

EMPTY = -1
"""Item of an empty option."""


class Classes(NamedTuple):
    """Options side by side, class after class."""

    start: NDArray[np.int64]  # (C + 1,) first option of each class, and the number of options
    item: NDArray[np.int64]  # (N,) item that each option stands for, or EMPTY
    value: NDArray[np.float64]  # (N,)
    weight: NDArray[np.float64]  # (N, m)
    limits: NDArray[np.float64]  # (m,) capacities, a rounding error below the problem's where weights are real

    def selection(self, options: NDArray[np.int64], n: int) -> NDArray[np.bool_]:
        """Return the selection, bool, shape (n,), that one option a class, shape (C,), stands for."""
        items = self.item[options]
        selected = np.zeros(n, np.bool_)
        selected[items[items >= 0]] = True
        return selected


def classes_of(problem: Knapsack) -> Classes:
    """Group the items of a problem into classes; options that can never be taken are left out.

    Left out are options too heavy for a capacity and, beside an empty option, those without value. A class may end
    up without any option: then no selection takes exactly one of each.
    """
    # Float residuals are summed in another order by the final check: stay a rounding error below the limits.
    limits = problem.limits if problem.integer_weights else problem.limits * (1 - 1e-13)
    labels, count = _labels(problem)
    if problem.type_weights is None:
        table, kind = problem.weights, np.zeros(0, np.int64)
    else:
        assert problem.item_type is not None
        table, kind = problem.type_weights, problem.item_type
    start, item, value, weight = group(
        problem.values, table, kind, limits, labels, count, bool(problem.choices is not None and problem.exactly_one)
    )
    return Classes(start, item, value, weight, limits.astype(np.float64))


def _labels(problem: Knapsack) -> tuple[NDArray[np.int64], int]:
    """Return labels of at most a small multiple of n, shape (n,), -1 where free, and how many there may be."""
    if problem.choices is None:
        return np.full(problem.n, -1, np.int64), 0
    labels: NDArray[Any] = problem.choices
    largest = int(labels.max(initial=-1))
    if largest < 4 * problem.n:
        return labels, largest + 1
    known, dense = np.unique(labels, return_inverse=True)
    free = int(known[0] == -1)
    return dense.reshape(-1).astype(np.int64) - free, len(known) - free


@njit(cache=True)
def group(values, table, kind, limits, labels, count, exactly_one):  # type: ignore[no-untyped-def]  # noqa: C901
    """Group items by label (counting sort), keeping the order within a label.

    Parameters
    ----------
    values
        (n,) values.
    table, kind
        (m, n) weights and an empty array, or (m, T) weights by type and (n,) types.
    limits
        (m,) capacities.
    labels
        (n,) labels below `count`, -1 for items on their own.
    count
        Upper limit of the labels.
    exactly_one
        Whether labelled classes go without an empty option.

    Returns
    -------
    start, item, value, weight
        As in `Classes`.
    """
    n, m = len(values), len(limits)
    typed = len(kind) > 0
    size = np.zeros(count, np.int64)
    present = np.zeros(count, np.bool_)
    keep = np.ones(n, np.bool_)
    alone = 0
    for j in range(n):
        column = kind[j] if typed else j
        for i in range(m):
            if table[i, column] > limits[i]:
                keep[j] = False
        label = labels[j]
        if (label < 0 or not exactly_one) and values[j] <= 0:
            keep[j] = False
        if label >= 0:
            present[label] = True
            if keep[j]:
                size[label] += 1
        elif keep[j]:
            alone += 1
    extra = 0 if exactly_one else 1
    classes = alone
    total = 2 * alone
    for label in range(count):
        # A class all of whose items are useless beside the empty option is no class at all.
        if present[label] and (exactly_one or size[label] > 0):
            classes += 1
            total += size[label] + extra
    start = np.empty(classes + 1, np.int64)
    item = np.empty(total, np.int64)
    value = np.empty(total)
    weight = np.empty((total, m))
    position = np.empty(count, np.int64)
    c, at = 0, 0
    for label in range(count):
        if present[label] and (exactly_one or size[label] > 0):
            start[c] = at
            if not exactly_one:
                item[at], value[at] = -1, 0.0
                for i in range(m):
                    weight[at, i] = 0.0
            position[label] = at + extra
            at += size[label] + extra
            c += 1
    for j in range(n):
        if not keep[j]:
            continue
        if labels[j] < 0:
            start[c] = at
            item[at], value[at] = -1, 0.0
            for i in range(m):
                weight[at, i] = 0.0
            place = at + 1
            at += 2
            c += 1
        else:
            place = position[labels[j]]
            position[labels[j]] += 1
        column = kind[j] if typed else j
        item[place] = j
        value[place] = values[j]
        for i in range(m):
            weight[place, i] = table[i, column]
    start[c] = at
    return start, item, value, weight
