"""Multipliers of weights that are constants: which ones HLS builds, and which it does not need.

At reuse factor 1 each weight is a constant in the logic, and synthesis reports (``docs/benchmarks/vendor.md``) show
what becomes of the products of one input:

- A constant of at most two non-zero signed digits is a shift or two and one addition: no multiplier.
- Equal constants are multiplied once, for all outputs that they go to.
- What is left takes one multiplier for each distinct pair of input and constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from knapprune.network.digits import DIGITS_OF_A_PRODUCT
from knapprune.network.layers import Layer

#: Up to this width of the data, operands are narrowed one by one in ways that reports do not show.
UPPER_BOUND_BITS = 12

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Constants:
    """The multipliers of one kernel of constants.

    Parameters
    ----------
    owner
        Shape of the kernel: the multiplier of each weight, -1 where it needs none.
    value
        Shape (multipliers,): the constant of each, as a multiple of its type's last bit.
    copies
        Shape (multipliers,): how often each is there, for pixels that are computed in parallel.
    known
        Whether `value` is what the chip holds; else it is 1 for each weight that is not zero.
    """

    owner: npt.NDArray[np.signedinteger]
    value: Integers
    copies: Integers
    known: bool


def constants(layer: Layer, kernel: npt.NDArray[np.generic]) -> Constants:
    """Find the multipliers that HLS builds for the weights of a kernel, each a constant."""
    from knapprune.hardware.constants_loop import number_constants  # the compiler takes its time to load

    order, inputs = _inputs_first(layer)
    whole, known = integers_of(layer, kernel)
    rows = np.ascontiguousarray(np.transpose(whole, order)).reshape(inputs, -1)
    owner = np.empty(rows.shape, np.int32 if rows.size < 1 << 31 else np.int64)
    value, start = np.empty(rows.size, np.int64), np.empty(inputs + 1, np.int64)
    multipliers = number_constants(rows, DIGITS_OF_A_PRODUCT, known, owner, value, start)
    back = np.transpose(owner.reshape([layer.kernel_shape[axis] for axis in order]), np.argsort(order))
    return Constants(back, value[:multipliers], np.repeat(copies_of_inputs(layer), np.diff(start)), known)


def inputs_of(layer: Layer) -> Integers:
    """Number the input that each weight multiplies, in the shape of the kernel."""
    order, inputs = _inputs_first(layer)
    shape = [layer.kernel_shape[axis] for axis in order]
    numbers = np.broadcast_to(np.arange(inputs)[:, None], (inputs, layer.size // max(inputs, 1)))
    return np.transpose(numbers.reshape(shape), np.argsort(order))


def _inputs_first(layer: Layer) -> tuple[list[int], int]:
    """Put the axes of a kernel that tell inputs apart before the others, and count the inputs."""
    rank, fans = len(layer.kernel_shape), {axis % len(layer.kernel_shape) for axis in layer.fan_out}
    own = [axis for axis in range(rank) if axis not in fans]
    return [*own, *sorted(fans)], prod(layer.kernel_shape[axis] for axis in own)


def integers_of(layer: Layer, kernel: npt.NDArray[np.generic]) -> tuple[Integers, bool]:
    """Bring a kernel to whole multiples of the last bit of its type."""
    if layer.weight_type is None or kernel.dtype == np.bool_:
        return (np.asarray(kernel) != 0).astype(np.int64), False
    return layer.weight_type.integers(kernel)[0], True


def is_upper_bound(layer: Layer) -> bool:
    """Say whether the multipliers of a layer are known from above only."""
    if layer.strategy == "latency" and layer.reuse_factor > 1:
        return True
    return layer.constant and layer.data_bits <= UPPER_BOUND_BITS


def copies_of_inputs(layer: Layer) -> Integers:
    """Say at how many pixels in parallel each input is multiplied: tap by tap of a convolution's window."""
    inputs = _inputs_first(layer)[1]
    if not layer.reached:
        return np.full(inputs, layer.copies, dtype=np.int64)
    return np.repeat(np.array(layer.reached, dtype=np.int64), inputs // len(layer.reached))
