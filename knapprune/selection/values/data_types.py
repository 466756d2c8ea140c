"""The types that results of layers may take: of each width, the one by which the least is lost on the data given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import frexp
from typing import Any

import numpy as np

from knapprune.adapters.types_adapter import RoundsData
from knapprune.network.batches import batches, is_arrays
from knapprune.network.precision import FixedPoint
from knapprune.network.result_node import ResultNode
from knapprune.selection.request import Request
from knapprune.selection.values.asked import widths_of

AT_ONCE = 2048
"""Samples that go through the model together; what it computes on them does not depend on that."""
CUT_OFF = 2
"""Integer bits that a type may have less than the largest value takes: that is cut off, for a finer step."""


@dataclass(frozen=True)
class Width:
    """One type of a result.

    Parameters
    ----------
    type
        The type.
    loss
        What the model's mean loss rises by on the data given, where only this result is rounded; not negative.
    """

    type: FixedPoint
    loss: float = 0.0


@dataclass(frozen=True)
class Result:
    """A layer's result whose width is to be chosen.

    Parameters
    ----------
    layer
        The layer.
    readers
        The layers with weights whose data it is.
    widths
        What it may be.
    """

    layer: str
    readers: tuple[str, ...]
    widths: tuple[Width, ...]


def results_of(request: Request, given: Any) -> list[Result]:
    """Find the results that may be narrower, who reads them, and what each width loses on the data."""
    framework = request.framework
    if not isinstance(framework, RoundsData):
        raise ValueError(f"choose['data_bits']: {type(framework).__name__} cannot round data, expected no such choice")
    if request.data is None:
        raise ValueError("choose['data_bits']: got no data, expected data=(inputs, targets) to measure results on")
    nodes = framework.results(request.model)
    asked = _asked(given, nodes)
    read = _readers(request, {name: node for name, node in nodes.items() if name in asked})
    if not isinstance(given, Mapping):  # the inputs come as they are
        read = {name: readers for name, readers in read.items() if not nodes[name].given}
    elif idle := sorted(asked.keys() - read.keys()):
        raise ValueError(
            f"choose['data_bits']: no layer with weights takes its data from the result of {idle[0]!r} as it is; "
            f"expected some of {sorted(_readers(request, nodes))}"
        )
    if not read:
        raise ValueError("choose['data_bits']: no layer with weights takes its data from another's result")
    return _measured(request, [Result(name, readers, asked[name]) for name, readers in read.items()])


def _asked(given: Any, nodes: Mapping[str, ResultNode]) -> dict[str, tuple[Width, ...]]:
    """Read the widths by layer name; their types are found on the data."""
    lists = given if isinstance(given, Mapping) else dict.fromkeys(nodes, given)
    if unknown := sorted(lists.keys() - nodes.keys()):
        raise ValueError(f"choose['data_bits']: no results of layers {unknown}, expected some of {list(nodes)}")
    return {name: tuple(Width(FixedPoint(bits, 0)) for bits in widths_of(own)) for name, own in lists.items()}


def _readers(request: Request, nodes: Mapping[str, ResultNode]) -> dict[str, tuple[str, ...]]:
    """Find by trying whose data each result is; of two results that a layer's data come from, the last decides."""
    known = {layer.name: layer.data_bits for layer in request.layers}
    # A width that nothing has, so that whoever reads it differs.
    probe = max(known.values(), default=0) + 7
    decides: dict[str, str] = {}
    for name in nodes:
        tried = request.at_types({name: FixedPoint(probe, 1)})
        changed = [layer.name for layer in tried.layers if layer.data_bits != known[layer.name]]
        decides |= dict.fromkeys(changed, name)
    return {
        name: tuple(layer for layer, decider in decides.items() if decider == name)
        for name in nodes
        if name in decides.values()
    }


def _measured(request: Request, results: list[Result]) -> list[Result]:
    """Measure on a copy of the model what each type of each result loses; of each width, take the best type."""
    framework, model = request.framework, request.framework.apply(request.model, {})
    assert isinstance(framework, RoundsData)
    assert request.data is not None
    samples, batch_size = request.data
    size = max(batch_size, AT_ONCE) if is_arrays(samples) else batch_size

    def loss(types: dict[str, FixedPoint]) -> float:
        framework.round_data(model, types)
        total, count = 0.0, 0
        for batch in batches(samples, size):
            total += framework.loss(model, batch) * batch.size
            count += batch.size
        return total / count

    framework.round_data(model, {})
    ends: dict[str, tuple[float, float]] = {}
    for batch in batches(samples, size):
        for name, values in framework.values(model, batch).items():
            low, high = ends.get(name, (np.inf, -np.inf))
            ends[name] = min(low, float(values.min())), max(high, float(values.max()))
    before = loss({})
    measured = []
    for result in results:
        low, high = ends[result.layer]
        widths = []
        for width in result.widths:
            kinds = [covering(low, high, width.type.width, less) for less in range(CUT_OFF + 1)]
            tried = [Width(kind, max(loss({result.layer: kind}) - before, 0.0)) for kind in kinds]
            widths.append(min(tried, key=lambda own: own.loss))
        measured.append(replace(result, widths=tuple(widths)))
    return measured


def covering(low: float, high: float, bits: int, less: int = 0) -> FixedPoint:
    """Find the type of a width that reaches from `low` to `high`, signed only where it must be."""
    signed = low < 0
    return FixedPoint(bits, frexp(max(high, -low))[1] + signed - less, signed)
