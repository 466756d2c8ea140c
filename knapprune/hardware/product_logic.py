"""Look-up tables and flip-flops of layers that multiply, estimated from their shape and their weights.

The model is of a layer as its loops are written, one adder a sum and one carry bit a look-up table:

- **Products.** None where the table of DSP blocks gives them a block. A constant weight (latency) costs an adder of the
  data's width for each non-zero signed digit but the first. A product of two variables that goes to look-up tables has
  no estimate: what it takes depends on the tool more than on anything here.
- **Sums.** A balanced tree, a bit wider at each level, never cut: hls4ml's accumulators may be narrower.
- **Choosing.** A multiplier that is used RF times picks its input among RF: four words a look-up table and bit.
- **Flip-flops.** A register behind each sum where the loop is unrolled (latency); else the accumulators, the held
  inputs, and the counter. The vendor's tool puts registers where the clock asks for them.

What is left out: biases, activations, line buffers of convolutions in io_stream, handshakes, and adders that a tool
moves into the DSP blocks.
"""

from __future__ import annotations

from math import ceil, log2

import numpy as np
import numpy.typing as npt

from knapprune.hardware.logic import Logic
from knapprune.layers import Layer

_KINDS = ("dense", "conv1d", "conv2d")


def of_products(layer: Layer, kernel: npt.NDArray[np.generic], multipliers: int, in_logic: bool) -> Logic | None:
    """Estimate the logic of a layer with multipliers.

    Parameters
    ----------
    layer
        The layer.
    kernel
        Shape ``layer.kernel_shape``.
    multipliers
        Multipliers of one pixel.
    in_logic
        Whether its products go to look-up tables.

    Returns
    -------
    Logic or None
        None where there is no estimate: other kinds of layers, adder graphs, products of two variables in logic.
    """
    if layer.kind not in _KINDS or layer.strategy == "distributed_arithmetic" or not layer.size:
        return None
    flat = np.asarray(kernel, dtype=np.float64).reshape(-1, layer.n_out)
    if layer.reuse_factor == 1 and layer.strategy != "resource_unrolled":
        products, sums, choosing, flip_flops = _unrolled(layer, flat, in_logic)
    elif in_logic:
        return None
    else:
        products, sums, choosing, flip_flops = _looped(layer, multipliers)
    parts = {"products": products, "sums": sums, "choosing inputs": choosing}
    named = ", ".join(f"{name} {layer.copies * count}" for name, count in parts.items() if count)
    return Logic(layer.copies * (products + sums + choosing), layer.copies * flip_flops, named or "nothing")


def signed_digits(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Count the non-zero digits of whole numbers in the form with the fewest, of digits -1, 0 and 1.

    Parameters
    ----------
    numbers
        Any shape.

    Returns
    -------
    numpy.ndarray
        The counts, same shape.
    """
    magnitude = np.abs(numbers)
    # The digits of the non-adjacent form are where 3x and x differ.
    different: npt.NDArray[np.int64] = np.bitwise_xor(3 * magnitude, magnitude)
    counts = np.zeros(numbers.shape, dtype=np.int64)
    while different.any():
        counts += different & 1
        different = np.right_shift(different, 1)
    return counts


def whole_weights(kernel: npt.NDArray[np.float64], bits: int) -> npt.NDArray[np.int64]:
    """Bring weights to whole numbers of a type's width, its binary point as far up as the largest needs.

    Parameters
    ----------
    kernel
        Any shape.
    bits
        Width of the type, its sign included.

    Returns
    -------
    numpy.ndarray
        Whole numbers, same shape; those that were zero still are, others may become zero.
    """
    largest = float(np.abs(kernel).max(initial=0.0))
    if not largest:
        return np.zeros(kernel.shape, dtype=np.int64)
    places = bits - 1 - int(np.frexp(largest)[1])
    whole: npt.NDArray[np.int64] = np.round(kernel * 2.0**places).astype(np.int64)
    return whole


def _unrolled(layer: Layer, kernel: npt.NDArray[np.float64], in_logic: bool) -> tuple[int, int, int, int]:
    """Every product is there at once, and every weight is a constant."""
    terms = np.count_nonzero(kernel, axis=0) if layer.strategy == "latency" else np.full(layer.n_out, layer.n_in)
    sums = sum(_tree(int(count), layer.weight_bits + layer.data_bits) for count in terms)
    products = 0
    if in_logic:
        digits = signed_digits(whole_weights(kernel, layer.weight_bits))
        products = int(np.maximum(digits - 1, 0).sum()) * (layer.data_bits + 1)
    return products, sums, 0, sums + layer.n_in * layer.data_bits


def _looped(layer: Layer, multipliers: int) -> tuple[int, int, int, int]:
    """Each multiplier is used again in each turn of the loop, with another weight and mostly another input."""
    width = layer.weight_bits + layer.data_bits
    accumulator = width + ceil(log2(max(layer.n_in, 2)))
    turns = min(layer.reuse_factor, layer.n_in)
    muxes = max(1, layer.n_in // layer.reuse_factor)
    choosing = muxes * layer.data_bits * ceil(turns / 4) if turns > 1 else 0
    if layer.reuse_factor > layer.n_in:
        # A multiplier serves several outputs in turn: each takes its products or nothing.
        choosing += layer.n_out * width
        sums = layer.n_out * accumulator
    else:
        # Products of one turn that go to the same output are added first.
        alive = min(multipliers, layer.n_out)
        sums = alive * accumulator + (multipliers - alive) * (width + 1)
    counter = ceil(log2(layer.reuse_factor))
    return 0, sums, choosing, layer.n_out * accumulator + layer.n_in * layer.data_bits + counter


def _tree(terms: int, width: int) -> int:
    """Bits of the adders that sum `terms` numbers in a balanced tree, a bit wider at each level."""
    total = 0
    while terms > 1:
        total += terms // 2 * width
        terms -= terms // 2
        width += 1
    return total
