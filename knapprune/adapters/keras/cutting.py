"""A copy of a Keras model with smaller layers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from knapprune.adapters.keras.compiled import compile_alike, uncompiled
from knapprune.adapters.keras.functions import as_array
from knapprune.adapters.keras.grid import KernelGrid, grid_of
from knapprune.adapters.keras.kernels import kernel_names
from knapprune.adapters.keras.kinds import all_layers, is_model
from knapprune.adapters.keras.layer_copy import lambdas, like
from knapprune.adapters.keras.layer_cut import Cutter, cuts_by_layer, fill, sizes
from knapprune.adapters.keras.mask import KernelMask
from knapprune.adapters.keras.rounding import data_types, round_data
from knapprune.network.channels import ChannelCut
from knapprune.network.grid import Grid


def cut(model: Any, cuts: Mapping[str, ChannelCut]) -> Any:
    """Copy a model, with less of the layers named."""
    own = cuts_by_layer(model, cuts)
    with lambdas(), uncompiled(filter(is_model, (model, *all_layers(model)))):
        copy = keras.models.clone_model(
            model, clone_function=lambda layer: like(layer, sizes(layer, own.get(id(layer)))), recursive=True
        )
    fill(copy, model, own, kernel_names, _held)
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
        variable.assign(cutter(as_array(old.variables[name])))
    return held
