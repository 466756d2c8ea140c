"""What Keras layers with weights do with channels. Exact classes: layers of other libraries compute something else."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.keras.functions import numbers, quantiser_of
from knapprune.adapters.keras.graph import Call
from knapprune.adapters.keras.kinds import kind_of
from knapprune.network.channels import ChannelMix, ChannelSpread, Numbers, scaled

_CONVOLUTIONS = ("Conv1D", "Conv2D")
_DEPTHWISE = ("DepthwiseConv1D", "DepthwiseConv2D")
_SEPARABLE = ("SeparableConv1D", "SeparableConv2D")


def weighted(call: Call) -> ChannelMix | ChannelSpread | None:
    """Describe a layer whose weights can be cut."""
    layer, kind = call.layer, kind_of(call.layer)
    tensors = (id(call.inputs[0]), id(call.outputs[0]))
    if getattr(layer, "quantization_mode", None) is not None or getattr(layer, "lora_enabled", False):
        return None  # its kernel is put together from several variables
    if kind == "Dense":
        kernel = numbers(layer, "kernel")
        return ChannelMix(layer.name, *tensors, kernel != 0, kernel, _bias(layer, kernel.shape[-1]), _takes(layer))
    if kind in _CONVOLUTIONS and layer.groups == 1:
        kernel = numbers(layer, "kernel")
        return _convolution(call, (kernel != 0).any(axis=_moves(kernel)), kernel.sum(axis=_moves(kernel)))
    if kind in _SEPARABLE:
        return _separable(call)
    if kind in _DEPTHWISE:
        kernel = numbers(layer, depthwise_name(layer))
        factor, reads = kernel.sum(axis=_moves(kernel)).ravel(), (kernel != 0).any(axis=_moves(kernel)).ravel()
        source = np.repeat(np.arange(kernel.shape[-2]), kernel.shape[-1])
        constant = scaled(reads, factor, _bias(layer, len(source)), exact=not _pads(call))
        return ChannelSpread(layer.name, *tensors, source, constant, reads)
    if kind == "BatchNormalization" and np.ravel(layer.axis) in ([-1], [len(call.inputs[0].shape) - 1]):
        return _normalisation(call)
    if kind == "PReLU":
        return _parametric(call)
    return None


def _convolution(call: Call, reads: npt.NDArray[np.bool_], sums: Numbers) -> ChannelMix:
    bias, exact = _bias(call.layer, reads.shape[-1]), _takes(call.layer) and not _pads(call)
    return ChannelMix(call.layer.name, id(call.inputs[0]), id(call.outputs[0]), reads, sums, bias, exact)


def _separable(call: Call) -> ChannelMix:
    depthwise, pointwise = numbers(call.layer, "depthwise_kernel"), numbers(call.layer, "pointwise_kernel")
    inputs, multiplier = depthwise.shape[-2:]
    onward = pointwise.reshape(inputs, multiplier, -1)
    read = (depthwise != 0).any(axis=_moves(depthwise))[..., None] & (onward != 0)
    sums = (depthwise.sum(axis=_moves(depthwise))[..., None] * onward).sum(axis=1)
    return _convolution(call, read.any(axis=1), sums)


def _normalisation(call: Call) -> ChannelSpread:
    layer = call.layer
    mean, variance = numbers(layer, "moving_mean"), numbers(layer, "moving_variance")
    gamma = numbers(layer, "gamma") if layer.scale else np.ones(len(mean))
    beta = numbers(layer, "beta") if layer.center else np.zeros(len(mean))
    factor = gamma / np.sqrt(variance + layer.epsilon)
    constant = scaled(gamma != 0, factor, beta - np.where(gamma != 0, mean * factor, 0.0))
    source = np.arange(len(mean))
    return ChannelSpread(layer.name, id(call.inputs[0]), id(call.outputs[0]), source, constant, gamma != 0)


def _parametric(call: Call) -> ChannelSpread:
    width = int(call.inputs[0].shape[-1])
    slopes = np.broadcast_to(numbers(call.layer, "alpha"), (*call.layer.alpha.shape[:-1], width)).reshape(-1, width)

    def constant(constants: Numbers) -> Numbers:
        negative = np.where((slopes == slopes[0]).all(axis=0), constants * slopes[0], np.nan)
        return np.where(constants >= 0, constants, negative)

    tensors = (id(call.inputs[0]), id(call.outputs[0]))
    return ChannelSpread(call.layer.name, *tensors, np.arange(width), constant)


def _pads(call: Call) -> bool:
    """Say whether a convolution adds zeros at an edge."""
    layer = call.layer
    if layer.padding == "valid":
        return False
    lengths = call.inputs[0].shape[1:-1]
    return any(
        _padding(layer.padding, length, *sizes)
        for length, *sizes in zip(lengths, layer.kernel_size, layer.strides, layer.dilation_rate, strict=True)
    )


def _padding(padding: str, length: int | None, kernel: int, stride: int, dilation: int) -> bool:
    reach = (kernel - 1) * dilation + 1
    if reach == 1 or padding != "same" or length is None:
        return reach > 1
    return (-(-length // stride) - 1) * stride + reach > length


def _bias(layer: Any, width: int) -> Numbers:
    return numbers(layer, "bias") if layer.use_bias else np.zeros(width)


def _takes(layer: Any) -> bool:
    """Say whether a layer's bias takes over any number: not one that is quantised again."""
    return quantiser_of(layer, "bias") is None


def depthwise_name(layer: Any) -> str:
    """Name the variable of a depthwise layer that Keras 3 and tf_keras call otherwise."""
    return "depthwise_kernel" if hasattr(layer, "depthwise_kernel") else "kernel"


def _moves(kernel: npt.NDArray[Any]) -> tuple[int, ...]:
    return tuple(range(kernel.ndim - 2))
