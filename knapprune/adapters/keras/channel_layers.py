"""What each Keras layer does with channels. Exact classes: a layer of another library computes something else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from knapprune.adapters.keras.channel_weights import weighted
from knapprune.adapters.keras.functions import activation, of_single_numbers, on_numbers
from knapprune.adapters.keras.graph import Call
from knapprune.adapters.keras.kinds import kind_of, package_of
from knapprune.network.channels import (
    ChannelConcatenation,
    ChannelJoin,
    ChannelMix,
    ChannelSpread,
    Numbers,
    Operation,
    UnknownChannels,
    one_value,
    product,
    through,
    unchanged,
    zero_alone,
)

_ACTIVATIONS = ("ReLU", "LeakyReLU", "ELU")
_SAME_IN_INFERENCE = (
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "AlphaDropout"),
    "ActivityRegularization",
)
# Of a map of one value, another map of that value.
_MAPS = (
    *("MaxPooling1D", "MaxPooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D"),
    *("GlobalAveragePooling1D", "GlobalAveragePooling2D"),
    *("Cropping1D", "Cropping2D", "UpSampling1D", "UpSampling2D"),
)
_JOINS: dict[str, Callable[[Sequence[Numbers]], Numbers]] = {
    "Add": lambda constants: np.sum(constants, axis=0),
    "Subtract": lambda constants: constants[0] - constants[1],
    "Multiply": product,
    "Average": lambda constants: np.mean(constants, axis=0),
    "Maximum": lambda constants: np.max(constants, axis=0),
    "Minimum": lambda constants: np.min(constants, axis=0),
}


def translate(call: Call, alone: bool, rounding: Callable[[Any], Any] | None) -> list[Operation]:
    """Describe one use of a layer.

    Parameters
    ----------
    call
        The use.
    alone
        Whether the layer has no other use, and no other layer its weights.
    rounding
        What its result is sent through, number by number; None for nothing.
    """
    layer, inputs, outputs = call.layer, call.inputs, call.outputs
    kind = kind_of(layer)
    name = None if kind == "InputLayer" else getattr(layer, "name", None)
    unknown = [UnknownChannels(tuple(map(id, inputs)), tuple(map(id, outputs)), name)]
    if getattr(layer, "data_format", None) == "channels_first" or not inputs or len(outputs) != 1:
        return list(unknown)
    found = _join(call) if len(inputs) > 1 else weighted(call) if alone else None
    if found is None and len(inputs) == 1:
        found = _weightless(call, alone)
    if found is None:
        return list(unknown)
    function = activation(layer) if isinstance(found, ChannelMix | ChannelSpread) and kind not in _ACTIVATIONS else None
    steps = [(own, known) for own, known in ((function, of_single_numbers(function)), (rounding, True)) if own]
    return _followed(call, found, steps)


def _followed(call: Call, found: Any, functions: list[tuple[Any, bool]]) -> list[Operation]:
    """Have an operation followed by functions of its result, and whether they go by single numbers."""
    if not functions:
        return [found]
    output, width, package = id(call.outputs[0]), int(call.outputs[0].shape[-1]), _package(call.layer)
    names = [*((output, place) for place in range(len(functions))), output]
    steps: list[Operation] = [replace(found, output=names[0])]
    for (function, known), before, after in zip(functions, names, names[1:], strict=False):
        if known:
            on_arrays = through(on_numbers(function, package))
            steps.append(ChannelSpread(None, before, after, np.arange(width), on_arrays))
        else:
            steps.append(UnknownChannels((before,), (after,), call.layer.name))
    return steps


def _weightless(call: Call, alone: bool) -> ChannelSpread | None:
    """Describe a layer of one input without weights."""
    layer, kind, shape = call.layer, kind_of(call.layer), tuple(call.inputs[0].shape)
    if not shape or shape[-1] is None:
        return None
    same = np.arange(shape[-1])
    as_is = partial(ChannelSpread, None, id(call.inputs[0]), id(call.outputs[0]))
    if kind in _SAME_IN_INFERENCE or kind in _MAPS or kind == "Activation":
        return as_is(same, unchanged)
    if kind in _ACTIVATIONS:
        return as_is(same, through(on_numbers(layer.call, _package(layer))))
    if kind in ("AveragePooling1D", "AveragePooling2D"):
        return as_is(same, unchanged if layer.padding == "valid" or _averages_inside(layer) else zero_alone)
    if kind in ("ZeroPadding1D", "ZeroPadding2D"):
        return as_is(same, zero_alone)
    positions = None if None in shape[1:] else int(np.prod(shape[1:-1]))
    if kind == "Flatten" and positions is not None:
        return as_is(np.tile(same, positions), unchanged)
    if kind == "Reshape" and alone and positions is not None:
        return _reshape(call, positions)
    return None


def _reshape(call: Call, positions: int) -> ChannelSpread | None:
    channels, after = int(call.inputs[0].shape[-1]), tuple(call.outputs[0].shape[1:])
    tensors = (id(call.inputs[0]), id(call.outputs[0]))
    if after == (positions * channels,):
        return ChannelSpread(call.layer.name, *tensors, np.tile(np.arange(channels), positions), unchanged)
    if after[-1] == channels:
        return ChannelSpread(call.layer.name, *tensors, np.arange(channels), unchanged)
    return None


def _join(call: Call) -> Operation | None:
    """Describe a layer of several inputs."""
    inputs, output, kind = tuple(map(id, call.inputs)), id(call.outputs[0]), kind_of(call.layer)
    if kind == "Concatenate":
        last = call.layer.axis in (-1, len(call.inputs[0].shape) - 1)
        return ChannelConcatenation(inputs, output) if last else ChannelJoin(inputs, output, one_value)
    own = type(call.layer)
    function = _JOINS.get("Add" if (own.__module__, own.__name__) == ("keras.src.ops.numpy", "Add") else kind)
    if function is None or len({tensor.shape[-1] for tensor in call.inputs}) > 1:
        return None
    if len({len(tensor.shape) for tensor in call.inputs}) > 1:
        return None
    return ChannelJoin(inputs, output, function)


def _averages_inside(layer: Any) -> bool:
    """Say whether what is padded is left out of averages: not by all that Keras 3 computes with."""
    if _package(layer) != "keras":
        return True
    import keras

    return keras.backend.backend() in ("tensorflow", "jax")


def _package(layer: Any) -> str:
    return package_of(type(layer))
