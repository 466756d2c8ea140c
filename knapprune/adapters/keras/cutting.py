"""A copy of a Keras model with smaller layers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from knapprune.adapters.keras.clone import all_layers
from knapprune.adapters.keras.compiled import compile_alike, uncompiled
from knapprune.adapters.keras.grid import KernelGrid, grid_of
from knapprune.adapters.keras.kernels import kernel_names, leaf_layers
from knapprune.adapters.keras.layer_copy import lambdas, like
from knapprune.adapters.keras.mask import KernelMask
from knapprune.adapters.keras.rounding import data_types, round_data
from knapprune.network.channels import ChannelCut
from knapprune.network.grid import Grid

Cutter = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
_L = keras.layers


def cut(model: Any, cuts: Mapping[str, ChannelCut]) -> Any:
    """Copy a model, with less of the layers named."""
    own = {id(layer): cuts[layer.name] for layer in model.layers if layer.name in cuts}

    def smaller(layer: Any) -> Any:
        sizes = _sizes(layer, own[id(layer)]) if id(layer) in own else {}
        return like(layer, sizes)

    models = [one for one in (model, *all_layers(model)) if isinstance(one, keras.Model)]
    with lambdas(), uncompiled(models):
        copy = keras.models.clone_model(model, clone_function=smaller, recursive=True)
    for new, old in zip(all_layers(copy), all_layers(model), strict=True):
        new.trainable = old.trainable
    for new, old in zip(leaf_layers(copy), leaf_layers(model), strict=True):
        _fill(new, old, own.get(id(old)))
    if model.compiled:
        compile_alike(model, copy)
        if model.optimizer.built:  # as in the file of the other, so that the two compare
            copy.optimizer.build(copy.trainable_variables)
    round_data(copy, data_types(model))
    return copy


def size(model: Any) -> tuple[int, int]:
    """Count a model's parameters and the bytes of its file."""
    with tempfile.TemporaryDirectory(prefix="knapprune-") as folder, lambdas():
        path = Path(folder) / "model.keras"
        model.save(path)
        return int(model.count_params()), path.stat().st_size


def _sizes(layer: Any, cut: ChannelCut) -> dict[str, Any]:
    """Return what a layer's configuration says otherwise."""
    units = int(cut.outputs.sum())
    if isinstance(layer, _L.Reshape):
        after = layer.target_shape
        return {"target_shape": (units,) if len(after) == 1 else (*after[:-1], units)}
    sizes: dict[str, Any] = {}
    if isinstance(layer, _L.Dense):
        sizes["units"] = units
    elif "filters" in layer.get_config():
        sizes["filters"] = units
    if cut.bias is not None:
        sizes["use_bias"] = True
    return sizes


def _fill(new: Any, old: Any, cut: ChannelCut | None) -> None:
    """Give a layer what is left of the weights of another, of its masks and of its grids."""
    cutters = {} if cut is None else _cutters(old, cut)
    for name, cutter in cutters.items():
        variable = getattr(old, name, None)
        if variable is not None:
            getattr(new, name).assign(cutter(_array(variable)))
    if cut is None:
        new.set_weights(old.get_weights())
    elif cut.bias is not None:
        new.bias.assign(_array(new.bias) * bool(old.use_bias) + cut.bias)
    others = kernel_names(old)
    for name, kernel in kernel_names(new).items():
        other = others[name]
        held = _held(kernel.constraint, other.constraint, cutters.get(other.variable_name, np.asarray))
        if held is not kernel.constraint:
            kernel.constrain(held)


def _held(new: Any, old: Any, cutter: Cutter) -> Any:
    """Cut what holds a kernel: a mask, or a grid with the numbers behind the weights."""
    if isinstance(new, KernelMask):
        return KernelMask(cutter(new.mask), new.inner)
    grid = grid_of(new)
    if grid is None:
        return new
    kind = grid.grid
    inner = _held(grid.inner, old.inner, cutter)
    held = KernelGrid(Grid(kind.step, kind.low, kind.high, cutter(kind.digits)), inner)
    for name, variable in held.variables.items():
        variable.assign(cutter(_array(old.variables[name])))
    return held


def _cutters(layer: Any, cut: ChannelCut) -> dict[str, Cutter]:
    """Say how each variable of a layer is cut, by the attribute that has it."""

    def read(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return array[..., cut.inputs, :]

    def made(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return array[..., cut.outputs]

    def pointwise(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return array[..., np.repeat(cut.inputs, layer.depth_multiplier), :][..., cut.outputs]

    match layer:
        case _L.BatchNormalization():
            return dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), made)
        case _L.PReLU():
            return {"alpha": lambda array: array if array.shape[-1] == 1 < len(cut.outputs) else made(array)}
        case _L.DepthwiseConv1D() | _L.DepthwiseConv2D():
            return {"kernel": read, "bias": made}
        case _L.SeparableConv1D() | _L.SeparableConv2D():
            return {"depthwise_kernel": read, "pointwise_kernel": pointwise, "bias": made}
        case _L.Reshape():
            return {}
    return {"kernel": lambda array: made(read(array)), "bias": made}


def _array(variable: Any) -> npt.NDArray[Any]:
    return np.array(keras.ops.convert_to_numpy(variable))
