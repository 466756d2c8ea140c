"""What a search starts from: a base selection, prices, and the bound they give."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.core.break_solution import common_divisor, find_break, take_before
from knapsolve.heuristics.fill import fill
from knapsolve.solver import Options

if TYPE_CHECKING:
    from knapsolve.exact.core.search import ListSearch

ROUNDING = 2.0**-51
"""Relative rounding of one reduced cost."""
MOST_FLIPS = 2**12
"""Flips whose rounding errors are allowed for; a state makes a few dozen."""
FLOAT_GAP = 1e-14
"""Relative gap at which float values count as equal."""


@dataclass(eq=False)
class Base:
    """Items, a base selection of them, prices, and the upper bound that they give.

    Parameters
    ----------
    values, weights
        Of the items, shape (n,), positive.
    chosen
        The base selection, bool, shape (n,).
    value, room
        Value of the base selection and the capacity that it leaves.
    price
        Price of a unit of weight.
    bound
        Upper bound on the value of any selection, relative to `value`.
    unit
        By how much a value must beat the best one to count, rounding of losses allowed for.
    whole
        Whether values are whole numbers.
    best, flips
        Best known value relative to `value`, and the items that its selection flips.
    centre
        Index of the break item.
    items, cost
        Items that may flip and what that costs, by increasing cost, shape (k,); None where they are to be collected.
    rows
        Constraints priced into the costs, besides the capacity.
    """

    values: NDArray[Any]
    weights: NDArray[Any]
    chosen: NDArray[np.bool_]
    value: Any
    room: Any
    price: float
    bound: float
    unit: float
    whole: bool
    best: Any
    flips: NDArray[np.int64]
    centre: int = 0
    items: NDArray[np.int64] | None = None
    cost: NDArray[np.float64] | None = None
    rows: list[NDArray[np.int64]] = field(default_factory=list)

    def selection(self) -> NDArray[np.bool_]:
        """Return the best known selection, bool, shape (n,)."""
        selected = self.chosen.copy()
        selected[self.flips] ^= True
        return selected

    def adopt(self, other: Base, search: ListSearch) -> None:
        """Take over the best selection of a search that started from another base, or from this one."""
        assert search.flipped is not None
        self.best = search.best + (other.value - self.value)
        if other is self:
            self.flips = search.flipped
        else:
            selected = other.chosen.copy()
            selected[search.flipped] ^= True
            self.flips = np.flatnonzero(selected != self.chosen)


def break_solution(values: NDArray[Any], weights: NDArray[Any], limit: Any, whole: bool, options: Options) -> Base:
    """Take items by efficiency up to the first that does not fit, and improve on that greedily.

    Parameters
    ----------
    values, weights
        Shape (n,), positive, of a total weight above the limit, none heavier than it.
    limit
        The capacity.
    whole
        Whether values are whole numbers.
    options
        Seed, accepted gap and start.

    Returns
    -------
    Base
        The break solution with its bound and the best selection known.
    """
    if weights.dtype == np.int64:
        limit -= limit % common_divisor(weights)
    efficiency = values / weights
    band, position = find_break(efficiency, weights, limit, options.seed)
    item = band[position]
    chosen = np.empty(len(values), np.bool_)
    value, weight, excess, largest = take_before(values, weights, efficiency, item, chosen)
    if weights.dtype != np.int64:
        weight = weights[chosen].sum()  # Pairwise, so that a million terms cost no accuracy.
    room, price = limit - weight, float(efficiency[item])
    bound = price * float(room) * (1 + ROUNDING) + excess
    rounding = MOST_FLIPS * ROUNDING * float(largest) + ROUNDING * abs(bound)
    accepted = options.gap * float(value)
    step = float(common_divisor(values)) if values.dtype == np.int64 else 1.0
    unit = max(step - rounding, accepted) if whole else max(FLOAT_GAP * float(value) + rounding, accepted)
    base = Base(
        values, weights, chosen, value, room, price, bound, unit, whole, value - value, np.empty(0, np.int64), int(item)
    )
    right = band[position:]
    taken = right[fill(weights[right].reshape(-1, 1), np.array([room]))]
    base.best, base.flips = values[taken].sum(), taken
    if len(band) > position and position > 0:
        _swap(base, band[:position], item)
    return base


def _swap(base: Base, left: NDArray[np.int64], item: np.int64) -> None:
    """Try the break item in place of one that the break solution takes."""
    fits = base.weights[left] >= base.weights[item] - base.room
    if fits.any():
        given = left[fits][np.argmin(base.values[left[fits]])]
        gain = base.values[item] - base.values[given]
        if gain > base.best:
            base.best, base.flips = gain, np.array([item, given])
