"""What layers use, by layer and in total: counted by a hardware model, for those layers that it covers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from knapprune.hardware import parts
from knapprune.hardware.beside import Beside
from knapprune.hardware.beside import summary as beside_summary
from knapprune.hardware.constants import is_upper_bound
from knapprune.hardware.explanation import Explanation
from knapprune.hardware.hardware_model import Covers, EstimatesLogic, HardwareModel
from knapprune.hardware.latency import latency
from knapprune.hardware.logic import Logic
from knapprune.hardware.shallow import shallow_memories
from knapprune.hardware.units import blocks_line, with_blocks
from knapprune.network.layers import Kernels, Layer
from knapprune.tables import html_table, plain_table
from knapsolve import contents
from knapsolve.plugins import require

LATENCY = "latency"
"""The resource that no weight decides: clock cycles, counted only where reuse factors are chosen."""
LUT = "lut"
"""Look-up tables: estimates, added only where they are budgeted."""
PARAMETERS, MACS = SIZES = ("parameters", "macs")
"""The size of the network itself: its numbers, and the multiplications of a sample; added only where budgeted."""


@dataclass(frozen=True, repr=False)
class Resources(Mapping[str, int]):
    """Resources by layer; as a mapping, the total of each, such as ``resources["dsp"]``.

    Where halves of a block RAM are counted, ``resources["bram18"]``, there are blocks of 36 Kb in the totals too:
    ``resources["bram"]``, half as many, rounded up.

    Two are equal where all that they hold is, layer by layer; ``dict(one) == dict(other)`` compares the totals alone.

    Parameters
    ----------
    by_layer
        Count by resource, by layer name.
    layers
        The layers, as the hardware computes them.
    uncounted
        Layers with weights that the hardware model knows nothing of; their use comes on top.
    part
        The chip's part number, as the configuration has it.
    explanations
        Why each layer uses what it uses, where that was asked for.
    beside
        What is on the chip beside the weights (FIFOs, line buffers, tables, softmax), where explanations were asked
        for: estimates, in no total.
    beside_unknown
        Why that is not estimated; empty where it is, or was not asked for.
    """

    by_layer: Mapping[str, Mapping[str, int]]
    layers: tuple[Layer, ...]
    uncounted: tuple[str, ...] = ()
    part: str | None = None
    explanations: tuple[Explanation, ...] = ()
    beside: tuple[Beside, ...] = ()
    beside_unknown: str = ""

    @property
    def counted(self) -> tuple[str, ...]:
        """What is counted in each layer."""
        return tuple(dict.fromkeys(name for use in self.by_layer.values() for name in use))

    @property
    def total(self) -> dict[str, int]:
        """Sum over the layers, by resource, with blocks of 36 Kb beside their halves."""
        return with_blocks({name: sum(use.get(name, 0) for use in self.by_layer.values()) for name in self.counted})

    @property
    def shares(self) -> dict[str, float]:
        """Share of the chip by resource, 1 for all of it; only what the catalogue of parts counts."""
        chip = None if self.part is None else parts.find(self.part)
        counts = {} if chip is None else chip.resources
        return {name: use / counts[name] for name, use in self.total.items() if counts.get(name)}

    @property
    def estimated(self) -> dict[str, dict[str, int]]:
        """Look-up tables and flip-flops by layer, where an explanation was asked for: estimates, in no total."""
        known = {reason.layer.name: reason.logic for reason in self.explanations}
        return {name: logic.resources for name, logic in known.items() if logic is not None}

    def __getitem__(self, resource: str) -> int:
        return self.total[resource]

    def __iter__(self) -> Iterator[str]:
        return iter(self.total)

    def __len__(self) -> int:
        return len(self.total)

    def __hash__(self) -> int:
        return hash((tuple(sorted(self.total.items())), self.layers, self.uncounted, self.part))

    def __repr__(self) -> str:
        known = {**self.total, "layers": len(self.layers), "part": self.part}
        return contents.in_a_line("Resources", {**known, "uncounted": len(self.uncounted) or None})

    def _repr_html_(self) -> str:
        header, rows, total = self._table()
        notes = [*blocks_line(self.total), *self._notes(), *self.chip(), *self._uncounted()]
        return html_table("Resources by layer", header, rows, total, notes)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with a row a layer.

        Returns
        -------
        pandas.DataFrame
            The index is the layer's name. Columns are `kernel`, a tuple, `strategy`, `reuse_factor`, `weight_bits` and
            `data_bits`, which are missing for layers without a kernel, and what is counted.

        Raises
        ------
        MissingPackageError
            If pandas is not installed; the message says how to install it.
        """
        require("pandas", "Resources.to_frame", "pip install pandas")
        import pandas

        known = {layer.name: layer for layer in self.layers}
        frame = pandas.DataFrame(index=pandas.Index(list(self.by_layer), name="layer"))
        frame["kernel"] = pandas.Series({name: layer.kernel_shape for name, layer in known.items()}, dtype=object)
        frame["strategy"] = pandas.Series({name: layer.strategy for name, layer in known.items()}, dtype=object)
        for column in ("reuse_factor", "weight_bits", "data_bits"):
            numbers = {name: getattr(layer, column) for name, layer in known.items()}
            frame[column] = pandas.Series(numbers, dtype="Int64")
        for name in self.counted:
            frame[name] = [use.get(name, 0) for use in self.by_layer.values()]
        return frame

    def summary(self) -> str:
        """Describe the use as a table, a line for each layer.

        Returns
        -------
        str
            Plain text.
        """
        header, rows, total = self._table()
        text = plain_table(header, [*rows, total])
        lines = [text, *blocks_line(self.total), *self._notes(), *self.chip(), *self._uncounted()]
        return "\n".join([*lines, *self._beside(), *(["", self.explanation] if self.explanations else [])])

    def _table(self) -> tuple[list[str], list[list[object]], list[object]]:
        """Lay out the header, a row for each layer, and the total."""
        names, total = self.counted, self.total
        rows: list[list[object]] = [
            [
                layer.name,
                "x".join(map(str, layer.kernel_shape)),
                _changed(layer.requested_strategy, layer.strategy),
                _changed(layer.requested_reuse_factor, layer.reuse_factor),
                f"{layer.weight_bits}x{layer.data_bits}",
                *(self.by_layer[layer.name][name] for name in names),
            ]
            for layer in self.layers
        ]
        rows += [[name, "", "", "", "", *use.values()] for name, use in self.beside_layers.items()]
        header = ["layer", "kernel", "strategy", "reuse", "bits", *names]
        return header, rows, ["total", "", "", "", "", *(total[name] for name in names)]

    def _uncounted(self) -> list[str]:
        return [f"not counted: {', '.join(self.uncounted)}"] if self.uncounted else []

    def _beside(self) -> list[str]:
        if self.beside_unknown:
            return ["", f"not estimated, what is beside the weights: {self.beside_unknown}"]
        return ["", beside_summary(self.beside)] if self.beside else []

    @property
    def beside_layers(self) -> dict[str, Mapping[str, int]]:
        """What is counted of layers without a kernel, such as the parameters of normalisations."""
        known = {layer.name for layer in self.layers}
        return {name: use for name, use in self.by_layer.items() if name not in known}

    @property
    def upper_bounds(self) -> tuple[str, ...]:
        """Layers whose DSPs are known from above only: data of few bits, or a limit that hls4ml sets."""
        return tuple(layer.name for layer in self.layers if self._dsp(layer) and is_upper_bound(layer))

    def _dsp(self, layer: Layer) -> int:
        return self.by_layer.get(layer.name, {}).get("dsp", 0)

    def _notes(self) -> list[str]:
        most = [f"dsp at most: {', '.join(self.upper_bounds)}"] if self.upper_bounds else []
        return most if self.explanations else [*most, *shallow_memories(self.layers, self.by_layer)]

    @property
    def explanation(self) -> str:
        """Why each layer uses what it uses, as text; empty where that was not asked for."""
        if not self.explanations:
            return ""
        slowest = max(self.explanations, key=lambda known: known.interval)
        network = (
            f"the network takes an input every {slowest.interval} cycles, estimated: {slowest.layer.name} sets the pace"
        )
        return "\n\n".join([*map(str, self.explanations), network])

    def chip(self) -> list[str]:
        """Say what share of the chip is used.

        Returns
        -------
        list of str
            One line, or none where no part is known to have what is counted.
        """
        if self.part is None or not set(self.total) & set(parts.COUNTED):
            return []
        chip = parts.find(self.part)
        if chip is None:
            return [f"no shares: {parts.unknown(self.part)}"]
        shares = (f"{name} {share:.1%} of {chip.resources[name]}" for name, share in self.shares.items())
        return [f"of {chip.name}: {', '.join(shares)}"]


def covered(
    resource_model: HardwareModel, layers: list[Layer], uncounted: Iterable[str]
) -> tuple[list[Layer], tuple[str, ...]]:
    """Leave out the layers that a hardware model knows nothing of."""
    if not isinstance(resource_model, Covers):
        return layers, tuple(uncounted)
    known = [layer for layer in layers if resource_model.covers(layer)]
    return known, (*uncounted, *(layer.name for layer in layers if layer not in known))


def count(
    resource_model: HardwareModel,
    layers: list[Layer],
    kernels: Kernels,
    uncounted: tuple[str, ...] = (),
    part: str | None = None,
) -> Resources:
    """Count what layers use with the given kernels."""
    use = {layer.name: resource_model.use(layer, kernels[layer.name]) for layer in layers}
    return Resources(use, tuple(layers), uncounted, part)


def with_latency(resources: Resources) -> Resources:
    """Add the estimated latency of each layer to its resources."""
    own = {layer.name: {**resources.by_layer[layer.name], LATENCY: latency(layer)} for layer in resources.layers}
    return replace(resources, by_layer=own)


def with_logic(
    resources: Resources, resource_model: HardwareModel, kernels: Kernels, built: Mapping[str, Logic]
) -> Resources:
    """Add the estimated look-up tables of each layer to its resources; of adder graphs, what was `built` of them."""
    own = {}
    for layer in resources.layers:
        known = built.get(layer.name)
        if known is None and isinstance(resource_model, EstimatesLogic):
            known = resource_model.logic(layer, kernels[layer.name])
        if known is None and layer.size:
            raise ValueError(
                f"budget['lut']: the look-up tables of layer {layer.name!r} ({layer.kind}, {layer.strategy}) are not "
                "estimated; expected a budget of other resources, or of the other layers alone"
            )
        own[layer.name] = {**resources.by_layer[layer.name], LUT: 0 if known is None else known.lut}
    return replace(resources, by_layer=own)


def _changed(requested: object, effective: object) -> str:
    return str(effective) if requested == effective else f"{effective} (not {requested})"
