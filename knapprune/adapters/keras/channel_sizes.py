"""Which parameters of a Keras model go with which channels, and how often each is multiplied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import Any

from knapprune.adapters.keras.graph import Call, calls, own_calls
from knapprune.adapters.keras.kinds import is_a, kind_of, leaf_layers
from knapprune.network.channels import ChannelWeights

_DEPTHWISE = ("DepthwiseConv1D", "DepthwiseConv2D")
_SEPARABLE = ("SeparableConv1D", "SeparableConv2D")
_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D")
_RECURRENT = ("LSTM", "GRU")
_KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")
Axes = tuple[int | None, int | None]


def channel_weights(model: Any, kernels_in: Callable[[Any], Mapping[str, Any]]) -> tuple[ChannelWeights, ...]:
    """List the parameters of a model; those of models inside it go with no channel.

    Parameters
    ----------
    model
        The model.
    kernels_in
        Finds the kernels of a layer that can be masked.
    """
    times: Counter[int] = Counter()
    unknown = set()
    for call in calls(model):
        positions = _positions(call)
        if positions is None:
            unknown.add(id(call.layer))
        else:
            times[id(call.layer)] += positions
    own = {id(call.layer) for call in own_calls(model)}
    seen: set[int] = set()
    found: list[ChannelWeights] = []
    for layer in leaf_layers(model):
        positions = None if id(layer) in unknown else times[id(layer)]
        found += _of_layer(layer, kernels_in(layer), positions, id(layer) in own, seen)
    return tuple(found)


def _of_layer(
    layer: Any, masked: Mapping[str, Any], positions: int | None, cut: bool, seen: set[int]
) -> Iterator[ChannelWeights]:
    kernels = {id(kernel.variable): name for name, kernel in masked.items()}
    attributes = {id(getattr(layer, name, None)): name for name in (*_KERNELS, "bias", "alpha")}
    for variable in layer.weights:
        if id(variable) in seen:
            continue
        seen.add(id(variable))
        name, shape = attributes.get(id(variable), ""), tuple(variable.shape)
        kernel = kernels.get(id(variable), "")
        axes = _axes(layer, name, shape) if cut else (None, None)
        yield ChannelWeights(layer.name, shape, *axes, kernel, positions if kernel or name in _KERNELS else 0)


def _axes(layer: Any, name: str, shape: tuple[int, ...]) -> Axes:
    """Say which axes of a variable have inputs and outputs, as `cutting` cuts them."""
    kind = kind_of(layer)
    if kind == "BatchNormalization" or name == "bias":
        return None, 0
    if kind == "PReLU":
        return (None, -1) if shape[-1] > 1 else (None, None)
    if (kind in _DEPTHWISE and name == "kernel") or name == "depthwise_kernel":
        return -2, None
    return (-2, -1) if kind in ("Dense", *_CONVOLUTIONS, *_SEPARABLE) and name in _KERNELS else (None, None)


def _positions(call: Call) -> int | None:
    """Count how often one use of a layer multiplies each of its weights; None where sizes are not fixed."""
    layer = call.layer
    if is_a(layer, *_RECURRENT):
        steps = call.inputs[0].shape[1]
        return None if steps is None else int(steps)
    if is_a(layer, "EinsumDense"):
        return _of_einsum(layer, call)
    if not is_a(layer, "Dense", *_CONVOLUTIONS, *_DEPTHWISE, *_SEPARABLE):
        return 0
    shape = tuple(call.outputs[0].shape[1:])
    moves = shape[1:] if getattr(layer, "data_format", None) == "channels_first" else shape[:-1]
    return None if None in moves else int(prod(moves))


def _of_einsum(layer: Any, call: Call) -> int | None:
    """Count the places of the data's free axes: of all letters but the kernel's and the sample's."""
    data, rest = layer.equation.replace(" ", "").split(",")
    if "." in data:  # any number of axes in front
        letters, sizes = data.replace("...", ""), call.inputs[0].shape
        free = list(sizes[1 : len(sizes) - len(letters)])
        sizes = sizes[len(sizes) - len(letters) :]
    else:
        letters, sizes, free = data[1:], call.inputs[0].shape[1:], []
    kernel = rest.split("->")[0]
    free += [size for letter, size in zip(letters, sizes, strict=True) if letter not in kernel]
    return None if None in free else int(prod(free))
