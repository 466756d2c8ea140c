"""Bounds on the joint choice of variants and items: Lagrangian, with prices from column generation.

At given prices of the capped resources the layers part: each takes the variant, and that variant its items, of most
value less price. The sum over the layers, plus the price of all capacities, bounds every choice, whatever the prices
(Fisher, "The Lagrangian relaxation method for solving integer programming problems", Management Science 27, 1981). Good
prices are the dual of a small linear program over what the layers answered before (Dantzig, Wolfe, "Decomposition
principle for linear programs", Operations Research 8, 1960).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from knapprune.selection.items import Items

Floats = npt.NDArray[np.float64]
Allowed = npt.NDArray[np.bool_]

MOST_PIVOTS = 500
PIVOT = 1e-9
"""Smallest number, relative to one, that counts as not zero in the linear program."""


@dataclass(frozen=True, eq=False)
class Option:
    """One variant of a layer as the search sees it.

    Parameters
    ----------
    group
        Number of the layer.
    value
        What the variant is worth before any item.
    fixed
        Shape (caps,): what it uses before any item.
    items
        Its items; None where it has none.
    """

    group: int
    value: float
    fixed: npt.NDArray[np.int64]
    items: Items | None


class Relaxation:
    """The relaxation: evaluates prices, and proposes new ones.

    Parameters
    ----------
    options
        All variants of all layers.
    capacities
        Of each cap.
    """

    def __init__(self, options: Sequence[Option], capacities: Sequence[int]) -> None:
        self.options = options
        self.group = np.array([option.group for option in options])
        self.groups = int(self.group.max(initial=-1)) + 1
        self.capacities = np.array(capacities, dtype=np.float64)
        self.fixed = np.array([option.fixed for option in options], dtype=np.float64).reshape(len(options), -1)
        #: Best value less price of each option, a row for each prices evaluated; infinite where it was not.
        self.gains = np.zeros((0, len(options)))
        self.prices = np.zeros((0, len(capacities)))
        self.rents = np.zeros(0)
        self._scale = np.maximum(self.capacities, 1.0)
        #: What an option answered to prices: its value, its use, and which option it is.
        self.worth = np.zeros(0)
        self.use = np.zeros((0, len(capacities)))
        self.option = np.zeros(0, dtype=np.int64)

    def evaluate(self, prices: Floats, allowed: Allowed) -> None:
        """Bound all choices among the allowed options by these prices; adds a row to `gains`."""
        gains = np.full(len(self.options), np.inf)
        worth, uses, asked = [], [], np.flatnonzero(allowed)
        for number in asked.tolist():
            option = self.options[number]
            use = option.fixed.astype(np.float64)
            value = option.value
            gain = 0.0
            if option.items is not None and len(option.items.values):
                items = option.items
                counts = np.zeros(items.type_weights.shape[1], dtype=np.int64)
                gain, kept = best_response(*_arrays(items), prices @ items.type_weights, counts)
                use += items.type_weights @ counts
                value += kept
            gains[number] = option.value + gain - prices @ option.fixed
            worth.append(value)
            uses.append(use)
        self.gains = np.vstack([self.gains, gains])
        self.prices = np.vstack([self.prices, prices])
        self.rents = np.append(self.rents, prices @ self.capacities)
        self.worth = np.concatenate([self.worth, worth])
        self.use = np.concatenate([self.use, uses])
        self.option = np.concatenate([self.option, asked])

    def bound(self, allowed: Allowed) -> tuple[float, int]:
        """Take the best bound that the prices evaluated so far give."""
        if not len(self.gains):
            return np.inf, -1
        bounds = self.rents + self.best(allowed).sum(axis=1)
        row = int(np.argmin(bounds))
        return float(bounds[row]), row

    def best(self, allowed: Allowed) -> Floats:
        """Take the best gain of each layer at each prices evaluated."""
        masked = np.where(allowed, self.gains, -np.inf)
        starts = np.searchsorted(self.group, np.arange(self.groups))
        best: Floats = np.maximum.reduceat(masked, starts, axis=1)
        return best

    def answers(self, allowed: Allowed, row: int, most: int) -> npt.NDArray[np.int64]:
        """List the answers of each layer that lose least at some prices."""
        known = np.flatnonzero(allowed[self.option])
        layer = self.group[self.option[known]]
        known = known[np.lexsort((self.use[known] @ self.prices[row] - self.worth[known], layer))]
        layer = np.sort(layer)
        rank = np.arange(len(layer)) - np.searchsorted(layer, layer)
        return known[rank < most]

    def propose(self, allowed: Allowed) -> tuple[Floats, Floats, float]:
        """Mix what the layers answered so far as well as the capacities allow."""
        caps, groups = len(self.capacities), self.groups
        known = np.flatnonzero(allowed[self.option])
        penalty = 1e3 * (1.0 + float(np.abs(self.worth).max(initial=0.0)))
        worth = np.concatenate([self.worth[known], np.zeros(caps), np.full(groups, -penalty)])
        belongs = np.zeros((groups, len(known)))
        belongs[self.group[self.option[known]], np.arange(len(known))] = 1.0
        table = np.block(
            [
                [(self.use[known] / self._scale).T, np.eye(caps), np.zeros((caps, groups))],
                [belongs, np.zeros((groups, caps)), np.eye(groups)],
            ]
        )
        right = np.concatenate([self.capacities / self._scale, np.ones(groups)])
        amounts, duals = _maximise(worth, table, right, np.arange(len(known), table.shape[1]))
        shares = np.zeros(len(self.options))
        np.add.at(shares, self.option[known], amounts[: len(known)])
        return np.maximum(duals[:caps], 0.0) / self._scale, shares, float(worth @ amounts)


def losses_of(items: Items, prices: Floats) -> Floats:
    """Say what a selection loses by each item against the best selection at these prices."""
    losses = np.empty(len(items.values))
    item_losses(*_arrays(items), prices @ items.type_weights, losses)
    return losses


def _arrays(items: Items) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    choice = np.full(len(items.values), -1, dtype=np.int64) if items.choice is None else items.choice
    return items.values, items.item_type, choice


def _maximise(worth: Floats, table: Floats, right: Floats, basis: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Maximise ``worth @ x`` with ``table @ x = right`` and ``x >= 0`` by the revised simplex from a feasible basis.

    Stopped after `MOST_PIVOTS`: any prices bound, so nothing depends on its being optimal.
    """
    basis = basis.copy()
    for _ in range(MOST_PIVOTS):
        square = table[:, basis]
        duals = np.linalg.solve(square.T, worth[basis])
        reduced = worth - duals @ table
        reduced[basis] = 0.0
        entering = int(np.argmax(reduced))
        if reduced[entering] <= PIVOT * (1.0 + abs(worth[entering])):
            break
        levels, step = np.linalg.solve(square, np.stack([right, table[:, entering]], axis=1)).T
        steep = step > PIVOT
        if not steep.any():
            break
        ratios = np.where(steep, np.maximum(levels, 0.0) / np.where(steep, step, 1.0), np.inf)
        basis[int(np.argmin(ratios))] = entering
    amounts = np.zeros(len(worth))
    amounts[basis] = np.maximum(np.linalg.solve(table[:, basis], right), 0.0)
    duals = np.linalg.solve(table[:, basis].T, worth[basis])
    return amounts, duals.astype(np.float64)


@njit(cache=True, nogil=True)
def best_response(values, item_type, choice, type_price, counts):  # type: ignore[no-untyped-def]
    """Take the items of most value less price: each free one that gains, and the best of each choice."""
    gain, value = 0.0, 0.0
    best, best_item, current = 0.0, -1, -1
    for i in range(len(values)):
        if choice[i] < 0 or choice[i] != current:
            if best_item >= 0:
                gain += best
                value += values[best_item]
                counts[item_type[best_item]] += 1
            best, best_item, current = 0.0, -1, choice[i]
        left = values[i] - type_price[item_type[i]]
        if left > best:
            best, best_item = left, i
    if best_item >= 0:
        gain += best
        value += values[best_item]
        counts[item_type[best_item]] += 1
    return gain, value


@njit(cache=True, nogil=True)
def item_losses(values, item_type, choice, type_price, losses):  # type: ignore[no-untyped-def]
    """Find what each item loses against the best of its choice, or against none where that is better."""
    start = 0
    while start < len(values):
        end = start + 1
        while end < len(values) and choice[end] >= 0 and choice[end] == choice[start]:
            end += 1
        best = 0.0
        for i in range(start, end):
            best = max(best, values[i] - type_price[item_type[i]])
        for i in range(start, end):
            losses[i] = best - (values[i] - type_price[item_type[i]])
        start = end
