"""What each Keras layer does with channels. Exact classes: a layer of another library computes something else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import keras
import numpy as np

from knapprune.adapters.keras.channel_weights import weighted
from knapprune.adapters.keras.graph import Call
from knapprune.adapters.keras.rounding import Rounding, rounding_after
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

_L, _A = keras.layers, keras.activations
# Of single numbers: what they make of a channel depends on nothing but that channel.
_OF_NUMBERS = (
    *(_A.linear, _A.relu, _A.relu6, _A.leaky_relu, _A.elu, _A.selu, _A.celu, _A.gelu, _A.silu, _A.mish),
    *(_A.tanh, _A.sigmoid, _A.hard_sigmoid, _A.hard_silu, _A.softplus, _A.softsign, _A.exponential, _A.log_sigmoid),
)
_ACTIVATIONS = (_L.ReLU, _L.LeakyReLU, _L.ELU)
_SAME_IN_INFERENCE = (
    *(_L.Dropout, _L.SpatialDropout1D, _L.SpatialDropout2D, _L.GaussianNoise, _L.GaussianDropout, _L.AlphaDropout),
    _L.ActivityRegularization,
)
# Of a map of one value, another map of that value.
_MAPS = (
    *(_L.MaxPooling1D, _L.MaxPooling2D, _L.GlobalMaxPooling1D, _L.GlobalMaxPooling2D),
    *(_L.GlobalAveragePooling1D, _L.GlobalAveragePooling2D),
    *(_L.Cropping1D, _L.Cropping2D, _L.UpSampling1D, _L.UpSampling2D),
)
_JOINS: dict[type, Callable[[Sequence[Numbers]], Numbers]] = {
    _L.Add: lambda constants: np.sum(constants, axis=0),
    _L.Subtract: lambda constants: constants[0] - constants[1],
    _L.Multiply: product,
    _L.Average: lambda constants: np.mean(constants, axis=0),
    _L.Maximum: lambda constants: np.max(constants, axis=0),
    _L.Minimum: lambda constants: np.min(constants, axis=0),
}


def translate(call: Call, alone: bool) -> list[Operation]:
    """Describe one use of a layer.

    Parameters
    ----------
    call
        The use.
    alone
        Whether the layer has no other use, and no other layer its weights.
    """
    layer, inputs, outputs = call.layer, call.inputs, call.outputs
    name = None if isinstance(layer, _L.InputLayer) else getattr(layer, "name", None)
    unknown = [UnknownChannels(tuple(map(id, inputs)), tuple(map(id, outputs)), name)]
    if getattr(layer, "data_format", None) == "channels_first" or not inputs or len(outputs) != 1:
        return list(unknown)
    found = _join(call) if len(inputs) > 1 else weighted(call) if alone else None
    if found is None and len(inputs) == 1:
        found = _weightless(call, alone)
    if found is None:
        return list(unknown)
    rounding = rounding_after(layer)
    function = getattr(layer, "activation", None) if isinstance(found, ChannelMix | ChannelSpread) else None
    if type(layer) in _ACTIVATIONS:
        function = None
    if function is None and rounding is None:
        return [found]
    return _followed(found, id(outputs[0]), int(outputs[0].shape[-1]), [function, rounding], name)


def _followed(found: Any, output: int, width: int, functions: list[Any], name: str | None) -> list[Operation]:
    """Have an operation followed by functions of its result."""
    functions = [own for own in functions if own is not None and own is not _A.linear]
    if not functions:
        return [found]
    names = [*((output, place) for place in range(len(functions))), output]
    steps: list[Operation] = [replace(found, output=names[0])]
    for function, before, after in zip(functions, names, names[1:], strict=False):
        if function in _OF_NUMBERS or isinstance(function, Rounding):
            steps.append(ChannelSpread(None, before, after, np.arange(width), through(_numbers(function))))
        else:
            steps.append(UnknownChannels((before,), (after,), name))
    return steps


def _weightless(call: Call, alone: bool) -> ChannelSpread | None:
    """Describe a layer of one input without weights."""
    layer, kind, shape = call.layer, type(call.layer), call.inputs[0].shape
    if not shape or shape[-1] is None:
        return None
    same = np.arange(shape[-1])
    as_is = partial(ChannelSpread, None, id(call.inputs[0]), id(call.outputs[0]))
    if kind in _SAME_IN_INFERENCE or kind in _MAPS or kind is _L.Activation:
        return as_is(same, unchanged)
    if kind in _ACTIVATIONS:
        return as_is(same, through(_numbers(layer.call)))
    if kind in (_L.AveragePooling1D, _L.AveragePooling2D):
        # Not all that Keras computes with leaves out of the average what is padded.
        sure = layer.padding == "valid" or keras.backend.backend() in ("tensorflow", "jax")
        return as_is(same, unchanged if sure else zero_alone)
    if kind in (_L.ZeroPadding1D, _L.ZeroPadding2D):
        return as_is(same, zero_alone)
    positions = None if None in shape[1:] else int(np.prod(shape[1:-1]))
    if kind is _L.Flatten and positions is not None:
        return as_is(np.tile(same, positions), unchanged)
    if kind is _L.Reshape and alone and positions is not None:
        return _reshape(call, positions)
    return None


def _reshape(call: Call, positions: int) -> ChannelSpread | None:
    channels, after = int(call.inputs[0].shape[-1]), call.outputs[0].shape[1:]
    tensors = (id(call.inputs[0]), id(call.outputs[0]))
    if after == (positions * channels,):
        return ChannelSpread(call.layer.name, *tensors, np.tile(np.arange(channels), positions), unchanged)
    if after[-1] == channels:
        return ChannelSpread(call.layer.name, *tensors, np.arange(channels), unchanged)
    return None


def _join(call: Call) -> Operation | None:
    """Describe a layer of several inputs."""
    inputs, output, kind = tuple(map(id, call.inputs)), id(call.outputs[0]), type(call.layer)
    if kind is _L.Concatenate:
        last = call.layer.axis in (-1, len(call.inputs[0].shape) - 1)
        return ChannelConcatenation(inputs, output) if last else ChannelJoin(inputs, output, one_value)
    operator = (kind.__module__, kind.__name__) == ("keras.src.ops.numpy", "Add")
    function = _JOINS.get(_L.Add if operator else kind)
    if function is None or len({tensor.shape[-1] for tensor in call.inputs}) > 1:
        return None
    if len({len(tensor.shape) for tensor in call.inputs}) > 1:
        return None
    return ChannelJoin(inputs, output, function)


def _numbers(function: Callable[[Any], Any]) -> Callable[[Numbers], Numbers]:
    """Call a function of tensors on an array."""
    return lambda numbers: np.array(
        keras.ops.convert_to_numpy(function(keras.ops.convert_to_tensor(numbers, "float32"))), np.float64
    )
