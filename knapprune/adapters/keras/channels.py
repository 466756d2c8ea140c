"""A Keras model as tensors with channels: the last axis of each, as data are ordered to hls4ml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from knapprune.adapters.keras.channel_layers import translate
from knapprune.adapters.keras.graph import own_calls
from knapprune.network.channels import ChannelGraph, Operation, UnknownChannels


def channels(model: Any, rounding: Callable[[Any], Any] = lambda layer: None) -> ChannelGraph:
    """Describe a model by its channels; a model inside it is an operation of which nothing is known.

    Parameters
    ----------
    model
        The model.
    rounding
        Called with a layer, returns what its results are sent through behind it, number by number; None for nothing.
    """
    if not model.built:
        raise ValueError(f"model {model.name!r} has no weights yet: give it an Input layer, or call it once")
    order = own_calls(model)
    uses = Counter(id(call.layer) for call in order)
    owners = Counter(id(own) for call in order for own in {id(own): own for own in _variables(call.layer)}.values())
    widths: dict[Any, int] = {}
    operations: list[Operation] = []
    for call in order:
        for tensor in (*call.inputs, *call.outputs):
            widths[id(tensor)] = _width(tensor)
        # One layer cannot be cut in two ways.
        alone = uses[id(call.layer)] == 1 and all(owners[id(own)] == 1 for own in _variables(call.layer))
        for operation in translate(call, alone, rounding(call.layer)):
            operations.append(operation)
            if not isinstance(operation, UnknownChannels):
                widths.setdefault(operation.output, _width(call.outputs[0]))
    leaving = tuple(id(tensor) for tensor in model.outputs)
    return ChannelGraph((*operations, UnknownChannels(leaving, ())), widths)


def _width(tensor: Any) -> int:
    return int(tensor.shape[-1] or 0) if len(tensor.shape) else 0


def _variables(layer: Any) -> list[Any]:
    return list(getattr(layer, "weights", ()))  # what is no layer has none
