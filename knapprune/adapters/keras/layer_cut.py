"""What a smaller layer is made with, and what it takes over of the one that it is made after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.keras.channel_weights import depthwise_name
from knapprune.adapters.keras.functions import as_array
from knapprune.adapters.keras.kinds import all_layers, kind_of, leaf_layers
from knapprune.network.channels import ChannelCut

Cutter = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


def cuts_by_layer(model: Any, cuts: Mapping[str, ChannelCut]) -> dict[int, ChannelCut]:
    """Find the layers that are cut, by their ids: a model inside has names of its own."""
    return {id(layer): cuts[layer.name] for layer in model.layers if layer.name in cuts}


def sizes(layer: Any, cut: ChannelCut | None) -> dict[str, Any]:
    """Return what a layer's configuration says otherwise."""
    if cut is None:
        return {}
    units, kind = int(cut.outputs.sum()), kind_of(layer)
    if kind == "Reshape":
        after = layer.target_shape
        return {"target_shape": (units,) if len(after) == 1 else (*after[:-1], units)}
    found: dict[str, Any] = {}
    if kind == "Dense":
        found["units"] = units
    elif "filters" in layer.get_config():
        found["filters"] = units
    if cut.bias is not None:
        found["use_bias"] = True
    return found


def fill(
    copy: Any,
    model: Any,
    cuts: Mapping[int, ChannelCut],
    kernels_in: Callable[[Any], Mapping[str, Any]],
    held: Callable[[Any, Any, Cutter], Any],
) -> None:
    """Give a copy of smaller layers what is left of a model's weights, and of what holds its kernels.

    Parameters
    ----------
    copy, model
        Two models of the same layers but for their sizes.
    cuts
        What is cut, by the layer's id.
    kernels_in
        Finds the kernels of a layer that can be masked.
    held
        Makes of a kernel's constraint, given that of the model's too, what holds the smaller kernel.
    """
    for new, old in zip(all_layers(copy), all_layers(model), strict=True):
        new.trainable = old.trainable
    for new, old in zip(leaf_layers(copy), leaf_layers(model), strict=True):
        cut = cuts.get(id(old))
        cutters = {} if cut is None else _cutters(old, cut)
        for name, cutter in cutters.items():
            variable = getattr(old, name, None)
            if variable is not None:
                getattr(new, name).assign(cutter(as_array(variable)))
        if cut is None:
            new.set_weights(old.get_weights())
        elif cut.bias is not None:
            new.bias.assign(as_array(new.bias) * bool(old.use_bias) + cut.bias)
        others = kernels_in(old)
        for name, kernel in kernels_in(new).items():
            cutter = cutters.get(kernel.variable_name, np.asarray)
            constraint = held(kernel.constraint, others[name].constraint, cutter)
            if constraint is not kernel.constraint:
                kernel.constrain(constraint)


def _cutters(layer: Any, cut: ChannelCut) -> dict[str, Cutter]:
    """Say how each variable of a layer is cut, by the attribute that has it."""

    def read(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return array[..., cut.inputs, :]

    def made(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return array[..., cut.outputs]

    def pointwise(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return array[..., np.repeat(cut.inputs, layer.depth_multiplier), :][..., cut.outputs]

    match kind_of(layer):
        case "BatchNormalization":
            return dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), made)
        case "PReLU":
            return {"alpha": lambda array: array if array.shape[-1] == 1 < len(cut.outputs) else made(array)}
        case "DepthwiseConv1D" | "DepthwiseConv2D":
            return {depthwise_name(layer): read, "bias": made}
        case "SeparableConv1D" | "SeparableConv2D":
            return {"depthwise_kernel": read, "pointwise_kernel": pointwise, "bias": made}
        case "Reshape":
            return {}
    return {"kernel": lambda array: made(read(array)), "bias": made}
