"""What the network side knows about one layer: its shape and how the hardware will compute it."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

Kind = Literal["dense", "conv1d", "conv2d"]


@dataclass(frozen=True)
class Layer:
    """One layer with a kernel, as the hardware computes it. No framework, no weights.

    Parameters
    ----------
    name
        The layer's name in the model and in the hls4ml configuration.
    kind
        ``"dense"``, ``"conv1d"`` or ``"conv2d"``.
    kernel_shape
        The kernel's shape in Keras' order, output axis last: ``(in, out)``, ``(width, in, out)`` or
        ``(height, width, in, out)``.
    strategy, requested_strategy
        The hls4ml strategy that takes effect and the one that was asked for (``"latency"``, ``"resource"``,
        ``"resource_unrolled"``).
    reuse_factor, requested_reuse_factor
        Products per multiplier, in effect and as asked for. hls4ml replaces an invalid one by the closest valid one.
    weight_bits, data_bits
        Width of a weight and of an input word, in bits.
    copies
        How many times the multiplier array is instantiated: output pixels computed in parallel (convolutions).
    pixels
        Output positions that the kernel is applied at, one after the other or in parallel; 1 for a Dense layer.
    streamed
        Input positions that a convolution in io_stream reads one after the other, padding included; 0 for other layers.
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

    @property
    def n_in(self) -> int:
        """Products summed into one output: every kernel axis but the last."""
        return prod(self.kernel_shape[:-1])

    @property
    def n_out(self) -> int:
        """Output neurons or filters: the kernel's last axis."""
        return self.kernel_shape[-1]

    @property
    def convolves(self) -> bool:
        """Whether hls4ml builds a convolution: also of a Dense layer on several axes."""
        return self.kind != "dense" or self.pixels > 1

    @property
    def size(self) -> int:
        """Number of weights in the kernel."""
        return prod(self.kernel_shape)
