"""A masked copy of a Keras model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from knapprune.adapters.keras.compiled import copy_compile_state, uncompiled
from knapprune.adapters.keras.grid import KernelGrid, grid_of, mask_of
from knapprune.adapters.keras.kernels import Kernel, find_kernels
from knapprune.adapters.keras.kinds import all_layers, leaf_layers
from knapprune.adapters.keras.layer_copy import lambdas, like, needs_help
from knapprune.adapters.keras.mask import KernelMask
from knapprune.adapters.keras.rounding import data_types, round_data
from knapprune.adapters.mask_check import check_masks


def masked_clone(model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> Any:
    """Copy a model, with masks on its kernels that hold under training."""
    _check(model, masks)
    clone = _copy(model)
    copy_compile_state(model, clone)
    _copy_grids(model, clone)
    round_data(clone, data_types(model))
    remask(clone, masks)
    return clone


def _architecture(model: Any) -> Any:
    """Make a model of the same layers, with weights of their own, that is not compiled."""
    models = [own for own in (model, *all_layers(model)) if isinstance(own, keras.Model)]
    # Models of classes of their own take no such function.
    helped = any(needs_help(layer) for layer in leaf_layers(model))
    options = {"clone_function": lambda layer: like(layer, {}), "recursive": True} if helped else {}
    with lambdas(), uncompiled(models):  # else Keras compiles the copy through descriptions
        return keras.models.clone_model(model, **options)


def plain_copy(model: Any) -> Any:
    """Copy a model without masks and grids: its weights are what these have made of them."""
    clone = _copy(model)
    for kernel in find_kernels(clone).values():
        constraint = kernel.constraint
        while isinstance(constraint, KernelMask | KernelGrid):
            constraint = constraint.inner
        kernel.constrain(constraint)
    copy_compile_state(model, clone)
    return clone


def _copy(model: Any) -> Any:
    """Copy a model that is not compiled."""
    clone = _architecture(model)
    clone.set_weights(model.get_weights())
    for own, other in zip(all_layers(clone), all_layers(model), strict=True):
        own.trainable = other.trainable
        if not isinstance(own, keras.Model):  # the quantisers in a layer may be frozen alone
            for inner, its in zip(_inner(own), _inner(other), strict=True):
                inner.trainable = its.trainable
    return clone


def _inner(layer: Any) -> list[Any]:
    return list(layer._flatten_layers(include_self=False))


def remask(model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> None:
    """Put masks on a model itself."""
    _check(model, masks)
    kernels = {name: kernel for name, kernel in find_kernels(model).items() if name in masks}
    added = [_mask(kernel, masks[name]) for name, kernel in kernels.items()]
    for name, kernel in kernels.items():
        for moment in _moments(model, kernel.variable):
            _clear(moment, masks[name])
    # A step that was compiled before knows nothing of a new constraint, and JAX nothing of a changed one.
    if any(added) or keras.backend.backend() == "jax":
        model.train_function = None


def _mask(kernel: Kernel, mask: npt.NDArray[np.bool_]) -> bool:
    """Mask a kernel; return whether it had no mask before."""
    known, grid = mask_of(kernel.constraint), grid_of(kernel.constraint)
    if known is not None:
        known.mask = mask
    elif grid is not None:
        grid.inner = KernelMask(mask, grid.inner)
    else:
        kernel.constrain(KernelMask(mask, kernel.constraint))
    if grid is not None:
        grid.forget(mask)
    _clear(kernel.variable, mask)
    return known is None


def _clear(variable: Any, mask: npt.NDArray[np.bool_]) -> None:
    """Set what is masked of a variable to zero; JAX computes with no variable itself."""
    value = keras.ops.convert_to_tensor(variable)
    variable.assign(keras.ops.where(mask, value, keras.ops.zeros_like(value)))


def _moments(model: Any, kernel: Any) -> list[Any]:
    """Find what the optimiser remembers of each weight of a kernel, by the name it gives to such variables."""
    if not model.compiled:
        return []
    # base_optimizer.py, add_variable_from_reference
    prefix = kernel.path.replace("/", "_") + "_"
    return [
        variable
        for variable in model.optimizer.variables
        if variable.path.split("/")[-1].startswith(prefix) and tuple(variable.shape) == tuple(kernel.shape)
    ]


def _copy_grids(model: Any, clone: Any) -> None:
    """Copy the numbers behind weights that are held on grids; the grids are copied with the layers."""
    others = find_kernels(model)
    for name, kernel in find_kernels(clone).items():
        own, other = grid_of(kernel.constraint), grid_of(others[name].constraint)
        if own is not None and other is not None:
            own.copy_from(other)


def check_writes(model: Any) -> None:
    """Refuse an optimiser that writes past the constraints."""
    optimizer = getattr(model, "optimizer", None)
    if getattr(getattr(optimizer, "inner_optimizer", optimizer), "use_ema", False):
        # base_optimizer.py, finalize_variable_values: the last write of fit, and the only one behind the constraints.
        raise ValueError(
            f"model {model.name!r} is compiled with use_ema=True: at the end of fit, Keras overwrites weights by their "
            "averages without applying constraints, and no mask holds; compile it with use_ema=False"
        )


def _check(model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> None:
    check_writes(model)
    shapes = {name: tuple(kernel.variable.shape) for name, kernel in find_kernels(model).items()}
    check_masks(masks, shapes, f"model {model.name!r}")
