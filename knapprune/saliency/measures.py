"""The measures that have a name: from a kernel, and what is known of its gradients, to a value for each weight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.network.layers import Layer
from knapprune.saliency.statistics import Gradients

Array = npt.NDArray[np.floating[Any]]
Kernel = npt.NDArray[np.generic]


def l1(layer: Layer, kernel: Kernel) -> Array:
    """Value each weight by its absolute value; a structure then by its L1 norm."""
    return np.abs(_in_single_or_better(kernel))


def l2(layer: Layer, kernel: Kernel) -> Array:
    """Value each weight by its square; a structure then by its squared L2 norm."""
    return np.square(_in_single_or_better(kernel))


def taylor(layer: Layer, kernel: Kernel, gradients: Gradients) -> Array:
    """Value each weight by ``|g| * |w|``: the first-order change of the loss without it.

    The absolute gradient is averaged over batches (Molchanov et al., "Pruning convolutional neural networks for
    resource efficient inference", ICLR 2017, eq. 7): the signed mean of a trained network is nearly zero everywhere.
    """
    values = l1(layer, kernel)
    values *= gradients.mean_absolute
    return values


def fisher(layer: Layer, kernel: Kernel, gradients: Gradients) -> Array:
    """Value each weight by ``1/2 g**2 w**2``: the second-order change of the loss, by the empirical Fisher information.

    At a minimum of a loss that is a negative log-likelihood the Fisher information is the expected Hessian (Theis et
    al., "Faster gaze prediction with dense networks and Fisher pruning", 2018, eq. 8, for single weights).
    """
    values = l2(layer, kernel)
    values *= 0.5
    values *= gradients.mean_square
    return values


def hessian(layer: Layer, kernel: Kernel, gradients: Gradients) -> Array:
    """Value each weight by ``1/2 h w**2``: the second-order change of the loss at a minimum.

    LeCun, Denker, Solla, "Optimal brain damage", 1989, eq. 5: other weights held, and without the first-order term. An
    estimated curvature may be negative; a structure whose sum is, is worth nothing. The estimate is noisy where weights
    interact, as in most networks they do: see :mod:`knapprune.saliency.hutchinson`. Of a classifier,
    :func:`gauss_newton` estimates nearly the same with far less noise, from one prediction and one gradient of each
    batch; this one takes any loss.
    """
    values = l2(layer, kernel)
    values *= 0.5
    values *= gradients.hessian_diagonal
    return values


def gauss_newton(layer: Layer, kernel: Kernel, gradients: Gradients) -> Array:
    """Value each weight by ``1/2 f w**2``, with the diagonal f of the Gauss-Newton part of the Hessian.

    For classifiers trained by cross entropy, where it is the Fisher information: the mean square of a sample's gradient
    if its label is drawn from the model's own answer (Kunstner, Balles, Hennig, "Limitations of the empirical Fisher
    approximation for natural gradient descent", NeurIPS 2019; in batches as in Liu et al., "Sophia", ICLR 2024). Where
    activations are piecewise linear, as ReLU and max-pooling are, it is the diagonal of the Hessian itself. From K
    batches its standard error is about ``sqrt(2 / K)`` of its value, however strongly weights interact, and more where
    a few samples make most of it. Unlike :func:`fisher` it does not rest on the few samples that are still wrong.
    """
    values = l2(layer, kernel)
    values *= 0.5
    values *= gradients.gauss_newton_diagonal
    return values


def movement(layer: Layer, kernel: Kernel, gradients: Gradients) -> Array:
    """Value each weight by ``-g w``: how strongly a step of gradient descent would move it away from zero.

    Sanh, Wolf, Rush, "Movement pruning", NeurIPS 2020, eq. 3, accumulated over the data at the weights as they are, not
    along the training. It says something where the data ask for other weights than the model has, as when a trained
    network is fitted to a new task; at a minimum it is zero but for noise.
    """
    return -_in_single_or_better(kernel) * gradients.mean


@dataclass(frozen=True)
class Named:
    """A measure with a name.

    Parameters
    ----------
    function
        From layer and kernel, and statistics where it needs them, to values.
    statistics
        Names of the statistics it takes from the gradients.
    signed
        Whether its values may be negative.
    """

    function: Callable[..., npt.ArrayLike]
    statistics: tuple[str, ...] = ()
    signed: bool = False


#: The measures by name.
MEASURES: dict[str, Named] = {
    "l1": Named(l1),
    "l2": Named(l2),
    "taylor": Named(taylor, ("mean_absolute",)),
    "fisher": Named(fisher, ("mean_square",)),
    "gauss-newton": Named(gauss_newton, ("gauss_newton_diagonal",)),
    "hessian": Named(hessian, ("hessian_diagonal",), signed=True),
    "movement": Named(movement, ("mean",), signed=True),
}


def _in_single_or_better(kernel: Kernel) -> Array:
    """Leave float32, in which values need half the memory and are summed in float64 later; a square needs its range."""
    return kernel.astype(np.promote_types(kernel.dtype, np.float32), copy=False)
