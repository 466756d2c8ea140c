"""Latency of a layer in clock cycles: an estimate, where DSP and BRAM are counts.

One inference passes the layers one after the other; a multiplier that is used ``RF`` times takes a new product in each
cycle, so a layer's result is there after

    cycles = L_mult + (RF - 1) + L_activ

(after Duarte et al., "Fast inference of deep neural networks in FPGAs for particle physics", JINST 13 P07027, 2018;
the multiplier starts a product in every cycle). A convolution repeats the ``RF`` cycles for every group of
pixels that are computed in parallel. The network's latency is taken as the sum over its layers with a kernel, and its
initiation interval is the largest number of repeated cycles of any of them. Where layers stream (io_stream), they
overlap, and the sum is on the high side.

``L_mult`` and ``L_activ`` depend on the clock, the layer and the vendor tool; two cycles and one are taken here. For
the four layers of the jet-tagging network at RF 1, an early report of Vivado HLS has 5, 4, 4 and 3 cycles
(https://github.com/fastmachinelearning/hls4ml/issues/20) where this has 3 each. What other layers take (softmax,
pooling, reading streams) comes on top.
"""

from __future__ import annotations

from knapprune.layers import Layer

#: Cycles from operands to a sum of products, and from there through the activation.
MULTIPLIER_CYCLES = 2
ACTIVATION_CYCLES = 1


def interval(layer: Layer) -> int:
    """Estimate the cycles after which the layer takes its next input.

    Parameters
    ----------
    layer
        The layer.

    Returns
    -------
    int
        The reuse factor, times the groups of pixels of a convolution.
    """
    return layer.reuse_factor * -(-layer.pixels // layer.copies)


def latency(layer: Layer) -> int:
    """Estimate the cycles from a layer's input to its result.

    Parameters
    ----------
    layer
        The layer.

    Returns
    -------
    int
        Clock cycles.
    """
    return MULTIPLIER_CYCLES + interval(layer) - 1 + ACTIVATION_CYCLES
