"""What the vendor's tools say of a model, and the table that sets it beside our numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from knapprune.tables import plain_table
from knapprune.verification.comparison import LayerCheck
from knapprune.verification.reports.layers import Use

_EXTRA = ("lut", "ff", "uram", "latency", "interval")


@dataclass(frozen=True)
class Reported:
    """What the vendor's tools report, layer by layer where their modules can be told apart.

    Parameters
    ----------
    tool
        The version of the tool, as its reports have it.
    by_layer
        C synthesis by layer: ``dsp``, ``bram18`` (BRAM_18K), ``bram`` (blocks of 36 Kb, so a half is one BRAM_18K),
        ``lut``, ``ff``, ``uram``; ``latency`` and ``interval`` in cycles where the layer is one module. Layers that are
        not counted are here too.
    total
        C synthesis of the whole design; it has what is in no layer, such as the logic between them.
    difference
        Reported minus counted, by layer and resource; a recurrent layer with both its kernels.
    total_difference
        The same of the whole design, which has more in it than the layers that are counted.
    synthesised
        Vivado's utilisation of the whole design, or None.
    remainder
        The whole design without the layers that are counted: activations, tables, streams, and the logic between.
    unmatched
        Modules whose names do not say which layer they are of, with what they use.
    notes
        What to know when reading the numbers.
    """

    tool: str
    by_layer: dict[str, Use]
    total: Use
    difference: dict[str, Use]
    total_difference: Use
    synthesised: Use | None
    remainder: Use = field(default_factory=dict)
    unmatched: dict[str, Use] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def table(self, layers: Mapping[str, LayerCheck]) -> str:
        """Set predicted, counted and reported side by side."""
        names = list(self.total_difference)
        extra = [name for name in _EXTRA if name in self.total or any(name in use for use in self.by_layer.values())]
        header = [
            "layer",
            *(f"{kind} {name}" for name in names for kind in ("predicted", "counted", "reported", "+/-")),
        ]

        def row(
            label: str, check: tuple[Mapping[str, float], Mapping[str, float]] | None, use: Use, more: Use
        ) -> list[object]:
            predicted, counted = check or ({}, {})
            cells: list[object] = [label]
            for name in names:
                cells += [_cell(predicted, name), _cell(counted, name), _cell(use, name), _cell(more, name, sign=True)]
            return [*cells, *(_cell(use, name) for name in extra)]

        rows = []
        for name in dict.fromkeys([*layers, *self.by_layer]):
            known = layers.get(name)
            check = None if known is None else (known.predicted, known.counted)
            rows.append(row(name, check, self.by_layer.get(name, {}), self.difference.get(name, {})))
        rows += [row(f"? {name}", None, use, {}) for name, use in self.unmatched.items()]
        rows.append(row("in no counted layer", None, self.remainder, {}))
        sums = tuple(
            _sum(kind) for kind in ([c.predicted for c in layers.values()], [c.counted for c in layers.values()])
        )
        rows.append(row("whole design", (sums[0], sums[1]), self.total, self.total_difference))
        if self.synthesised is not None:
            more = {name: self.synthesised[name] - sums[1][name] for name in names if name in self.synthesised}
            rows.append(row("after synthesis", (sums[0], sums[1]), self.synthesised, more))
        return "\n".join([f"reported by {self.tool}:", plain_table([*header, *extra], rows), *self.notes])


def _sum(uses: list[dict[str, int]]) -> dict[str, int]:
    return {name: sum(use.get(name, 0) for use in uses) for name in dict.fromkeys(key for use in uses for key in use)}


def _cell(use: Mapping[str, float], name: str, sign: bool = False) -> str:
    if name not in use:
        return "-"
    number = use[name]
    digits = 0 if float(number).is_integer() else 1
    return f"{number:+.{digits}f}" if sign else f"{number:.{digits}f}"
