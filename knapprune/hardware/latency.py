"""Latency of a layer in clock cycles: an estimate, where DSP and BRAM are counts.

One inference passes the layers one after the other; a multiplier that is used ``RF`` times takes a new product in each
cycle, so a layer's result is there after

    cycles = L_mult + (RF - 1) + L_activ

(after Duarte et al., "Fast inference of deep neural networks in FPGAs for particle physics", JINST 13 P07027, 2018;
the multiplier starts a product in every cycle). A convolution repeats the ``RF`` cycles for every group of
pixels that are computed in parallel; in io_stream it also reads every input position, padding included, whether or not
that completes an output. The network's latency is taken as the sum over its layers with a kernel, and its initiation
interval is the largest of any of them. Where layers stream (io_stream), they overlap, and the sum is on the high side.

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

    Read in the loops and pragmas of hls4ml 1.3 (``templates/vivado/nnet_utils``), with ``P`` pixels in parallel:

    ======================================  ================================  ==========================
    layer                                   cycles                            where
    ======================================  ================================  ==========================
    Dense                                   RF                                ``nnet_dense_*.h``
    convolution, io_parallel                RF * ceil(pixels / P)             ``PartitionLoop``
    convolution, io_stream, latency         RF * input positions              ``PIPELINE II=reuse_factor``
    convolution, io_stream, resource        input positions + (RF-1) * pixels  ``compute_output_buffer``
    EinsumDense                             RF                                ``nnet_einsum_dense.h``
    LSTM, GRU                               steps * (RF + 4)                  ``lstm_stack``, ``gru_stack``
    normalisation, PReLU in io_stream       RF * positions                    ``nnet_batchnorm_stream.h``
    normalisation, PReLU in io_parallel     RF                                ``nnet_batchnorm.h``
    ======================================  ================================  ==========================

    Depthwise convolutions are as other convolutions. A step of a recurrent layer needs the state of the one before, so
    it waits for that one's sum, activation and products of gates; the two kernels compute at the same time.

    Where a loop is not pipelined (both resource strategies) each turn also fills and drains the multipliers' pipeline,
    which is left out: there it is the least that the layer takes.

    Parameters
    ----------
    layer
        The layer.

    Returns
    -------
    int
        Clock cycles.
    """
    if layer.kind in ("lstm", "gru"):
        return layer.pixels * (2 * MULTIPLIER_CYCLES + layer.reuse_factor - 1 + ACTIVATION_CYCLES)
    if not layer.streamed:
        return layer.reuse_factor * -(-layer.pixels // layer.copies)
    if layer.strategy in ("latency", "distributed_arithmetic"):
        return layer.reuse_factor * layer.streamed
    return layer.streamed + (layer.reuse_factor - 1) * layer.pixels


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
