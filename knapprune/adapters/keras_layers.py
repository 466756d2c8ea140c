"""What is in a Keras model: its layers with a kernel, and how hls4ml will see them."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import keras

from knapprune.adapters.keras_graph import Call, calls
from knapprune.adapters.keras_precision import input_precisions
from knapprune.hardware.resolve import resolve_layer
from knapprune.hls_config import HlsConfig
from knapprune.layers import Kind, Layer

# Exact classes: a DepthwiseConv2D or a quantised Dense of another library is computed differently.
_KINDS: dict[type, Kind] = {keras.layers.Dense: "dense", keras.layers.Conv1D: "conv1d", keras.layers.Conv2D: "conv2d"}


def leaf_layers(model: Any) -> Iterator[Any]:
    """Walk through a model's layers, and through those of the models in it.

    Parameters
    ----------
    model
        A Keras model.

    Yields
    ------
    keras.Layer
        Each layer that is not itself a model.
    """
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaf_layers(layer)
        else:
            yield layer


def kernel_layers(model: Any) -> dict[str, Any]:
    """Find the layers whose kernel can be masked.

    Parameters
    ----------
    model
        A built Keras model.

    Returns
    -------
    dict
        Dense, Conv1D and Conv2D layers by name, without grouped convolutions.

    Raises
    ------
    ValueError
        If the model is not built or two of them share a name.
    """
    if not model.built:
        raise ValueError(f"model {model.name!r} has no weights yet: give it an Input layer, or call it once")
    found: dict[str, Any] = {}
    for layer in leaf_layers(model):
        if type(layer) not in _KINDS or getattr(layer, "groups", 1) != 1:
            continue
        if found.setdefault(layer.name, layer) is not layer:
            raise ValueError(f"model {model.name!r} has two layers named {layer.name!r}, expected different names")
    return found


def layers(model: Any, config: HlsConfig) -> list[Layer]:
    """Describe the layers whose kernel can be masked.

    Parameters
    ----------
    model
        A built Sequential or Functional model.
    config
        The hls4ml configuration.

    Returns
    -------
    list of Layer
        In the order data passes them.

    Raises
    ------
    ValueError
        If a layer is used twice, or a shape is not fixed.
    """
    wanted = kernel_layers(model)
    found: dict[str, Layer] = {}
    order = calls(model)
    data = input_precisions(order, config)
    for call in order:
        name = call.layer.name
        if name not in wanted:
            continue
        if name in found:
            raise ValueError(
                f"layer {name!r} is used more than once: hls4ml builds each use on its own, which cannot be "
                "described by one mask and one count"
            )
        found[name] = resolve_layer(
            config,
            name,
            _KINDS[type(call.layer)],
            tuple(call.layer.kernel.shape),
            pixels=prod(_positions(call, call.outputs[0])),
            positions=prod(_padded(call)),
            hls_type=call.hls_type,
            data_bits=data[name].width,
        )
    return list(found.values())


def _positions(call: Call, tensor: Any) -> tuple[int, ...]:
    """Sizes of the axes along which the kernel moves."""
    shape = tensor.shape[1:]
    channels_first = getattr(call.layer, "data_format", None) == "channels_first"
    positions = tuple(shape[1:] if channels_first else shape[:-1])
    if None in positions:
        side = "output" if tensor is call.outputs[0] else "input"
        raise ValueError(f"layer {call.layer.name!r}: {side} shape {shape} is not fixed, expected a fixed input shape")
    return positions


def _padded(call: Call) -> list[int]:
    """Sizes of the same axes of the input, with what padding adds to them.

    With padding ``"same"``, as with any other, the last window ends where the padded input does, or before the rest
    that the stride leaves over: ``(outputs - 1) * stride + kernel``, if that is more than the input.
    """
    inputs, outputs = _positions(call, call.inputs[0]), _positions(call, call.outputs[0])
    if getattr(call.layer, "padding", "valid") == "valid":
        return list(inputs)
    windows = zip(inputs, outputs, call.layer.kernel_size, call.layer.strides, strict=True)
    return [max(size, (count - 1) * stride + kernel) for size, count, kernel, stride in windows]
