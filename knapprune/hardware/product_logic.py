"""Look-up tables and flip-flops of layers that multiply: what C synthesis would report, from the fits to its reports.

The estimates themselves are :mod:`knapprune.hardware.fitted`; here is what a layer and its kernel give them. Biases and
handshakes are in the fits, activations, FIFOs and line buffers are not: :mod:`knapprune.hardware.beside`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from knapprune.hardware.constants import constants
from knapprune.hardware.fitted import Form, Quantities, form_of, synthesised
from knapprune.hardware.logic import Logic
from knapprune.network.layers import Layer

_KINDS = ("dense", "conv1d", "conv2d")


def of_products(layer: Layer, kernel: npt.NDArray[np.generic], multipliers: int, part: str = "") -> Logic | None:
    """Estimate the logic of a layer with multipliers."""
    if layer.kind not in _KINDS or layer.strategy == "distributed_arithmetic" or not layer.size:
        return None
    one_pixel = Quantities(
        strategy=layer.strategy,
        reuse_factor=layer.reuse_factor,
        n_in=layer.n_in,
        n_out=layer.n_out,
        weight_bits=layer.weight_bits,
        data_bits=layer.data_bits,
        nonzero=int(np.count_nonzero(kernel)),
        constants=constants_of(layer, kernel),
        multipliers=multipliers,
        part=part,
    )
    return logic_of(one_pixel, layer.copies)


def logic_of(quantities: Quantities, copies: int = 1) -> Logic:
    """Estimate the logic of a layer from plain quantities."""
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
    """Count the constants that HLS multiplies in one pixel of a layer."""
    constant = layer.constant or layer.strategy == "latency"
    if not constant or layer.kind not in _KINDS or not layer.size:
        return None
    return len(constants(layer, kernel).value)
