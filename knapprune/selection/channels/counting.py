"""What a network uses without its dead channels: from the smaller model itself, and faster on the way there."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from knapprune.adapters.adapter import Adapter, written_kernels
from knapprune.adapters.shrinking_adapter import ListsWeights
from knapprune.hardware.hardware_model import HardwareModel
from knapprune.hardware.nothing import Nothing, plain_layers
from knapprune.hardware.resources import Resources, count, covered
from knapprune.network.channels import ChannelCut, Flags
from knapprune.network.hls_config import HlsConfig
from knapprune.network.layers import Kernels, Layer
from knapprune.network.rules.smaller import is_built, smaller_layer, smaller_scale
from knapprune.network.rules.strategy import HardwareWarning
from knapprune.shrinking.cuts import cuts_of
from knapprune.shrinking.sizes import Anatomy, with_sizes


def count_smaller(
    framework: Adapter, model: Any, config: HlsConfig, hardware: HardwareModel, *, sized: bool
) -> Resources:
    """Count what is left of a model without what is dead in it."""
    assert isinstance(framework, ListsWeights)
    anatomy = Anatomy.of(framework, model, config)
    if isinstance(hardware, Nothing):
        kernels = framework.kernels(model)
        layers, uncounted = plain_layers(kernels), tuple(framework.untouched(model))
    else:
        smaller = framework.cut(model, cuts_of(anatomy.graph))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", HardwareWarning)  # said of the model as it is
            described = framework.layers(smaller, config)
        layers, uncounted = covered(hardware, described, framework.untouched(smaller))
        kernels = written_kernels(framework, smaller, framework.kernels(smaller), config)
    used = count(hardware, layers, kernels, uncounted, config.part)
    return with_sizes(used, anatomy) if sized else used


@dataclass(frozen=True, eq=False)
class SmallerLayer:
    """A layer as it will be.

    Parameters
    ----------
    layer
        The layer. Where hls4ml will infer other types for it, the smaller model tells better.
    kept
        By axis of its kernel, the places that stay.
    built
        Whether hls4ml builds it.
    """

    layer: Layer
    kept: Mapping[int, Flags]
    built: bool

    def use(self, hardware: HardwareModel, kernels: Kernels) -> dict[str, int]:
        """Count what it will use."""
        kernel = kernels[self.layer.name]
        for axis, flags in self.kept.items():
            kernel = np.compress(flags, kernel, axis=axis)
        return hardware.use(self.layer, kernel)


def smaller_layers(anatomy: Anatomy, cuts: Mapping[str, ChannelCut], layers: Iterable[Layer]) -> list[SmallerLayer]:
    """Describe layers that are cut."""
    of_kernel = {own.kernel: own for own in anatomy.weights if own.kernel}
    parts = {name: own.layer for own, name in zip(anatomy.weights, anatomy.counts_as(), strict=True)}
    found = []
    for layer in layers:
        own = of_kernel.get(layer.name)
        cut = cuts.get(parts.get(layer.name, layer.name))
        if cut is None:
            found.append(SmallerLayer(layer, {}, True))
        elif own is None:
            found.append(SmallerLayer(smaller_scale(layer, float(cut.outputs.mean())), {}, True))
        else:
            ends = ((own.input_axis, cut.inputs), (own.output_axis, cut.outputs))
            kept = {
                axis % len(own.shape): np.repeat(flags, own.shape[axis] // len(flags))
                for axis, flags in ends
                if axis is not None
            }
            smaller = smaller_layer(layer, kept)
            found.append(SmallerLayer(smaller, kept, is_built(smaller, layer)))
    return found
