"""Modules whose names hide their layer, given to the layers that their ports leave no doubt about.

Vivado HLS 2019 and 2020 name a function with many constant arguments after them: ``dense_latency_0_0_0_0_0_0_0_1``.
Neither the ending nor the order of the instances is that of the layers: four Dense layers were found listed as the
second, third, first and fourth. What tells them apart are the ports, as many as the layer has inputs and outputs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from knapprune.verification.reports.csynth import Module
from knapprune.verification.reports.design import Design
from knapprune.verification.reports.layers import Placement
from knapprune.verification.reports.names import hides_its_layer, kind_of
from knapprune.verification.reports.sizes import fits


def with_hidden(placement: Placement, modules: Mapping[str, Module], design: Design, dead: int) -> Placement:
    """Give modules that hide their layer to the layers without a module."""
    if not placement.certain:
        return placement
    open_calls = [call for call in design.calls if call.shape and call.name not in placement.layers]
    hidden = [name for name, count in placement.others.items() if count == 1 and hides_its_layer(name)]
    possible = {
        name: {call.name for call in open_calls if kind_of(name) == "dense" and fits(call, modules[name], dead)}
        for name in hidden
    }
    # As many modules as layers: a module that is the only one for its layer is taken, whatever else it would fit.
    complete = len(possible) == len(open_calls)
    module_of: dict[str, str] = {}
    while pair := _certain_pair(possible, complete):
        module, layer = pair
        module_of[layer] = module
        possible = {name: layers - {layer} for name, layers in possible.items() if name != module}
    return replace(
        placement,
        layers=placement.layers | {layer: Counter({module: 1}) for layer, module in module_of.items()},
        others=placement.others - Counter(module_of.values()),
    )


def _certain_pair(possible: Mapping[str, set[str]], complete: bool) -> tuple[str, str] | None:
    wanted = Counter(layer for layers in possible.values() for layer in layers)
    for module, layers in possible.items():
        for layer in layers:
            signs = (len(layers) == 1, wanted[layer] == 1)
            if any(signs) if complete else all(signs):
                return module, layer
    return None
