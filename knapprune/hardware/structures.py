"""Structures: which weights live and die together, as one integer label per weight.

A structure is a function from a :class:`~knapprune.network.layers.Layer` to an integer array of the kernel's shape,
with labels counted from 0; :func:`constant` looks at the weights too. Everything after that (values, costs, masks) only
ever sees the labels, so a new granularity is one more small function here, or one a user passes. What is not "live and
die together" but "of each group, so many" is in :mod:`knapprune.hardware.fetch_groups`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import lcm
from typing import cast

import numpy as np
import numpy.typing as npt

from knapprune.hardware.bram import piece_bits
from knapprune.hardware.constants import constants
from knapprune.network.layers import Layer

Labels = npt.NDArray[np.int64]
Structure = Callable[[Layer], Labels]
KernelStructure = Callable[[Layer, npt.NDArray[np.generic]], Labels]

#: Weights of one input and one value; the one structure that depends on the weights.
CONSTANT = "constant"
#: DSP rows whose memory words are paid once while any row in them lives.
ROW_AND_WORD = "row-and-word"

#: Channels with all that must go with them, in several layers: found on the graph of the model, not on a layer.
CHANNEL = "channel"

#: All weights are kept.
KEPT = "none"


def unstructured(layer: Layer) -> Labels:
    """Every weight on its own."""
    return np.arange(layer.size, dtype=np.int64).reshape(layer.kernel_shape)


def kept(layer: Layer) -> Labels:
    """All weights together: a layer that stays whole."""
    return np.zeros(layer.kernel_shape, dtype=np.int64)


def neuron(layer: Layer) -> Labels:
    """All weights of one output: a neuron, a filter, a gate of a recurrent unit, or a channel of a depthwise one."""
    outputs = {axis % len(layer.kernel_shape) for axis in layer.outputs}
    sizes = [size if axis in outputs else 1 for axis, size in enumerate(layer.kernel_shape)]
    return np.broadcast_to(np.arange(layer.n_out, dtype=np.int64).reshape(sizes), layer.kernel_shape).copy()


def dsp_row(layer: Layer) -> Labels:
    """The weights that share one multiplier: ``reuse_factor`` consecutive weights of the generated array.

    hls4ml transposes the kernel to output-axis-first (``passes/resource_strategy.py``), flattens it, and gives each
    multiplier one row of ``(n_in * n_out / reuse_factor, reuse_factor)``. A depthwise convolution keeps its own order,
    in which neighbours belong to neighbouring channels (``nnet_depthwise_product.h``).
    """
    return layer.unflat(np.arange(layer.size, dtype=np.int64) // layer.reuse_factor)


def bram_run(layer: Layer) -> Labels:
    """The shortest aligned run of consecutive DSP rows that fills whole pieces of the weight memory.

    Weights of ``W`` bits sit side by side in the memory word, one per DSP row, and the memory is cut into pieces of
    ``P`` bits (:func:`knapprune.hardware.bram.piece_bits`: 36 up to a reuse factor of 512, 18 up to 1024), so
    ``lcm(W, P) / W`` rows fill ``lcm(W, P) / P`` pieces exactly. Where ``W`` divides 36 this is the published
    ``36 / W`` rows and one piece. The last run may be shorter; it then owns only the pieces that its own rows touch.
    """
    rows_per_run = lcm(layer.weight_bits, piece_bits(layer.reuse_factor)) // layer.weight_bits
    return layer.unflat(np.arange(layer.size, dtype=np.int64) // (layer.reuse_factor * rows_per_run))


def constant(layer: Layer, kernel: npt.NDArray[np.generic]) -> Labels:
    """The weights of one input that hold one value, and so share a multiplier, where weights are constants.

    Weights that need no multiplier (of at most two signed digits: see :mod:`knapprune.hardware.constants`) share the
    last label, which costs nothing and is therefore always kept.
    """
    if not layer.constant:
        return unstructured(layer)
    multiplied = constants(layer, kernel)
    return np.where(multiplied.owner < 0, len(multiplied.value), multiplied.owner).astype(np.int64, copy=False)


#: The structures that can be asked for by name.
STRUCTURES: dict[str, Structure | KernelStructure] = {
    "unstructured": unstructured,
    CONSTANT: constant,
    "neuron": neuron,
    "dsp-row": dsp_row,
    "bram-run": bram_run,
    # The labels are those of the rows; that memory words are shared by rows is stated by the hardware model.
    ROW_AND_WORD: dsp_row,
    KEPT: kept,
}


def labels(layer: Layer, structure: str | Structure, kernel: npt.NDArray[np.generic] | None = None) -> Labels:
    """Label a layer's weights by a named structure or by a function of the user's own.

    Parameters
    ----------
    layer
        The layer.
    structure
        A name in :data:`STRUCTURES`, or a function that takes the layer and returns labels.
    kernel
        Shape ``layer.kernel_shape``; only ``"constant"`` goes by it.

    Returns
    -------
    numpy.ndarray
        Integers from 0, shape ``layer.kernel_shape``: weights with one label live and die together.

    Raises
    ------
    ValueError
        If the structure is not known, or its labels have another shape or are no integers from 0.
    """
    if callable(structure):
        given = np.asarray(structure(layer))
        _check(given, layer, getattr(structure, "__name__", repr(structure)))
        return given.astype(np.int64, copy=False)
    if structure == CHANNEL:
        raise ValueError(f"structure: a {CHANNEL!r} goes through several layers, expected a structure of one layer")
    if structure not in STRUCTURES:
        raise ValueError(
            f"structure: got {structure!r}, expected 'auto', a function, a fetch group such as "
            f"'fetch-group:12/16' or one of {sorted([*STRUCTURES, CHANNEL])}"
        )
    if structure == CONSTANT:
        return constant(layer, np.ones(layer.kernel_shape, dtype=bool) if kernel is None else kernel)
    return cast("Structure", STRUCTURES[structure])(layer)


def _check(given: npt.NDArray[np.generic], layer: Layer, name: str) -> None:
    if given.shape != layer.kernel_shape:
        raise ValueError(
            f"structure {name}: labels of layer {layer.name!r} have shape {given.shape}, expected {layer.kernel_shape}"
        )
    if not np.issubdtype(given.dtype, np.integer) or (given.size and given.min() < 0):
        raise ValueError(f"structure {name}: labels of layer {layer.name!r} must be integers >= 0, got {given.dtype}")
