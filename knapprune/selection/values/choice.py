"""The knapsack of the values that are offered: solved at a kind of price, and what its selection uses in the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from knapprune.hardware.resources import LUT, Resources
from knapprune.selection.budget import Cap
from knapprune.selection.candidates import Candidates
from knapprune.selection.items import LayerItems
from knapprune.selection.masks import kept, masked, masks_of, solve_knapsack
from knapprune.selection.request import Request
from knapprune.selection.values.options import NOTHING_PAID, PARTS, Flags, Integers, Options, Paid
from knapsolve import Solution
from knapsolve.nested.items import Items, knapsack, split

GAP = 1e-5
"""Where a selection is only one on the way, or a bound may be a little loose, this will do for a proof."""


@dataclass(frozen=True)
class Chosen:
    """A selection: the value of each weight, and all that is known of it."""

    values: list[Integers]
    keep: Mapping[str, npt.NDArray[np.bool_]]
    worth: float
    used: Resources
    solution: Solution


@dataclass(frozen=True)
class Choice:
    """The layers whose values are chosen, and beside them those of which structures are kept."""

    request: Request
    options: list[Options]
    groups: list[Candidates]
    others: list[LayerItems]
    fixed: list[int]
    """What each cap loses to what no choice decides, in the unit that is counted."""

    def solve(
        self,
        price: str,
        options: Sequence[Options] | None = None,
        paid: Sequence[Paid] | None = None,
        *,
        scale: Sequence[float] | None = None,
        gap: float = 0.0,
    ) -> Chosen | None:
        """Solve the knapsack at one kind of price; None where what is there already is beyond the budget."""
        options = self.options if options is None else options
        paid = [NOTHING_PAID] * len(options) if paid is None else paid
        items = self.items(price, options, paid)
        capacities = [
            capacity - sum(own.upfront(cap, there) for own, there in zip(options, paid, strict=True))
            for cap, capacity in zip(self.request.caps, self.capacities(price, scale), strict=True)
        ]
        if min(capacities, default=0) < 0:
            return None
        solution = solve_knapsack(
            knapsack(items, capacities), self.request.method.solver, self.request.method.time_limit, gap
        )
        chosen = split(solution.selected, items)
        values = []
        for own, selected in zip(options, chosen, strict=False):
            value = np.zeros(own.weights.layer.size, dtype=np.int64)
            value[own.weight[selected]] = own.value[selected]
            values.append(value)
        return self.chosen(values, chosen[len(options) :], solution)

    def chosen(self, values: list[Integers], others: Sequence[Flags], solution: Solution) -> Chosen:
        """Say what a choice of values, and of the items of each other layer, keeps and uses."""
        keep = kept(self.groups, self.others, np.concatenate([np.zeros(0, bool), *others]))
        return Chosen(values, keep, float(solution.value), self.count(values, keep), solution)

    def capacities(self, price: str, scale: Sequence[float] | None = None) -> list[int]:
        """Say what is left of each cap for choices, in parts, at one kind of price; `scale` lowers them."""
        caps = self.request.caps
        scale = [1.0] * len(caps) if scale is None else scale
        return [
            max(int((cap.capacity - gone) * part * share) + self.rounding(cap, price), 0)
            for cap, gone, part, share in zip(caps, self.fixed, parts_of(caps), scale, strict=True)
        ]

    def items(self, price: str, options: Sequence[Options], paid: Sequence[Paid]) -> list[Items]:
        """List what may be taken, layer by layer, at one kind of price."""
        caps, parts = self.request.caps, np.array(parts_of(self.request.caps), dtype=np.int64)
        items = []
        for own, multipliers in zip(options, paid, strict=True):
            item_type, costs = own.types(price, caps, multipliers)
            items.append(Items(own.worth, item_type, costs, own.weight))
        for other in self.others:
            items.append(replace(other.items, type_weights=other.items.type_weights * parts[:, None]))
        return items

    def rounding(self, cap: Cap, price: str) -> int:
        """Say what a capacity gains or loses, in parts, because look-up tables are rounded layer by layer."""
        halves = [own.weights.layer.copies for own in self.options if cap.covers(own.weights.layer.name)]
        if cap.counted != LUT or not halves:
            return 0
        # A bound must hold for what is rounded down; one sum that is within a whole number stays so when it is rounded.
        return sum(halves) * PARTS[LUT] // 2 if price == "split" else -(sum(halves) - 1) * PARTS[LUT] // 2

    @property
    def of_adders(self) -> bool:
        """Whether look-up tables are budgeted that adder graphs need: what those are, only building them says."""
        layers = [own.weights.layer for own in self.options if own.weights.prices.digit]
        return any(cap.counted == LUT and cap.covers(layer.name) for cap in self.request.caps for layer in layers)

    @property
    def most(self) -> float:
        """What all structures and the best value of every weight are worth."""
        of_values = sum(float(own.best.sum()) for own in self.options)
        return of_values + sum(float(own.items.values.sum()) for own in self.others)

    def holds_all(self, chosen: Chosen) -> bool:
        """Say whether a selection leaves nothing out."""
        return chosen.worth >= self.most * (1 - GAP)

    def kernels(self, values: Sequence[Integers]) -> dict[str, npt.NDArray[np.float64]]:
        """Write values as kernels."""
        layers = [own.weights for own in self.options]
        return {
            of.layer.name: np.asarray(value * of.step, dtype=np.float64).reshape(of.layer.kernel_shape)
            for of, value in zip(layers, values, strict=True)
        }

    def count(self, values: Sequence[Integers], keep: Mapping[str, npt.NDArray[np.bool_]]) -> Resources:
        """Predict what a selection uses."""
        request, layers = self.request, self.request.layers
        masks = masks_of(request.hardware, layers, request.kernels, dict(keep))
        return request.count(layers, {**masked(request.written, masks), **self.kernels(values)})

    def keeps(self, chosen: Chosen) -> bool:
        """Say whether a selection is within the budget, what is shared taken into account."""
        return all(cap.counted_use(chosen.used) <= cap.capacity for cap in self.request.caps)


def parts_of(caps: Sequence[Cap]) -> list[int]:
    """Say in how many parts of its unit each cap is priced."""
    return [PARTS.get(cap.counted, 1) for cap in caps]
