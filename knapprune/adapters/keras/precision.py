"""Widths of the data between layers, as hls4ml will infer them: they decide how many DSP blocks a product takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from math import prod
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from knapprune.adapters.keras.graph import Call
from knapprune.network.hls_config import HlsConfig, HlsConfigError
from knapprune.network.precision import FixedPoint, at_most, of_add, of_choice, of_multiply, of_product_sum, of_scaling
from knapprune.network.rules.separable import separable_config

# hls4ml takes these out, or passes their input's type on.
_TRANSPARENT = (
    keras.layers.Flatten,
    keras.layers.Permute,
    keras.layers.Reshape,
    keras.layers.UpSampling1D,
    keras.layers.UpSampling2D,
    keras.layers.ZeroPadding1D,
    keras.layers.ZeroPadding2D,
)
_POOLING = (
    keras.layers.AveragePooling1D,
    keras.layers.AveragePooling2D,
    keras.layers.MaxPooling1D,
    keras.layers.MaxPooling2D,
)
_GLOBAL_POOLING = (
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling1D,
    keras.layers.GlobalMaxPooling2D,
)
_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
_SEPARABLE = (keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)
# What comes out are values that went in, or zeros.
_MOVING = (*_TRANSPARENT[:3], keras.layers.ZeroPadding1D, keras.layers.ZeroPadding2D, *_POOLING[2:])
_PRODUCT_SUMS = (keras.layers.Dense, keras.layers.Conv1D, keras.layers.Conv2D, *_DEPTHWISE, *_SEPARABLE)
# hls4ml makes a layer of its own of their activation.
_ACTIVATED = (*_PRODUCT_SUMS, keras.layers.EinsumDense)
# Layers whose result has a type of its own, beside product sums; those that only pass values on take their input's.
_TYPED = (
    *_POOLING,
    *_GLOBAL_POOLING,
    keras.layers.InputLayer,
    keras.layers.Activation,
    keras.layers.Dropout,  # a linear activation to hls4ml, which casts from one explicit type to another
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.Add,
    keras.layers.Average,
    keras.layers.Subtract,
    keras.layers.Multiply,
    keras.layers.Concatenate,
    keras.layers.Maximum,
    keras.layers.Minimum,
)
# A layer without a bias gets hls4ml's zero of one unsigned bit.
_NO_BIAS = FixedPoint(1, 1, signed=False)


@dataclass(frozen=True)
class Flow:
    """What passes between layers, as hls4ml will see it.

    Parameters
    ----------
    types
        The type of the data that enters each layer, by name; of the first input where a layer has several. A separable
        convolution has entries for both parts, ``x_depthwise`` and ``x_pointwise``; a normalisation that is folded into
        the layer before has none.
    folded
        By layer name, the normalisations that hls4ml multiplies into it, in their order. Of two normalisations, the
        second is what is left.
    never_negative
        Layers whose input comes from a ReLU, by nothing but what moves values or takes the largest.
    """

    types: dict[str, FixedPoint]
    folded: dict[str, tuple[Any, ...]]
    never_negative: frozenset[str]


def data_flow(order: list[Call], config: HlsConfig) -> Flow:
    """Infer what enters each layer."""
    walk = _Walk(config, Counter(id(tensor) for call in order for tensor in call.inputs))
    for call in order:
        walk.take(call)
    return Flow(walk.entering, walk.merged, frozenset(walk.never_negative))


@dataclass
class _Walk:
    """What is known of the tensors and layers that data has passed; tensors go by their ``id``.

    Parameters
    ----------
    config
        The hls4ml configuration.
    uses
        How many calls read each tensor.
    types, inferred
        The type of each tensor, and those that hls4ml infers.
    foldable
        For each tensor, the layer into which a normalisation behind it is folded.
    positive
        Tensors that are never negative.
    entering, merged, never_negative
        As in :class:`Flow`.
    """

    config: HlsConfig
    uses: Mapping[int, int]
    types: dict[int, FixedPoint] = field(default_factory=dict)
    inferred: set[int] = field(default_factory=set)
    foldable: dict[int, Any] = field(default_factory=dict)
    positive: set[int] = field(default_factory=set)
    entering: dict[str, FixedPoint] = field(default_factory=dict)
    merged: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    never_negative: set[str] = field(default_factory=set)

    def take(self, call: Call) -> None:
        """Pass one call."""
        layer, inputs = call.layer, [self.types[id(tensor)] for tensor in call.inputs]
        normalises = isinstance(layer, keras.layers.BatchNormalization)
        before = self.foldable.get(id(call.inputs[0])) if normalises else None
        folded = before is not None and not isinstance(before, keras.layers.BatchNormalization)
        if before is not None:
            inputs = self._merge(layer, before, inputs, folded)
        if call.inputs and id(call.inputs[0]) in self.positive:
            self.never_negative.add(layer.name)
        if inputs and not folded:
            self.entering[layer.name] = inputs[0]
        if type(layer) in _SEPARABLE:
            self.entering[f"{layer.name}_depthwise"] = inputs[0]
            self.entering[f"{layer.name}_pointwise"] = _between(call, inputs[0], self.config)
        # A linear activation is taken out again, unless it casts from one explicit type to another.
        linear = _is_linear_activation(layer) and id(call.inputs[0]) in self.inferred
        passes = folded or linear or (_keeps_type(call, self.config) and id(call.inputs[0]) in self.inferred)
        kept = passes or _keeps_type(call, self.config)
        self._leave(
            call, inputs[0] if kept else _result(call, inputs, self.config), passes, before if folded else layer
        )

    def _merge(self, layer: Any, before: Any, inputs: list[FixedPoint], folded: bool) -> list[FixedPoint]:
        """Fold a normalisation into what is before it; return what enters the layer that is left."""
        if type(before) in _DEPTHWISE:
            # bn_fuse.py multiplies (..., channels, 1) by (channels,), and writes channels times as many weights.
            raise HlsConfigError(
                f"hls_config: layer {layer.name!r} would be folded into {before.name!r}, which hls4ml gets wrong "
                f"for depthwise convolutions; expected a result precision for {before.name!r} other than 'auto'"
            )
        if folded:
            into = f"{before.name}_pointwise" if type(before) in _SEPARABLE else before.name
            self.merged[into] = (*self.merged.get(into, ()), layer)
            return inputs
        # Of two normalisations, the second is left, on the first one's inputs.
        self.merged[layer.name] = (*self.merged.pop(before.name, ()), before)
        return [self.entering.pop(before.name)]

    def _leave(self, call: Call, result: FixedPoint, passes: bool, takes_scale: Any) -> None:
        """Note what is known of a call's outputs."""
        layer = call.layer
        moves = isinstance(layer, _MOVING) or _is_linear_activation(layer)
        positive = _is_relu(layer) or (moves and layer.name in self.never_negative)
        free = _asked(call, self.config) is None and not _keeps_type(call, self.config)
        for tensor in map(id, call.outputs):
            self.types[tensor] = result
            if positive:
                self.positive.add(tensor)
            if passes or free:
                self.inferred.add(tensor)
            # hls4ml folds a normalisation into the product sum or the normalisation before it, if nobody else reads
            # that (bn_fuse.py, batchnorm_opt.py).
            if _takes_scale(layer) and self.uses[tensor] == 1 and free:
                self.foldable[tensor] = takes_scale


def scale_of(layer: Any) -> npt.NDArray[np.floating[Any]]:
    """Compute what a normalisation multiplies by, in hls4ml's own arithmetic."""
    variance = keras.ops.convert_to_numpy(layer.moving_variance)
    gamma = keras.ops.convert_to_numpy(layer.gamma) if layer.scale else np.ones_like(variance)
    scale: npt.NDArray[np.floating[Any]] = gamma / np.sqrt(variance + layer.epsilon)
    return scale


def result_node(call: Call) -> str | None:
    """Name the layer of hls4ml whose result is that of a layer; None where it has no type of its own."""
    layer = call.layer
    activation: Any = getattr(layer, "activation", None)
    if activation is keras.activations.softmax:
        return None
    if type(layer) in _ACTIVATED and activation not in (None, keras.activations.linear):
        return f"{layer.name}_{activation.__name__}"
    return layer.name if type(layer) in (*_TYPED, *_ACTIVATED) else None


def _is_relu(layer: Any) -> bool:
    if type(layer) is keras.layers.ReLU:
        return layer.max_value is None and not layer.negative_slope and not layer.threshold
    return getattr(layer, "activation", None) is keras.activations.relu


def _result(call: Call, inputs: list[FixedPoint], config: HlsConfig) -> FixedPoint:
    layer = call.layer
    activation: Any = getattr(layer, "activation", None)
    linear = activation is None or activation is keras.activations.linear
    if type(layer) in _ACTIVATED and not linear:
        # hls4ml splits the activation off into a layer of its own, whose type it does not infer.
        name = f"{layer.name}_{activation.__name__}"
        hls_class = "Softmax" if activation is keras.activations.softmax else "Activation"
        return config.precision("result", name, hls_class) or config.default_precision
    asked = _asked(call, config)
    return asked if asked is not None else _inferred(call, inputs, config)


def _inferred(call: Call, inputs: list[FixedPoint], config: HlsConfig) -> FixedPoint:
    layer, default = call.layer, config.default_precision

    def own(variable: str) -> FixedPoint:
        return config.precision(variable, layer.name, call.hls_type) or default

    if isinstance(layer, (*_TRANSPARENT, *_POOLING)):
        return inputs[0]
    if type(layer) in _SEPARABLE:
        parts = separable_config(config, layer.name, call.hls_type)
        weight = parts.precision("weight", *_pointwise(layer)) or default
        bias = (parts.precision("bias", *_pointwise(layer)) or default) if layer.use_bias else _NO_BIAS
        result = of_product_sum(_between(call, inputs[0], config), weight, bias, layer.pointwise_kernel.shape[-2])
    elif _is_product_sum(layer):
        bias = own("bias") if layer.use_bias else _NO_BIAS
        summed = layer.kernel.shape[: -2 if type(layer) in _DEPTHWISE else -1]
        result = of_product_sum(inputs[0], own("weight"), bias, prod(summed))
    elif isinstance(layer, keras.layers.BatchNormalization):
        result = of_scaling(inputs[0], own("scale"), own("bias"))
    elif isinstance(layer, (keras.layers.Add, keras.layers.Average)):
        result = reduce(of_add, inputs)
    elif isinstance(layer, keras.layers.Subtract):
        result = of_add(inputs[0], inputs[1], subtract=True)
    elif isinstance(layer, keras.layers.Multiply):
        result = reduce(of_multiply, inputs)
    elif isinstance(layer, (keras.layers.Concatenate, keras.layers.Maximum, keras.layers.Minimum)):
        result = reduce(of_choice, inputs)
    else:
        return default
    return at_most(result, config.maximum_precision)


def _between(call: Call, data: FixedPoint, config: HlsConfig) -> FixedPoint:
    """Infer the type between the two parts of a separable convolution."""
    layer = call.layer
    parts = separable_config(config, layer.name, call.hls_type)
    depthwise = (f"{layer.name}_depthwise", call.hls_type.replace("Separable", "Depthwise"))
    asked = parts.precision("result", *depthwise)
    if asked is not None:
        return asked
    weight = parts.precision("weight", *depthwise) or config.default_precision
    result = of_product_sum(data, weight, _NO_BIAS, prod(layer.depthwise_kernel.shape[:-2]))
    return at_most(result, config.maximum_precision)


def _pointwise(layer: Any) -> tuple[str, str]:
    return f"{layer.name}_pointwise", type(layer).__name__.replace("Separable", "")


def _keeps_type(call: Call, config: HlsConfig) -> bool:
    """Say whether hls4ml gives a result the type of the input, whatever the configuration says."""
    if isinstance(call.layer, keras.layers.Reshape):
        # A stream is packed anew, into the type that was asked for.
        return config.io_type == "io_parallel" or len(call.outputs[0].shape) == 2
    return isinstance(call.layer, _TRANSPARENT)


def _asked(call: Call, config: HlsConfig) -> FixedPoint | None:
    if type(call.layer) in _SEPARABLE:
        return separable_config(config, call.layer.name, call.hls_type).precision("result", *_pointwise(call.layer))
    return config.precision("result", call.layer.name, call.hls_type)


def _is_linear_activation(layer: Any) -> bool:
    dropped = isinstance(layer, (keras.layers.Activation, keras.layers.Dropout))
    return dropped and getattr(layer, "activation", keras.activations.linear) is keras.activations.linear


def _takes_scale(layer: Any) -> bool:
    if isinstance(layer, keras.layers.BatchNormalization):
        return True
    return _is_product_sum(layer) and layer.activation is keras.activations.linear


def _is_product_sum(layer: Any) -> bool:
    return type(layer) in _PRODUCT_SUMS
