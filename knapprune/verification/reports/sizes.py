"""How many values go in and out, by the ports in the reports and by the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from knapprune.project.read import GeneratedLayer
from knapprune.verification.reports.csynth import Module
from knapprune.verification.reports.design import Call, Design
from knapprune.verification.reports.folder import ReportError
from knapprune.verification.reports.names import index_of, kind_of
from knapprune.verification.reports.ports import by_argument, values


def dead_values(layers: Iterable[GeneratedLayer], design: Design) -> int:
    """Count values that need no port: those that meet zeros alone, and those that are sums of nothing."""
    steps = {call.name: call.step for call in design.calls}
    count = 0
    for layer in layers:
        if layer.weights.size != layer.n_in * layer.n_out or not layer.weights.size:
            continue
        # The strategies other than latency hold the kernel transposed.
        shape = (layer.n_in, layer.n_out) if layer.strategy == "latency" else (layer.n_out, layer.n_in)
        step = steps.get(layer.name.partition("/")[0], 0.0)
        alive = np.abs(layer.weights.reshape(shape)) >= max(step, np.finfo(np.float64).tiny)
        count += int(np.sum(~alive.any(axis=0)) + np.sum(~alive.any(axis=1)))
    return count


def fits(call: Call, module: Module, dead: int) -> bool:
    """Say whether a module has as many inputs and outputs as a layer."""
    if call.shape is None or kind_of(module.name) != "dense":
        return True
    return all(
        got is None or expected - dead <= got <= expected
        for got, expected in zip(shape_of(call, module), call.shape, strict=True)
    )


def shape_of(call: Call, module: Module) -> tuple[int | None, int | None]:
    """Count the values that go into a module and out of it."""
    inward, outward = (tuple(port for port in module.ports if port.inward is way) for way in (True, False))
    return values(inward, call.bits[0]), values(outward, call.bits[1])


def check_sizes(design: Design, modules: Mapping[str, Module], dead: int) -> None:
    """Refuse reports of layers with other numbers of inputs or outputs."""
    top = modules.get(design.top)
    ports = by_argument(top.ports if top else (), [argument.name for argument in design.arguments])
    for argument in design.arguments:
        count = values(ports[argument.name], argument.bits)
        if None not in (count, argument.values) and count != argument.values:
            raise ReportError(
                f"reports: of another model: the top function has {count} values in port {argument.name!r}, expected "
                f"{argument.values}"
            )
    by_index = {call.index: call for call in design.calls if call.shape and call.index is not None}
    for name in sorted(modules):
        index = index_of(name)
        call = None if index is None else by_index.get(index)
        if call is None or call.shape is None or kind_of(name) != "dense":
            continue
        for way, got, expected, least in zip(
            ("inputs", "outputs"), shape_of(call, modules[name]), call.shape, (call.shape[0] - dead, 0), strict=True
        ):
            if got is not None and not least <= got <= expected:
                raise ReportError(
                    f"reports: of another model: layer {call.name!r} has {expected} {way}, in the reports {got} "
                    f"(module {name!r})"
                )
