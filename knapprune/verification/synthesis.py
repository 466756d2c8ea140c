"""Put what Yosys counts beside what was predicted, for the adder graphs of a generated project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from knapprune.hardware.adder_graph import LayerAdders
from knapprune.hardware.logic import tables_of
from knapprune.verification.comparison import LayerCheck
from knapprune.verification.yosys import synthesise_layer


def with_synthesis(checks: Mapping[str, LayerCheck], layers: Iterable[LayerAdders]) -> dict[str, LayerCheck]:
    """Synthesise adder graphs, and put predicted and synthesised look-up tables into the checks of their layers."""
    complete = dict(checks)
    for layer in layers:
        synthesised = synthesise_layer(layer).resources
        complete[layer.name] = replace(checks[layer.name], estimated={"lut": tables_of(layer)}, synthesised=synthesised)
    return complete
