"""Saliency: how much each weight is worth, and from that each structure.

A structure is worth the sum over its weights, and every measure here is one that sums: absolute values, squares, and
the absolute first-order change of the loss. Layers are made comparable afterwards; see :mod:`knapprune.normalisation`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.layers import Layer

Array = npt.NDArray[np.float64]
#: A user's own measure: from a layer and its kernel to values >= 0 in the kernel's shape.
Saliency = Callable[[Layer, npt.NDArray[np.generic]], npt.ArrayLike]
Gradients = Callable[[], Mapping[str, npt.NDArray[np.floating[Any]]]]

NAMES = ("l1", "l2", "taylor")


def l1(layer: Layer, kernel: npt.NDArray[np.generic]) -> Array:
    """Value each weight by its absolute value; a structure then by its L1 norm.

    Parameters
    ----------
    layer
        The layer.
    kernel
        Its weights.

    Returns
    -------
    Array
        Shape of the kernel.
    """
    return np.abs(kernel.astype(np.float64))


def l2(layer: Layer, kernel: npt.NDArray[np.generic]) -> Array:
    """Value each weight by its square; a structure then by its squared L2 norm.

    Parameters
    ----------
    layer
        The layer.
    kernel
        Its weights.

    Returns
    -------
    Array
        Shape of the kernel.
    """
    return np.square(kernel.astype(np.float64))


def taylor(gradients: Gradients) -> Saliency:
    """Value each weight by ``|gradient * weight|``: the first-order change of the loss without it.

    The absolute gradient is averaged over batches (Molchanov et al., "Pruning convolutional neural networks for
    resource efficient inference", ICLR 2017, eq. 7): the signed mean of a trained network is nearly zero everywhere.

    Parameters
    ----------
    gradients
        Computes the mean absolute gradients by layer name; called once, when the first layer is valued.

    Returns
    -------
    Saliency
        The measure.
    """
    known: dict[str, npt.NDArray[np.floating[Any]]] = {}

    def measure(layer: Layer, kernel: npt.NDArray[np.generic]) -> Array:
        if not known:
            known.update(gradients())
        return np.abs(known[layer.name].astype(np.float64) * kernel.astype(np.float64))

    return measure


def saliency_of(name: str | Saliency, gradients: Gradients | None) -> Saliency:
    """Find a measure by name, or take the function given.

    Parameters
    ----------
    name
        ``"l1"``, ``"l2"``, ``"taylor"`` or a function.
    gradients
        What ``"taylor"`` needs; None where no data was given.

    Returns
    -------
    Saliency
        The measure.

    Raises
    ------
    ValueError
        For an unknown name, or ``"taylor"`` without data.
    """
    if callable(name):
        return name
    if name == "taylor":
        if gradients is None:
            raise ValueError("data: got None, expected (inputs, targets) for saliency 'taylor'")
        return taylor(gradients)
    if name not in NAMES:
        raise ValueError(f"saliency: got {name!r}, expected a function or one of {list(NAMES)}")
    return {"l1": l1, "l2": l2}[name]


def structure_values(
    measure: Saliency, layer: Layer, kernel: npt.NDArray[np.generic], labels: npt.NDArray[np.int64]
) -> Array:
    """Sum a layer's saliency over the weights of each structure.

    Parameters
    ----------
    measure
        The saliency.
    layer
        The layer.
    kernel
        Its weights.
    labels
        Shape of the kernel, integers from 0.

    Returns
    -------
    Array
        Shape (labels,). A structure of nothing but zero weights is worth nothing.

    Raises
    ------
    ValueError
        If the saliency has another shape, is negative, NaN or infinite; the message names the layer.
    """
    worth = np.asarray(measure(layer, kernel), dtype=np.float64)
    if worth.shape != layer.kernel_shape:
        raise ValueError(
            f"saliency of layer {layer.name!r} has shape {worth.shape}, expected the kernel's {layer.kernel_shape}"
        )
    if not np.isfinite(worth).all():
        count = int(np.count_nonzero(~np.isfinite(worth)))
        raise ValueError(
            f"saliency of layer {layer.name!r} is NaN or infinite at {count} weights, expected finite numbers"
        )
    if worth.min(initial=0.0) < 0:
        raise ValueError(f"saliency of layer {layer.name!r} has negative values, expected values >= 0")
    worth = np.where(kernel != 0, worth, 0.0)
    sums = np.bincount(labels.ravel(), weights=worth.ravel(), minlength=int(labels.max(initial=-1)) + 1)
    return sums.astype(np.float64, copy=False)
