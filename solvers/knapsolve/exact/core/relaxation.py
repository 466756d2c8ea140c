"""The linear relaxation over the items that are not fixed, with a few constraints besides the capacity.

The dual simplex of `knapsolve.relaxation.dual` touches every item in every step. Where there are many items it is given
few of them: a sample says about where the prices are, the items of small reduced cost there are solved exactly with all
others fixed, and those that the new prices contradict join them (sifting: Bixby et al., "Very large-scale linear
programming", Oper. Res. 40, 1992). The bound is computed over all items, so that it holds whatever the prices.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.core.base import ROUNDING
from knapsolve.relaxation.dual import minimise_dual

FEW_ITEMS = 2**17
"""Items that the dual simplex is given at once."""
NARROWING = 16
"""By how much a sample narrows the stretch in which the next one is drawn."""
TIE = 1e-12
"""Relative reduced cost below which an item stays as it is."""
ROUNDS = 6
"""Times that contradicted items join the others."""


@dataclass(frozen=True, eq=False)
class Relaxed:
    """Prices, and what they say of the items.

    Parameters
    ----------
    prices
        Of the capacity and of the further constraints, shape (1 + rows,).
    at_one
        The items of positive reduced cost, bool, shape (k,).
    cost
        What flipping an item costs, shape (k,).
    room
        Capacity that they leave.
    bound
        Upper bound on any value, relative to theirs.
    value
        Their value.
    """

    prices: NDArray[np.float64]
    at_one: NDArray[np.bool_]
    cost: NDArray[np.float64]
    room: Any
    bound: float
    value: Any


@dataclass(frozen=True, eq=False)
class Program:
    """The relaxation over the items that are not fixed.

    Parameters
    ----------
    items
        Their indices, shape (k,).
    values, weights
        Of the items, shape (k,).
    capacity
        What the fixed items leave.
    rows, limits
        Further constraints ``rows[i] @ x <= limits[i]``, whole numbers.
    """

    items: NDArray[np.int64]
    values: NDArray[Any]
    weights: NDArray[Any]
    capacity: Any
    rows: tuple[NDArray[np.int64], ...] = field(default=())
    limits: tuple[int, ...] = field(default=())

    def with_row(self, row: NDArray[np.int64], limit: int) -> Program:
        """Return the program with one more constraint."""
        return replace(self, rows=(*self.rows, row), limits=(*self.limits, limit))

    def relaxed(self, start: NDArray[np.bool_]) -> Relaxed:
        """Return prices that minimise the bound, or nearly so, and what they say of the items.

        Parameters
        ----------
        start
            A selection that nearly keeps the constraints, bool, shape (k,): what is done with items of no reduced
            cost. The basis of the linear relaxation would leave them anywhere.
        """
        columns = np.array([self.weights.astype(np.float64), *(row.astype(np.float64) for row in self.rows)])
        right = np.array([float(self.capacity), *(float(limit) for limit in self.limits)])
        prices = np.zeros(len(right))
        if len(self.items) > FEW_ITEMS:
            prices = sift(self.values.astype(np.float64), columns, right, start)
        if prices[-1] == 0.0:
            # Few items, or samples that may not have told the last constraint from one that is nearly parallel.
            prices = minimise_dual(self.values, columns, right).prices
        reduced = self.values - prices @ columns
        tied = np.abs(reduced) <= TIE * (self.values + prices @ np.abs(columns))
        return self.priced(prices, np.where(tied, start, reduced > 0), columns)

    def priced(self, prices: NDArray[np.float64], at_one: NDArray[np.bool_], columns: NDArray[np.float64]) -> Relaxed:
        """Return the bound at given prices.

        Parameters
        ----------
        prices
            Shape (1 + rows,), not negative.
        at_one
            The selection that the bound is relative to, bool, shape (k,).
        columns
            The constraints as floats, shape (1 + rows, k).
        """
        reduced = self.values - prices @ columns
        magnitude = float(self.values.sum()) + float(prices @ np.abs(columns).sum(axis=1))
        gain = np.where(at_one, reduced, -reduced)
        room = self.capacity - self.weights[at_one].sum()
        bound = prices[0] * float(room) + float(-np.minimum(gain, 0.0).sum()) + ROUNDING * magnitude
        for price, row, limit in zip(prices[1:], self.rows, self.limits, strict=True):
            bound += price * float(limit - int(row[at_one].sum()))
        return Relaxed(prices, at_one, np.maximum(gain, 0.0), room, float(bound), self.values[at_one].sum())


def sift(
    values: NDArray[np.float64], columns: NDArray[np.float64], right: NDArray[np.float64], start: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return prices of the linear relaxation of many items, shape (m,).

    Parameters
    ----------
    values
        Shape (k,).
    columns
        The constraints' coefficients, shape (m, k).
    right
        Their limits, shape (m,).
    start
        A selection that nearly keeps them, bool, shape (k,): what is done with items of no reduced cost.
    """
    k = len(values)
    at_one, work = start.copy(), np.arange(k)
    least, best = np.inf, np.zeros(len(right))
    for _ in range(ROUNDS):
        # Samples of ever smaller stretches around the prices: each narrows them by the root of its size.
        drawn = work[:: max(len(work) // FEW_ITEMS, 1)]
        outside = at_one.copy()
        outside[work] = False
        share = len(drawn) / len(work)
        dual = minimise_dual(values[drawn], columns[:, drawn], (right - columns @ outside) * share)
        reduced = values - dual.prices @ columns
        # Where the others leave no room the prices mean nothing; those of least bound are returned.
        bound = float(dual.prices @ right) + float(np.maximum(reduced, 0.0).sum())
        if bound < least:
            least, best = bound, dual.prices
        at_one = np.where(np.abs(reduced) <= TIE * values, start, reduced > 0)
        if len(drawn) < len(work):
            size = max(len(work) // NARROWING, FEW_ITEMS)
            work = np.argpartition(np.abs(reduced), size)[:size]
            work.sort()
            continue
        outside[work] = dual.at_one[: len(work)]
        wrong = np.flatnonzero(np.where(outside, reduced < -TIE * values, reduced > TIE * values))
        if not len(wrong) or len(wrong) > FEW_ITEMS:
            break
        work = np.union1d(work, wrong)[: 2 * FEW_ITEMS]
    return best
