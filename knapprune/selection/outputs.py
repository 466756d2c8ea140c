"""The outputs of a network, which should keep some of their weights: a class that has none left cannot be recognised.

What makes layers comparable (:mod:`knapprune.saliency.normalisation`) does not see this. Where several weights share
hardware, the last layer is a few structures, each of one output or two, and those of a class that needs little are cut
first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from knapprune.network.layers import Layer
from knapprune.selection.candidates import Candidates

_RECURRENT = ("lstm", "gru")
"""Their kernels' outputs are gates."""


def last_layer(layers: Sequence[Layer]) -> Layer | None:
    """Find the layer that makes the network's outputs."""
    last = next((layer for layer in reversed(layers) if layer.size), None)
    return None if last is None or last.kind in _RECURRENT else last


def lost_outputs(layer: Layer, kernel: npt.NDArray[np.generic], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Find the outputs of a layer that a mask leaves without a weight."""
    outputs = _outputs(layer).ravel()
    before = (kernel != 0).ravel()
    had, has = (np.bincount(outputs[alive], minlength=layer.n_out) > 0 for alive in (before, before & mask.ravel()))
    return np.flatnonzero(had & ~has)


def outputs_first(
    group: Candidates, kernel: npt.NDArray[np.generic], values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Rank the best structure of each output before all others of the layer.

    The values are the same ones, dealt out anew: what the layer is worth beside other layers does not change, and it
    keeps about as many structures as before.
    """
    weights = np.flatnonzero((kernel != 0).ravel())
    outputs = _outputs(group.layer).ravel()[weights]
    places = (np.cumsum(group.alive) - 1)[group.labels.ravel()[weights]]
    order = np.argsort(values[places], kind="stable")
    best = np.full(group.layer.n_out, -1)
    best[outputs[order]] = places[order]  # of what is written twice the last one stays
    first = np.zeros(len(values), dtype=bool)
    first[best[best >= 0]] = True
    dealt = np.empty_like(values)
    dealt[np.lexsort((values, first))] = np.sort(values)
    return dealt


def _outputs(layer: Layer) -> npt.NDArray[np.int64]:
    """Number the output of each weight, shape of the kernel."""
    shape = layer.kernel_shape
    axes = [axis % len(shape) for axis in layer.outputs]
    numbers = np.arange(layer.n_out).reshape([size if axis in axes else 1 for axis, size in enumerate(shape)])
    return np.broadcast_to(numbers, shape)
