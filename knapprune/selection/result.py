"""What a selection is: masks, what they use, and how good they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.finding import find_adapter
from knapprune.adapters.training_adapter import training_adapter
from knapprune.adapters.types_adapter import HoldsValues, RoundsData
from knapprune.hardware.resources import Resources
from knapprune.hardware.structures import CHANNEL
from knapprune.hardware.units import blocks_line
from knapprune.network.layers import Kernels, Layer, Masks
from knapprune.network.precision import FixedPoint
from knapprune.selection.budget import Cap, asking, written
from knapprune.selection.saved import write_selection
from knapprune.selection.values.grids import grids_of
from knapprune.tables import html_table, plain_table
from knapsolve import contents

if TYPE_CHECKING:
    from knapsolve import Solution

ROUNDING = 1e-9
"""Share of a selection's value below which what a cap is worth counts as rounding."""

MANY = 3
"""Caps up to which a selection that is shown in a line names them."""

_PLAIN = ("solution", "resources", "before", "budget", "structures", "hls_config", "data_types")


@dataclass(frozen=True, eq=False, repr=False)
class Selection:
    """What is kept, what it uses, and how good that is.

    Two are equal where all that they hold is, arrays entry by entry; how long the solver took is no part of it.

    Parameters
    ----------
    masks
        True for a weight that is kept, by layer name, in the kernel's own shape. A layer without one is left alone.
    solution
        The solver's answer: status, value, bound, gap, prices.
    resources
        What the masked model uses; with structure ``"channel"``, what it uses once `knapprune.shrink` has made it
        smaller.
    before
        What the model used.
    budget
        The caps, in absolute counts.
    structures
        The structure by which each masked layer was cut, by layer name.
    hls_config
        The configuration that the resources hold for, as a dict for hls4ml and `knapprune.verify`: the one given, with
        what was chosen in it.
    values
        By layer name, kernels whose values were chosen, in their own shape; zero where the mask is False.
    data_types
        By layer name, the types of results that were chosen; `hls_config` has them.
    """

    masks: Masks
    solution: Solution
    resources: Resources
    before: Resources
    budget: tuple[Cap, ...]
    structures: Mapping[str, str]
    hls_config: Mapping[str, Any]
    values: Kernels = field(default_factory=dict)
    data_types: Mapping[str, FixedPoint] = field(default_factory=dict)

    @property
    def binding(self) -> tuple[Cap, ...]:
        """What stops more from being kept.

        A cap binds where one more unit of it would be worth something, by the solver's dual prices, or where it asks
        for savings and is used up to the last unit, so that nothing more fits. There are none where the whole model
        fits, and none may be known where the solver gives no prices.
        """
        caps, prices = asking(self.budget, self.before), self.solution.prices
        known = prices is not None and len(prices) == len(caps)
        price = dict(zip(caps, () if prices is None else prices.tolist(), strict=True)) if known else {}
        return tuple(cap for cap in self.budget if self._binds(cap, price.get(cap, 0.0)))

    def _binds(self, cap: Cap, price: float) -> bool:
        least = ROUNDING * abs(self.solution.value)
        used_up = cap.counted_use(self.resources) == cap.capacity and cap.limit < cap.use(self.before)
        return used_up or price * cap.capacity > least

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Selection):
            return NotImplemented
        same = all(getattr(self, name) == getattr(other, name) for name in _PLAIN)
        return same and same_arrays(self.masks, other.masks) and same_arrays(self.values, other.values)

    def __hash__(self) -> int:
        return hash((self.solution, self.resources, self.budget))  # the others can be written to, and are left out

    def __repr__(self) -> str:
        kept, weights = self._kept
        known = {
            "weights": f"{kept} of {weights}",
            **changes(self.before, self.resources),
            "budget": f"[{in_brief(self.budget)}]",
        }
        known |= {"gap": f"{self.solution.gap:.2g}", "solver": repr(self.solution.solver)}
        return f"Selection[{self.solution.status}]({', '.join(f'{name}={text}' for name, text in known.items())})"

    def _repr_html_(self) -> str:
        header, rows, total = self._table()
        return html_table("Selection", header, rows, total, self._notes())

    @property
    def _kept(self) -> tuple[int, int]:
        """Count the weights that are kept, and all."""
        pairs = [_weights(layer, self.masks.get(layer.name)) for layer in self.resources.layers]
        return sum(kept for kept, _ in pairs), sum(all_of for _, all_of in pairs)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all of it into one file, completely or not at all; `knapprune.load_selection` reads it.

        Parameters
        ----------
        path
            A name that ends in ``.npz``. Types of hls4ml's own in the configuration are written as their text.

        Raises
        ------
        ValueError
            If the name ends otherwise.
        OSError
            If the file cannot be written; the error names it.
        """
        write_selection(path, {own.name: getattr(self, own.name) for own in fields(self)})

    def apply(self, model: Any) -> Any:
        """Mask a model, and give it the values that were chosen.

        Parameters
        ----------
        model
            The model that was selected from, or one of the same layers.

        Returns
        -------
        object
            A new model whose masked weights are zero, and stay zero under training; the one given is untouched.
            Weights whose values were chosen stay values of their type under training, of no more signed digits each,
            and results whose types were chosen are rounded to them, whatever runs the model.
        """
        adapter = find_adapter(model)
        masked = adapter.apply(model, self.masks)
        if self.values:
            if isinstance(adapter, HoldsValues):
                adapter.hold(masked, grids_of(self.values, self.resources.layers))
            training_adapter(adapter, model).assign(masked, self.values)
        if self.data_types and isinstance(adapter, RoundsData):
            adapter.round_data(masked, self.data_types)
        return masked

    def summary(self) -> str:
        """Describe the selection as a table, a line for each layer.

        Returns
        -------
        str
            Plain text.
        """
        header, rows, total = self._table()
        return "\n".join([plain_table(header, [*rows, total]), *self._notes()])

    def _table(self) -> tuple[list[str], list[list[object]], list[object]]:
        """Lay out the header, a row for each layer, and the total."""
        names = self.resources.counted
        rows: list[list[object]] = []
        for layer in self.resources.layers:
            was, now = self.before.by_layer[layer.name], self.resources.by_layer[layer.name]
            kept, was_size = _weights(layer, self.masks.get(layer.name))
            change = [f"{was[name]} -> {now[name]}" for name in names]
            structure = self.structures.get(layer.name, "-")
            rows.append([layer.name, structure, *self._chosen(layer), f"{kept}/{was_size}", *change])
        extra = ["reuse", "bits"] if self._changed else []
        for name, now in self.resources.beside_layers.items():
            was = self.before.by_layer[name]
            rows.append([name, "", *[""] * len(extra), "", *(f"{was[key]} -> {now[key]}" for key in names)])
        totals = [f"{self.before[name]} -> {self.resources[name]}" for name in names]
        return ["layer", "structure", *extra, "weights", *names], rows, ["total", "", *[""] * len(extra), "", *totals]

    def _notes(self) -> list[str]:
        """Say below the table what was asked for, what binds, and how good the answer is."""
        caps = "; ".join(f"{cap.understood}, uses {cap.use(self.resources)}" for cap in self.budget)
        data = ", ".join(f"{name} {kind}" for name, kind in self.data_types.items())
        binding, solution = self.binding, self.solution
        return [
            *([f"data: {data}"] if data else []),
            *(["counted without the channels that kp.shrink removes"] * (CHANNEL in self.structures.values())),
            *blocks_line(self.before, self.resources),
            *([f"budget: {caps}"] if caps else []),
            *([f"binding: {written(binding)}"] if binding else []),
            *self.resources.chip(),
            f"{solution.status} by {solution.solver}, gap {solution.gap:.2g}",
        ]

    @property
    def _changed(self) -> bool:
        return self.before.layers != self.resources.layers

    def _chosen(self, layer: Layer) -> list[object]:
        """Say which reuse factor and width a layer has now, where any layer has others than before."""
        if not self._changed:
            return []
        was = next(known for known in self.before.layers if known.name == layer.name)
        pairs = [(was.reuse_factor, layer.reuse_factor), (was.weight_bits, layer.weight_bits)]
        return [now if old == now else f"{old} -> {now}" for old, now in pairs]


def same_arrays(one: Mapping[str, npt.NDArray[Any]], other: Mapping[str, npt.NDArray[Any]]) -> bool:
    """Say whether arrays by name are equal, entry by entry."""
    return one.keys() == other.keys() and all(contents.equal(array, other[name]) for name, array in one.items())


def changes(before: Resources, after: Resources) -> dict[str, str]:
    """Say what has become of each resource."""
    return {name: f"{before[name]} -> {use}" for name, use in after.items() if name in before}


def in_brief(caps: Iterable[Cap]) -> str:
    """Name a few caps as they were understood; count many."""
    named = [cap.understood for cap in caps]
    return ", ".join(named) if len(named) <= MANY else f"{len(named)} caps"


def _weights(layer: Layer, mask: npt.NDArray[np.bool_] | None) -> tuple[int, int]:
    """Count the weights of a layer that are kept, and all."""
    return (layer.size, layer.size) if mask is None else (int(np.count_nonzero(mask)), mask.size)
