"""Bounds on a nested knapsack: Lagrangian, with prices from column generation.

At given prices of the resources the groups part: each takes the option, and that option its items, of most value less
price. The sum over the groups, plus the price of all capacities, bounds every choice, whatever the prices (Fisher,
"The Lagrangian relaxation method for solving integer programming problems", Management Science 27, 1981). Good prices
are the dual of a small linear program over what the options answered before (`master`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.choice.classes import Classes
from knapsolve.kernels.jit import njit
from knapsolve.limits.interruption import late
from knapsolve.nested.items import Items
from knapsolve.nested.master import Mix, best_mix
from knapsolve.nested.problem import NestedKnapsack, Option

Floats = NDArray[np.float64]
Allowed = NDArray[np.bool_]


class Relaxation:
    """The relaxation: evaluates prices, and proposes new ones.

    Parameters
    ----------
    problem
        The problem.
    """

    def __init__(self, problem: NestedKnapsack) -> None:
        options = problem.options
        self.problem = problem
        self.group, self.groups = problem.group, len(problem.groups)
        self.capacities = problem.capacities.astype(np.float64)
        self.fixed = np.array([option.fixed for option in options])
        #: Best value less price of each option, a row for each prices evaluated; infinite where it was not.
        self.gains = np.zeros((0, len(options)))
        self.prices = np.zeros((0, problem.m))
        self.rents = np.zeros(0)
        #: What an option answered to prices: its value, its use, and which option it is. The first answer of each, none
        #: of its items, is that to prices without end: where no mix of those keeps the capacities, no choice does.
        self.worth = np.array([option.value for option in options])
        self.use = self.fixed.astype(np.float64)
        self.option = np.arange(len(options))

    def evaluate(self, prices: Floats, allowed: Allowed, deadline: float | None = None) -> None:
        """Bound all choices among the allowed options by these prices; adds a row to `gains`, or none if it is late."""
        gains = np.full(len(self.group), np.inf)
        worth, uses, asked = [], [], np.flatnonzero(allowed)
        for number in asked.tolist():
            if late(deadline):
                return
            gains[number], value, use = _answer(self.problem.options[number], prices)
            worth.append(value)
            uses.append(use)
        self.gains = np.vstack([self.gains, gains])
        self.prices = np.vstack([self.prices, prices])
        self.rents = np.append(self.rents, prices @ self.capacities)
        self.worth = np.concatenate([self.worth, worth])
        self.use = np.concatenate([self.use, uses])
        self.option = np.concatenate([self.option, asked])

    def bound(self, allowed: Allowed) -> tuple[float, int]:
        """Take the best bound that the prices evaluated so far give, and say which of them gave it."""
        bounds = self.rents + self.best(allowed).sum(axis=1)
        row = int(np.argmin(bounds))
        return float(bounds[row]), row

    def best(self, allowed: Allowed) -> Floats:
        """Take the best gain of each group at each prices evaluated."""
        masked = np.where(allowed, self.gains, -np.inf)
        best: Floats = np.maximum.reduceat(masked, self.problem.start[:-1], axis=1)
        return best

    def answers(self, allowed: Allowed, row: int, most: int) -> NDArray[np.int64]:
        """List the answers of each group that lose least at some prices, group after group."""
        known = np.flatnonzero(allowed[self.option])
        group = self.group[self.option[known]]
        known = known[np.lexsort((self.use[known] @ self.prices[row] - self.worth[known], group))]
        group = np.sort(group)
        rank = np.arange(len(group)) - np.searchsorted(group, group)
        return known[rank < most]

    def propose(self, allowed: Allowed) -> tuple[Mix, Floats]:
        """Mix the answers of the allowed options, at least one of each group; return each option's share in it, too."""
        known = np.flatnonzero(allowed[self.option])
        known = known[np.argsort(self.group[self.option[known]], kind="stable")]
        start = np.searchsorted(self.group[self.option[known]], np.arange(self.groups + 1))
        mix = best_mix(Classes(start, known, self.worth[known], self.use[known], self.capacities))
        shares = np.zeros(len(self.group))
        np.add.at(shares, self.option[known], mix.shares)
        return mix, shares


def losses_of(items: Items, prices: Floats) -> Floats:
    """Say what a selection loses by each item against the best selection at these prices."""
    losses = np.empty(len(items.values))
    item_losses(*_arrays(items), prices @ items.type_weights, losses)
    return losses


def _answer(option: Option, prices: Floats) -> tuple[float, float, Floats]:
    """Take the best items of an option at these prices; return its gain, value and use, shape (m,)."""
    gain, value = option.value - float(prices @ option.fixed), option.value
    use = option.fixed.astype(np.float64)
    if option.items is not None and len(option.items.values):
        counts = np.zeros(option.items.type_weights.shape[1], dtype=np.int64)
        more, kept = best_response(*_arrays(option.items), prices @ option.items.type_weights, counts)
        return gain + more, value + kept, use + option.items.type_weights @ counts
    return gain, value, use


def _arrays(items: Items) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    choice = np.full(len(items.values), -1, dtype=np.int64) if items.choice is None else items.choice
    return items.values, items.item_type, choice


@njit(cache=True, nogil=True)
def best_response(values, item_type, choice, type_price, counts):  # type: ignore[no-untyped-def]
    """Take the items of most value less price: each free one that gains, and the best of each choice.

    Parameters
    ----------
    values, item_type, choice
        Items (n,), those of one choice side by side, -1 where free.
    type_price
        (T,) price of one item of each type.
    counts
        (T,) zeros; written: items taken of each type.

    Returns
    -------
    gain, value
        Value less price, and value, of the items taken.
    """
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
    """Write what each item loses against the best of its choice, or against none where that is better.

    Parameters
    ----------
    values, item_type, choice
        Items (n,), those of one choice side by side, -1 where free.
    type_price
        (T,) price of one item of each type.
    losses
        (n,), written.
    """
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
