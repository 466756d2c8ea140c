"""What it costs to take more or fewer items of a type than the dual would."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import fmod

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.few_types.relaxation import Relaxation


@dataclass(frozen=True, eq=False)
class Curve:
    """The core runs of one type, most valuable first, and what each deviation from the relaxation's count is worth.

    Between two ends of runs loss and gain are linear.

    Parameters
    ----------
    type
        The type.
    values
        Value of one item of each run, decreasing, shape (r,).
    costs
        Loss of one more item of each run, shape (r,); not decreasing.
    ends
        Deviations at which the runs begin and end, shape (r + 1,).
    losses
        Loss against the dual bound at these deviations, shape (r + 1,); convex, 0 at a deviation of 0.
    gains
        Change of the total value at these deviations, shape (r + 1,).
    """

    type: int
    values: NDArray[np.float64]
    costs: NDArray[np.float64]
    ends: NDArray[np.int64]
    losses: NDArray[np.float64]
    gains: NDArray[np.float64]

    def window(self, budget: float) -> tuple[int, int]:
        """Return the smallest and largest deviation whose loss is within the budget."""
        within = np.flatnonzero(self.losses <= budget)
        first, last = int(within[0]), int(within[-1])
        low, high = int(self.ends[first]), int(self.ends[last])
        if first > 0 and self.costs[first - 1] < 0:
            low -= int((budget - self.losses[first]) / -self.costs[first - 1] + 1e-9)
        if last < len(self.costs) and self.costs[last] > 0:
            high += int((budget - self.losses[last]) / self.costs[last] + 1e-9)
        return low, high

    def gain(self, deviation: int) -> float:
        """Return the change of the total value that a deviation makes."""
        r = min(int(np.searchsorted(self.ends, deviation, side="right")) - 1, len(self.values) - 1)
        return float(self.gains[r] + (deviation - self.ends[r]) * self.values[r])

    def cut(self, deviation: int) -> tuple[float, int]:
        """Return the value of the last item taken, and how many of that value are; none of the first where none is."""
        r = max(int(np.searchsorted(self.ends, deviation)) - 1, 0)
        return float(self.values[r]), int(deviation - self.ends[r])


def curves(relaxation: Relaxation, size: int) -> tuple[list[Curve], float]:
    """Build the curves of the `size` runs nearest to their thresholds (and all that tie with them).

    Returns
    -------
    list of Curve, float
        One curve for each type that has core runs, and the radius: every item outside the core is at least so far
        from its threshold, so that moving it loses at least as much.
    """
    value, kind, sizes, taken = relaxation.values, relaxation.kinds, relaxation.sizes, relaxation.taken
    distance = np.abs(value - relaxation.thresholds[kind])
    radius = relaxation.radius
    if size < len(value):
        radius = min(radius, float(np.partition(distance, size)[size]))
        near = np.flatnonzero(distance <= radius)
        value, kind, sizes, taken = value[near], kind[near], sizes[near], taken[near]
    order = np.lexsort((-value, kind))
    value, kind, sizes, taken = value[order], kind[order], sizes[order], taken[order]
    if not len(value):
        return [], radius
    fresh = np.concatenate(([True], (value[1:] != value[:-1]) | (kind[1:] != kind[:-1])))
    heads = np.flatnonzero(fresh)
    value, kind = value[heads], kind[heads]
    sizes, taken = np.add.reduceat(sizes, heads), np.add.reduceat(taken, heads)
    bounds = np.flatnonzero(np.concatenate(([True], kind[1:] != kind[:-1], [True])))
    found = []
    for first, last in pairwise(bounds):
        mine = slice(first, last)
        threshold = float(relaxation.thresholds[kind[first]])
        found.append(_curve(int(kind[first]), value[mine], sizes[mine], int(taken[mine].sum()), threshold))
    return found, radius


def _curve(kind: int, value: NDArray[np.float64], sizes: NDArray[np.int64], taken: int, threshold: float) -> Curve:
    """Add up losses and gains from the threshold and from the base outwards."""
    costs = threshold - value
    ends = np.zeros(len(value) + 1, np.int64)
    np.cumsum(sizes, out=ends[1:])
    ends -= taken
    steps = costs * sizes
    middle = int(np.searchsorted(costs, 0.0))
    losses = np.concatenate(((-steps[:middle])[::-1].cumsum()[::-1], [0.0], steps[middle:].cumsum()))
    worth = value * sizes
    base = min(int(np.searchsorted(ends, 0, side="right")) - 1, len(value) - 1)
    gains = np.concatenate((-worth[:base][::-1].cumsum()[::-1], [0.0], worth[base:].cumsum()))
    gains += ends[base] * value[base]
    return Curve(kind, value, costs, ends, losses, gains)


def common_step(core: list[Curve], integer_values: bool) -> float:
    """Return a number of which every value in the core is a whole multiple; 0 where none is large enough to be of use.

    Every change of the total value is a whole multiple of it too. Euclid's algorithm; remainders of floats are exact.
    """
    values = np.unique(np.concatenate([curve.values for curve in core])) if core else np.empty(0)
    if not len(values):
        return 0.0
    if integer_values:
        return float(np.gcd.reduce(values.astype(np.int64)))
    least = 1e-6 * float(np.abs(values).max())
    step = 0.0
    for value in values:
        step = _divisor(abs(float(value)), step)
        if step < least:
            return 0.0
    return step


def _divisor(one: float, other: float) -> float:
    while other:
        one, other = other, fmod(one, other)
    return one
