"""A copy of a tf_keras model with smaller layers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tf_keras

from knapprune.adapters.keras.layer_cut import Cutter, cuts_by_layer, fill, sizes
from knapprune.adapters.tf_keras.compiled import compile_alike, is_compiled
from knapprune.adapters.tf_keras.describing import described
from knapprune.adapters.tf_keras.kernels import kernels_in
from knapprune.adapters.tf_keras.mask import KernelMask, made_again
from knapprune.network.channels import ChannelCut


def cut(model: Any, cuts: Mapping[str, ChannelCut]) -> Any:
    """Copy a model, with less of the layers named."""
    own = cuts_by_layer(model, cuts)

    def smaller(layer: Any) -> Any:
        return type(layer).from_config(layer.get_config() | sizes(layer, own.get(id(layer))))

    with made_again():
        copy = tf_keras.models.clone_model(model, clone_function=smaller)
    fill(copy, model, own, kernels_in, _held)
    if is_compiled(model):
        compile_alike(model, copy)
        if getattr(model.optimizer, "_built", False):  # as in the file of the other, so that the two compare
            copy.optimizer.build(copy.trainable_variables)
    return copy


def size(model: Any) -> tuple[int, int]:
    """Count a model's parameters and the bytes of its file."""
    with tempfile.TemporaryDirectory(prefix="knapprune-") as folder, described():
        path = Path(folder) / "model.keras"
        model.save(path)
        return int(model.count_params()), path.stat().st_size


def _held(new: Any, old: Any, cutter: Cutter) -> Any:
    """Cut a mask."""
    return KernelMask(cutter(new.mask), new.inner) if isinstance(new, KernelMask) else new
