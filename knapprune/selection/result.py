"""What a selection is: masks, what they use, and how good they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from knapprune.adapters.finding import find_adapter
from knapprune.adapters.training_adapter import training_adapter
from knapprune.adapters.types_adapter import HoldsValues, RoundsData
from knapprune.hardware.resources import Resources
from knapprune.hardware.structures import CHANNEL
from knapprune.hardware.units import blocks_line
from knapprune.network.layers import Kernels, Layer, Masks
from knapprune.network.precision import FixedPoint
from knapprune.selection.budget import Cap
from knapprune.selection.values.grids import grids_of
from knapprune.tables import plain_table

if TYPE_CHECKING:
    from knapsolve import Solution


@dataclass(frozen=True)
class Selection:
    """What is kept, what it uses, and how good that is.

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
        """What stops more from being kept: the caps with the least slack, as a share of their limit.

        Only caps below what was in use count, so there are none where the whole model fits.
        """
        slack = {
            cap: (cap.capacity - cap.counted_use(self.resources)) / max(cap.capacity, 1)
            for cap in self.budget
            if cap.limit < cap.use(self.before)
        }
        return tuple(cap for cap, left in slack.items() if left == min(slack.values()))

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
        names = self.resources.counted
        rows: list[list[object]] = []
        for layer in self.resources.layers:
            was, now = self.before.by_layer[layer.name], self.resources.by_layer[layer.name]
            mask = self.masks.get(layer.name)
            was_size = layer.size if mask is None else mask.size
            kept = layer.size if mask is None else int(np.count_nonzero(mask))
            change = [f"{was[name]} -> {now[name]}" for name in names]
            structure = self.structures.get(layer.name, "-")
            rows.append([layer.name, structure, *self._chosen(layer), f"{kept}/{was_size}", *change])
        extra = ["reuse", "bits"] if self._changed else []
        for name, now in self.resources.beside_layers.items():
            was = self.before.by_layer[name]
            rows.append([name, "", *[""] * len(extra), "", *(f"{was[key]} -> {now[key]}" for key in names)])
        totals = [f"{self.before[name]} -> {self.resources[name]}" for name in names]
        rows.append(["total", "", *[""] * len(extra), "", *totals])
        caps = "; ".join(f"{cap} (uses {cap.use(self.resources)})" for cap in self.budget)
        binding = ", ".join(map(str, self.binding))
        solution = self.solution
        return "\n".join(
            [
                plain_table(["layer", "structure", *extra, "weights", *names], rows),
                *(
                    [f"data: {', '.join(f'{name} {kind}' for name, kind in self.data_types.items())}"]
                    * bool(self.data_types)
                ),
                *(["counted without the channels that kp.shrink removes"] * (CHANNEL in self.structures.values())),
                *blocks_line(self.before, self.resources),
                *([caps] if caps else []),
                *([f"binding: {binding}"] if binding else []),
                *self.resources.chip(),
                f"{solution.status} by {solution.solver}, gap {solution.gap:.2g}",
            ]
        )

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
