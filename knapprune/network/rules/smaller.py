"""A layer with fewer inputs and outputs, as hls4ml will compute it: its reuse factor is held against the new sizes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from math import prod

import numpy as np
import numpy.typing as npt

from knapprune.network.hls_config import HlsConfigError
from knapprune.network.layers import Layer
from knapprune.network.rules.strategy import HardwareWarning, effective_reuse_factor

Flags = npt.NDArray[np.bool_]


def smaller_layer(layer: Layer, kept: Mapping[int, Flags]) -> Layer:
    """Keep some places along some axes of a layer's kernel.

    What hls4ml infers of types from the number of inputs stays as it is: the layers of a smaller model tell that.
    """
    shape = tuple(int(kept[axis].sum()) if axis in kept else size for axis, size in enumerate(layer.kernel_shape))
    first = layer.first_axis
    if first and 0 in kept:
        number = np.cumsum(kept[0]) - 1
        first = tuple(int(number[place]) for place in first if kept[0][place])
    n_in, n_out = (prod(shape[:-1]), prod(shape[-2:])) if layer.depthwise else (prod(shape[:-1]), shape[-1])
    factor = _factor(layer, n_in, n_out)
    return replace(layer, kernel_shape=shape, first_axis=first, reuse_factor=factor)


def is_built(layer: Layer, before: Layer) -> bool:
    """Say whether hls4ml builds a layer that has become smaller; what it built before is taken to be built."""
    if layer.strategy == "resource_unrolled" and layer.reuse_factor == 1:
        return False
    above = layer.strategy == "resource" and layer.convolves and not layer.streamed and not layer.depthwise
    return not (above and layer.reuse_factor > layer.n_in and before.reuse_factor <= before.n_in)


def smaller_scale(layer: Layer, share: float) -> Layer:
    """Keep a share of the channels of a layer that scales."""
    products = (replace(own, multipliers=round(own.multipliers * share)) for own in layer.products)
    return replace(layer, products=tuple(products))


def _factor(layer: Layer, n_in: int, n_out: int) -> int:
    if layer.depthwise and layer.strategy != "resource":
        return min(layer.reuse_factor, n_in)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HardwareWarning)
        try:
            return effective_reuse_factor(layer.name, n_in, n_out, layer.strategy, layer.requested_reuse_factor)
        except HlsConfigError:
            return 1  # it is not built
