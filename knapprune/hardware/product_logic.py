"""Look-up tables and flip-flops of layers that multiply: what C synthesis would report, from the fits to its reports.

The estimates themselves are :mod:`knapprune.hardware.fitted`; here is what a layer and its kernel give them. Biases and
handshakes are in the fits, activations, FIFOs and line buffers are not: :mod:`knapprune.hardware.beside`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from knapprune.hardware.fitted import Form, Quantities, form_of, synthesised
from knapprune.hardware.logic import Logic
from knapprune.layers import Layer

_KINDS = ("dense", "conv1d", "conv2d")


def of_products(layer: Layer, kernel: npt.NDArray[np.generic], multipliers: int, part: str = "") -> Logic | None:
    """Estimate the logic of a layer with multipliers.

    Parameters
    ----------
    layer
        The layer.
    kernel
        Shape ``layer.kernel_shape``.
    multipliers
        Multipliers of one pixel that are built above a reuse factor of 1.
    part
        The device.

    Returns
    -------
    Logic or None
        None where there is no estimate: other kinds of layers, adder graphs.
    """
    if layer.kind not in _KINDS or layer.strategy == "distributed_arithmetic" or not layer.size:
        return None
    flat = np.asarray(kernel, dtype=np.float64).reshape(-1, layer.n_out)
    one_pixel = Quantities(
        strategy=layer.strategy,
        reuse_factor=layer.reuse_factor,
        n_in=layer.n_in,
        n_out=layer.n_out,
        weight_bits=layer.weight_bits,
        data_bits=layer.data_bits,
        nonzero=int(np.count_nonzero(flat)),
        constants=constants_of(layer, flat),
        multipliers=multipliers,
        part=part,
    )
    return logic_of(one_pixel, layer.copies)


def logic_of(quantities: Quantities, copies: int = 1) -> Logic:
    """Estimate the logic of a layer from plain quantities.

    Parameters
    ----------
    quantities
        Of one pixel.
    copies
        Pixels in parallel.

    Returns
    -------
    Logic
        As C synthesis reports it, with what is left after logic synthesis where reports say.
    """
    form, after = form_of(quantities), synthesised(quantities)
    return _logic(form, quantities, copies, None if after is None else _logic(after, quantities, copies))


def _logic(form: Form, quantities: Quantities, copies: int, after: Logic | None = None) -> Logic:
    made_of = ", ".join(
        f"{each:g} for {'the' if term == 'layer' else 'each'} {term}" for term, each in form.lut.coefficients.items()
    )
    if quantities.strategy == "resource_unrolled":
        made_of += "; the reports are of resource, none of resource_unrolled is known"
    return Logic(
        copies * form.lut.of(quantities),
        copies * form.ff.of(quantities),
        made_of,
        form.lut.error,
        form.ff.error,
        after,
    )


def constants_of(layer: Layer, kernel: npt.NDArray[np.generic]) -> int | None:
    """Count the constants that HLS multiplies in one pixel of a layer.

    Parameters
    ----------
    layer
        The layer.
    kernel
        As many weights as the layer has, outputs last.

    Returns
    -------
    int or None
        None where the weights are no constants: above a reuse factor of 1 they are in a memory, unless under
        ``latency``. None of other kinds of layers, too.
    """
    constant = layer.strategy == "latency" or (layer.strategy == "resource" and layer.reuse_factor == 1)
    if not constant or layer.kind not in _KINDS or not layer.size:
        return None
    flat = np.asarray(kernel, dtype=np.float64).reshape(-1, layer.n_out)
    return multiplied_constants(whole_weights(flat, layer.weight_bits))


def multiplied_constants(whole: npt.NDArray[np.int64]) -> int:
    """Count the products of an unrolled layer that are multiplications to HLS.

    Parameters
    ----------
    whole
        Shape (inputs, outputs): the weights as whole numbers.

    Returns
    -------
    int
        Distinct pairs of an input and a value of at least three signed digits.
    """
    needed = signed_digits(whole) >= 3
    pairs = np.stack([np.broadcast_to(np.arange(len(whole))[:, None], whole.shape)[needed], whole[needed]])
    return int(np.unique(pairs, axis=1).shape[1])


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
