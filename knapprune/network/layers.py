"""What the network side knows about one layer: its shape and how the hardware will compute it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from knapprune.network.rounding import Rounding

Kind = Literal[
    "dense",
    "conv1d",
    "conv2d",
    "depthwise_conv1d",
    "depthwise_conv2d",
    "einsum_dense",
    "lstm",
    "gru",
    "scale",
]

Kernels = Mapping[str, npt.NDArray[np.generic]]
"""Weights by layer name."""

Masks = dict[str, npt.NDArray[np.bool_]]
"""True for a weight that is kept, by layer name."""

_CONVOLUTIONS = ("conv1d", "conv2d", "depthwise_conv1d", "depthwise_conv2d")


@dataclass(frozen=True)
class Products:
    """Multiplications that no weight of a kernel decides, such as gate by state.

    Parameters
    ----------
    multipliers
        Multipliers that compute them.
    first_bits, second_bits
        Widths of their two operands, in bits.
    """

    multipliers: int
    first_bits: int
    second_bits: int


@dataclass(frozen=True)
class Layer:
    """One kernel, as the hardware computes it. No framework, no weights.

    Most layers have one kernel and their name in hls4ml is the layer's. The others:

    - A separable convolution is two layers, ``x_depthwise`` and ``x_pointwise``, as hls4ml splits it.
    - A recurrent layer has two kernels: the layer ``x`` is that of the inputs, ``x/recurrent`` that of the state.
    - A layer without a prunable kernel that multiplies (a batch normalisation that stays) is of kind ``"scale"`` and
      has a kernel of shape ``(0,)``: all that it uses is in `products`.

    Parameters
    ----------
    name
        The layer's name in the model and in the hls4ml configuration.
    kind
        ``"dense"``, ``"conv1d"``, ``"conv2d"``, ``"depthwise_conv1d"``, ``"depthwise_conv2d"``, ``"einsum_dense"``,
        ``"lstm"``, ``"gru"`` or ``"scale"``.
    kernel_shape
        The kernel's shape in Keras' order: ``(in, out)``, ``(width, in, out)`` or ``(height, width, in, out)``; of
        depthwise convolutions ``(width, channels, multiplier)`` or ``(height, width, channels, multiplier)``; of
        recurrent layers ``(in, gates x units)``; of an EinsumDense as the equation has it.
    strategy, requested_strategy
        The hls4ml strategy that takes effect and the one that was asked for (``"latency"``, ``"resource"``,
        ``"resource_unrolled"``).
    reuse_factor, requested_reuse_factor
        Products per multiplier, in effect and as asked for. hls4ml replaces an invalid one by the closest valid one.
    weight_bits, data_bits
        Width of a weight and of an input word, in bits.
    copies
        How many times the multiplier array is instantiated: output pixels computed in parallel (convolutions), or
        positions of the free data axes (EinsumDense).
    pixels
        Positions that the kernel is applied at, one after the other or in parallel: output pixels of a convolution,
        steps of a sequence (recurrent layers), free data axes of an EinsumDense; 1 for a Dense layer.
    streamed
        Input positions that a convolution in io_stream reads one after the other, padding included; 0 for other layers.
    outputs
        The kernel's axes that tell outputs apart; products are summed over the others. The last one; channels and
        multiplier of a depthwise convolution; what the equation of an EinsumDense says.
    layout
        The order of the kernel's axes in the array of weights that the generated code reads under a resource strategy:
        a multiplier owns ``reuse_factor`` neighbours there. Empty stands for outputs first: the last axis, then the
        others. A depthwise convolution with multiplier 1 keeps its own order.
    first_axis
        For each place along the first axis of that array's kernel, the place in this one; empty where they are the
        same. hls4ml reorders the weights of a PyTorch model's first Linear layer behind a convolution, in place of its
        data (``passes/convert_to_channels_last.py``).
    products
        Multiplications that stay whatever is pruned: gates by states, or the scale of a normalisation.
    weight_type
        The type that weights are rounded to; None where it is not known: no two weights are then taken to be equal.
    fan_out
        The kernel's axes along which one input is multiplied by several weights. The last one; of a depthwise
        convolution the multiplier, of an EinsumDense the axes that the data does not have.
    reached
        For each place of the window of a convolution (its axes in the kernel's order, flat), the pixels in parallel at
        which it reads data and not padding, whichever pixels those are; empty where that is all `copies`.
    never_negative
        Whether data is never negative though its type has a sign, as behind a ReLU in io_parallel: products with
        constants then go by a bit less.
    own_settings
        Whether hls4ml can be given a reuse factor and a width for this kernel alone. The two kernels of a recurrent
        layer and the two parts of a separable convolution share theirs.
    """

    name: str
    kind: Kind
    kernel_shape: tuple[int, ...]
    strategy: str
    requested_strategy: str
    reuse_factor: int
    requested_reuse_factor: int
    weight_bits: int
    data_bits: int
    copies: int = 1
    pixels: int = 1
    streamed: int = 0
    outputs: tuple[int, ...] = (-1,)
    layout: tuple[int, ...] = ()
    products: tuple[Products, ...] = ()
    weight_type: Rounding | None = None
    fan_out: tuple[int, ...] = (-1,)
    reached: tuple[int, ...] = ()
    never_negative: bool = False
    own_settings: bool = True
    first_axis: tuple[int, ...] = field(default=(), repr=False)

    @property
    def n_in(self) -> int:
        """Products summed into one output: every kernel axis that is not of the outputs."""
        return self.size // self.n_out if self.size else 0

    @property
    def n_out(self) -> int:
        """Outputs of one application of the kernel: neurons, filters, gates of all units."""
        return prod(self.kernel_shape[axis] for axis in self.outputs)

    @property
    def convolves(self) -> bool:
        """Whether hls4ml builds a convolution: also of a Dense layer on several axes."""
        return self.kind in _CONVOLUTIONS or (self.kind == "dense" and self.pixels > 1)

    @property
    def depthwise(self) -> bool:
        """Whether each input channel has filters of its own, so that an output sums over one channel alone."""
        return self.kind in ("depthwise_conv1d", "depthwise_conv2d")

    @property
    def size(self) -> int:
        """Number of weights in the kernel."""
        return prod(self.kernel_shape)

    @property
    def operand_bits(self) -> int:
        """Bits of an input word that a product goes by: one less where its sign is known to be constant."""
        return self.data_bits - (self.never_negative and self.constant)

    @property
    def constant(self) -> bool:
        """Whether each weight is a constant in the logic: it is read in every cycle, by one multiplier."""
        return self.reuse_factor == 1 and self.strategy in ("latency", "resource", "resource_unrolled")

    @property
    def first_settings(self) -> dict[str, Any]:
        """What an entry of its own in the configuration must begin with, for nothing else to change."""
        return {"ParallelizationFactor": self.copies} if self.pixels > 1 else {}

    @property
    def axes(self) -> tuple[int, ...]:
        """The kernel's axes in the order of ``layout``, none left out."""
        last = len(self.kernel_shape) - 1
        return self.layout or (last, *range(last))

    def flat(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Lay an array of the kernel's shape out as the generated code has the weights.

        Parameters
        ----------
        array
            Shape ``kernel_shape``.

        Returns
        -------
        numpy.ndarray
            Shape ``(size,)``.
        """
        ordered = array[list(self.first_axis)] if self.first_axis else array
        return np.transpose(ordered, self.axes).reshape(-1)

    def unflat(self, flat: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Bring what :meth:`flat` laid out back to the kernel's own axis order.

        Parameters
        ----------
        flat
            Shape ``(size,)``.

        Returns
        -------
        numpy.ndarray
            Shape ``kernel_shape``.
        """
        laid_out = flat.reshape([self.kernel_shape[axis] for axis in self.axes])
        ordered = np.transpose(laid_out, np.argsort(self.axes))
        return np.ascontiguousarray(ordered[np.argsort(self.first_axis)] if self.first_axis else ordered)
