"""What a search starts from: a base selection, prices, and the bound they give."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.core.break_solution import common_divisor, find_break, take_before
from knapsolve.heuristics.fill import fill
from knapsolve.solution import refuse
from knapsolve.solver import Options

ROUNDING = 2.0**-51
"""Relative rounding of one reduced cost."""
MOST_FLIPS = 2**12
"""Flips whose rounding errors are allowed for; a state makes a few dozen."""
SUM_ROUNDING = 2.0**-50
"""Rounding of a sum of floats, relative to the sum of their sizes, by term."""
SIGN = np.array([1, -1])
"""What flipping an item does to weight and value: one that is not chosen adds its own, one that is takes them away."""
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
    refused
        A sentence on each selection that was refused.
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
    refused: list[str] = field(default_factory=list)

    def selection(self) -> NDArray[np.bool_]:
        """Return the best known selection, bool, shape (n,)."""
        selected = self.chosen.copy()
        selected[self.flips] ^= True
        return selected

    def adopt(self, other: Base, flipped: NDArray[np.int64], best: Any, finder: str) -> bool:
        """Take over a selection that is better, unless it does not fit or is not worth what its finder says.

        Parameters
        ----------
        other
            The base that the finder started from; may be this one.
        flipped
            Items that the selection flips of the other base's.
        best
            Its value, relative to the other base.
        finder
            Who found it.

        Returns
        -------
        bool
            False where it is refused; then nothing that the finder says may be believed.
        """
        gain = best + (other.value - self.value)
        if not gain > self.best:
            return True
        reason = other.fault(flipped, best)
        if reason is not None:
            self.refused.append(refuse(f"core, {finder}", reason))
            return False
        if other is not self:
            selected = other.chosen.copy()
            selected[flipped] ^= True
            flipped = np.flatnonzero(selected != self.chosen)
        self.best, self.flips = gain, flipped
        return True

    def fault(self, flipped: NDArray[np.int64], best: Any) -> str | None:
        """Return why a selection is not what it is said to be, or None; only the items that it flips are looked at.

        Parameters
        ----------
        flipped
            The items that it flips.
        best
            Its value, relative to the base.
        """
        if len(set(flipped.tolist())) < len(flipped):
            return "it flips an item twice"
        sign = SIGN[self.chosen[flipped].view(np.int8)]
        weights, values = self.weights[flipped], self.values[flipped]
        used, gain = weights @ sign, values @ sign
        if used - self.room > _rounding(weights):
            return f"it weighs {used - self.room} more than fits"
        if abs(gain - best) > _rounding(values):
            return f"it is worth {gain} more than the selection it started from, not {best}"
        return None


def _rounding(terms: NDArray[Any]) -> float:
    """Return by how much two sums of the same terms, here their sizes, may differ; integers add up in any order."""
    return 0.0 if terms.dtype == np.int64 else SUM_ROUNDING * (len(terms) + 1) * float(terms.sum())


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
    base.adopt(base, taken, values[taken].sum(), "filling up")
    if len(band) > position and position > 0:
        _swap(base, band[:position], item)
    return base


def _swap(base: Base, left: NDArray[np.int64], item: np.int64) -> None:
    """Try the break item in place of one that the break solution takes."""
    fits = base.weights[left] >= base.weights[item] - base.room
    if fits.any():
        given = left[fits][np.argmin(base.values[left[fits]])]
        base.adopt(base, np.array([item, given]), base.values[item] - base.values[given], "one swap")
