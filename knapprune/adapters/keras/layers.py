"""What is in a Keras model: its layers with a kernel, and how hls4ml will see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from math import prod
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from knapprune.adapters.keras.graph import Call, calls
from knapprune.adapters.keras.kernels import SCALES, find_kernels, kernel_names
from knapprune.adapters.keras.kinds import leaf_layers
from knapprune.adapters.keras.precision import Flow, data_flow, scale_of
from knapprune.adapters.mask_check import used_twice
from knapprune.hardware.window import Side, reached
from knapprune.network.hls_config import HlsConfig
from knapprune.network.layers import Kind, Layer
from knapprune.network.rounding import Rounding
from knapprune.network.rules.depthwise import resolve_depthwise
from knapprune.network.rules.einsum import resolve_einsum_dense
from knapprune.network.rules.recurrent import resolve_recurrent
from knapprune.network.rules.scale import resolve_scale
from knapprune.network.rules.separable import separable_config
from knapprune.network.rules.strategy import resolve_layer, weight_type

_KINDS: dict[type, Kind] = {keras.layers.Dense: "dense", keras.layers.Conv1D: "conv1d", keras.layers.Conv2D: "conv2d"}
_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
_SEPARABLE: dict[type, Kind] = {keras.layers.SeparableConv1D: "conv1d", keras.layers.SeparableConv2D: "conv2d"}


def layers(model: Any, config: HlsConfig) -> list[Layer]:
    """Describe the kernels that can be masked, and the layers that scale."""
    _check_qkeras(model)
    find_kernels(model)
    described: dict[str, Layer] = {}
    used: set[str] = set()
    order = calls(model)
    data = data_flow(order, config)
    for call in order:
        name = call.layer.name
        if not kernel_names(call.layer) and type(call.layer) not in SCALES:
            continue
        if name in used:
            raise used_twice(name)
        used.add(name)
        described |= {layer.name: _in_place(layer, call, config, data) for layer in _described(call, config, data)}
    return list(described.values())


def _check_qkeras(model: Any) -> None:
    """Refuse layers of QKeras that have been made on Keras 3, which hls4ml reads on Keras 2 alone."""
    for layer in leaf_layers(model):
        packages = {kind.__module__.partition(".")[0] for kind in type(layer).__mro__}
        if "qkeras" in packages and "hgq" not in packages:
            raise ValueError(
                f"model: layer {layer.name!r} is a {type(layer).__name__} of QKeras on Keras 3, expected one on "
                "tf_keras: set TF_USE_LEGACY_KERAS=1 in the environment before anything imports TensorFlow"
            )


def untouched(model: Any) -> list[str]:
    """Name the layers with weights that are neither masked nor counted."""
    return [
        layer.name
        for layer in leaf_layers(model)
        if layer.weights and not kernel_names(layer) and type(layer) not in SCALES
    ]


def folded(
    model: Any, kernels: dict[str, npt.NDArray[np.generic]], config: HlsConfig
) -> dict[str, npt.NDArray[np.generic]]:
    """Multiply the normalisations into kernels that hls4ml folds into them."""
    order = calls(model)
    if not any(isinstance(call.layer, keras.layers.BatchNormalization) for call in order):
        return kernels
    written = dict(kernels)
    for name, normalisations in data_flow(order, config).folded.items():
        for normalisation in normalisations if name in written and written[name].size else ():
            written[name] = np.multiply(scale_of(normalisation), written[name])
    return written


def _in_place(layer: Layer, call: Call, config: HlsConfig, flow: Flow) -> Layer:
    """Add what is known of each value where all values are there at once."""
    if config.io_type != "io_parallel":
        return layer
    # The second kernel of a layer reads what the first one computes.
    second = layer.name.endswith("/recurrent") or (
        type(call.layer) in _SEPARABLE and layer.name == f"{call.layer.name}_pointwise"
    )
    if not second and call.layer.name in flow.never_negative and flow.types[layer.name].signed:
        layer = replace(layer, never_negative=True)
    if second or not layer.convolves:
        return layer
    return replace(layer, reached=reached(_sides(call), layer.copies))


def _sides(call: Call) -> list[Side]:
    """Describe the axes along which a layer's window moves."""
    layer = call.layer
    sizes = _positions(call, call.inputs[0])
    if type(layer) is keras.layers.Dense:
        return [Side(size, size, 1) for size in sizes]
    windows = list(zip(sizes, layer.kernel_size, layer.strides, layer.dilation_rate, strict=True))
    if layer.padding == "same":
        return [Side.same(*window) for window in windows]
    return [
        Side(size, outputs, window, stride, dilation, (window - 1) * dilation if layer.padding == "causal" else 0)
        for (size, window, stride, dilation), outputs in zip(windows, _positions(call, call.outputs[0]), strict=True)
    ]


def _described(call: Call, config: HlsConfig, flow: Flow) -> Iterator[Layer]:
    layer, name, data = call.layer, call.layer.name, flow.types
    kind = type(layer)
    if kind in SCALES:
        if name in data:  # else it is folded into the layer before
            yield _scale(call, config, flow)
    elif kind is keras.layers.EinsumDense:
        shape = _fixed(call, call.inputs[0])
        yield resolve_einsum_dense(config, name, layer.equation, tuple(layer.kernel.shape), shape, data[name].width)
    elif kind in (keras.layers.LSTM, keras.layers.GRU):
        _check_recurrent(layer)
        steps, n_in = _fixed(call, call.inputs[0])
        yield from resolve_recurrent(config, name, call.hls_type, n_in, layer.units, steps, data[name].width)
    elif kind in _SEPARABLE:
        parts = separable_config(config, name, call.hls_type)
        first, second = (f"{name}_{part}" for part in ("depthwise", "pointwise"))
        yield _shared(_depthwise(call, parts, first, layer.depthwise_kernel, data[first].width))
        shape = tuple(layer.pointwise_kernel.shape)
        pixels = prod(_positions(call, call.outputs[0]))
        yield _shared(
            resolve_layer(
                parts,
                second,
                _SEPARABLE[kind],
                shape,
                pixels=pixels,
                positions=pixels,
                hls_type=call.hls_type.replace("Separable", ""),
                data_bits=data[second].width,
            )
        )
    elif kind in _DEPTHWISE:
        yield _depthwise(call, config, name, layer.kernel, data[name].width)
    else:
        yield resolve_layer(
            config,
            name,
            _KINDS[kind],
            tuple(layer.kernel.shape),
            pixels=prod(_positions(call, call.outputs[0])),
            positions=prod(_padded(call)),
            hls_type=call.hls_type,
            data_bits=data[name].width,
        )


def _depthwise(call: Call, config: HlsConfig, name: str, kernel: Any, data_bits: int) -> Layer:
    return resolve_depthwise(
        config,
        name,
        tuple(kernel.shape),
        pixels=prod(_positions(call, call.outputs[0])),
        positions=prod(_padded(call)),
        data_bits=data_bits,
    )


def _shared(layer: Layer) -> Layer:
    """Mark a part whose settings hls4ml copies from the whole."""
    return replace(layer, own_settings=False)


def _scale(call: Call, config: HlsConfig, flow: Flow) -> Layer:
    layer, name, data = call.layer, call.layer.name, flow.types[call.layer.name]
    if type(layer) is keras.layers.PReLU:
        # Its parameters take the input's type where nothing is said (infer_precision.py).
        said = config.precision("param", name, call.hls_type) is not None
        kind = weight_type(config, "param", name, call.hls_type) if said else Rounding(data)
        parameters = keras.ops.convert_to_numpy(layer.alpha)
    else:
        kind = weight_type(config, "scale", name, call.hls_type)
        parameters = reduce(np.multiply, map(scale_of, (*flow.folded.get(name, ()), layer)))
    return resolve_scale(config, name, call.hls_type, _fixed(call, call.inputs[0]), parameters, kind, data.width)


def _check_recurrent(layer: Any) -> None:
    """Refuse what hls4ml's recurrent layers ignore."""
    if getattr(layer, "reset_after", True) is False:
        raise ValueError(
            f"layer {layer.name!r} has reset_after=False, expected True: hls4ml's GRU applies the reset gate after the "
            "product, whatever the model says"
        )
    for name in ("go_backwards", "return_state", "stateful"):
        if getattr(layer, name):
            raise ValueError(f"layer {layer.name!r} has {name}=True, expected False: hls4ml does not build that")


def _fixed(call: Call, tensor: Any) -> tuple[int, ...]:
    """Sizes of a tensor's axes but the batch."""
    shape = tuple(tensor.shape[1:])
    if None in shape:
        raise ValueError(f"layer {call.layer.name!r}: input shape {shape} is not fixed, expected a fixed input shape")
    return shape


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
