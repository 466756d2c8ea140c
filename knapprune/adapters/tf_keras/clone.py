"""A masked copy of a tf_keras model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras

from knapprune.adapters.keras.kinds import all_layers
from knapprune.adapters.mask_check import check_masks
from knapprune.adapters.tf_keras.compiled import check_optimizer, copy_compile_state, moments
from knapprune.adapters.tf_keras.kernels import Kernel, find_kernels
from knapprune.adapters.tf_keras.mask import KernelMask, made_again, mask_of

Masks = Mapping[str, npt.NDArray[np.bool_]]


def masked_clone(model: Any, masks: Masks) -> Any:
    """Copy a model, with masks on its kernels that hold under training."""
    _check(model, masks)
    clone = _copy(model)
    copy_compile_state(model, clone)
    remask(clone, masks)
    return clone


def plain_copy(model: Any) -> Any:
    """Copy a model without masks: its weights are what these have made of them."""
    clone = _copy(model)
    for kernel in find_kernels(clone).values():
        own = mask_of(kernel.constraint)
        if own is not None:
            kernel.constrain(own.inner)
    copy_compile_state(model, clone)
    return clone


def remask(model: Any, masks: Masks) -> None:
    """Put masks on a model itself."""
    given = _check(model, masks)
    kernels = find_kernels(model)
    added = [_mask(kernels[name], mask) for name, mask in given.items()]
    for name, mask in given.items():
        for moment in moments(model, kernels[name].variable):
            moment.assign(tf.where(mask, moment, tf.zeros_like(moment)))
    if any(added):  # a step that was compiled before knows nothing of a new constraint
        model.train_function = None


def masks_of(model: Any) -> dict[str, npt.NDArray[np.bool_]]:
    """Read the masks back."""
    found = {name: mask_of(kernel.constraint) for name, kernel in find_kernels(model).items()}
    return {name: own.mask for name, own in found.items() if own is not None}


def _copy(model: Any) -> Any:
    """Copy a model that is not compiled."""
    find_kernels(model)  # says so of a model that is not built
    with made_again():
        clone = tf_keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    for own, other in zip(all_layers(clone), all_layers(model), strict=True):
        own.trainable = other.trainable
    return clone


def _mask(kernel: Kernel, mask: npt.NDArray[np.bool_]) -> bool:
    """Mask a kernel; return whether it had no mask before."""
    known = mask_of(kernel.constraint)
    if known is not None:
        known.mask = mask
    else:
        kernel.constrain(KernelMask(mask, kernel.constraint))
    kernel.variable.assign(tf.where(mask, kernel.variable, tf.zeros_like(kernel.variable)))
    return known is None


def _check(model: Any, masks: Masks) -> dict[str, npt.NDArray[np.bool_]]:
    check_optimizer(model)
    kernels = find_kernels(model)
    shapes = {name: tuple(kernel.variable.shape) for name, kernel in kernels.items()}
    given = check_masks(masks, shapes, f"model {model.name!r}")
    for name, mask in given.items():
        if kernels[name].binary and not mask.all():
            raise ValueError(
                f"masks: the weights of layer {name!r} are -1 and 1, and none of them can be zero; expected a mask "
                f"that keeps all, as structure={{{name!r}: 'none'}} has it"
            )
    return given
