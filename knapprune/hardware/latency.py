"""Cycles of a layer: estimates, where DSP and BRAM are counts.

One inference passes the layers one after the other; a multiplier that is used ``RF`` times takes a new product in each
cycle, so a layer takes an input every ``RF`` cycles, and its result is there two cycles after the last product (after
Duarte et al., "Fast inference of deep neural networks in FPGAs for particle physics", JINST 13 P07027, 2018). A
convolution repeats that for every group of pixels that are computed in parallel; in io_stream it also reads every input
position, padding included. The network's latency is taken as the sum over its layers with a kernel, and its initiation
interval is the largest of any of them. Where layers stream (io_stream), they overlap, and the sum is on the high side.

Held against published reports of C synthesis (``vendor/calibration.json``; Vivado HLS 2019.1 to Vitis HLS 2025.1):

- ``resource`` above reuse factor 1: the interval is RF and the latency RF + 2, in io_parallel without exception. A
  Dense layer in io_stream reads its words first, which is left out.
- Reuse factor 1: additions follow one another without registers while they fit the clock period. An addition and its
  wiring take about 1 ns in UltraScale+ and 5 ns in the 7 series.
- ``latency`` above reuse factor 1: constants take turns at the multipliers that hls4ml's limit leaves, so the interval
  is constants / limit and a few cycles in which the last ones are added, not RF. RF is an upper bound of it.
- Convolutions in io_stream are not pipelined under ``resource``: each position takes RF and about nine cycles to fill
  and drain (4 to 11 in 13 layers; 28 to 32 in 7 of a modified hls4ml). Under ``latency`` a position takes at least
  three cycles (3, 3 and 6 in three layers), because its window is shifted first.

What is not a layer with a kernel (softmax, pooling, reading streams) comes on top.
"""

from __future__ import annotations

from math import log2

from knapprune.hardware.fitted import slow_fabric
from knapprune.network.layers import Layer

#: Cycles from the last product of a looped sum to the result.
DRAIN_CYCLES = 2
#: Cycles by which a position of a streamed convolution outlasts its reuse factor, and the least it takes if pipelined.
STREAM_FILL_CYCLES = 9
STREAM_SHIFT_CYCLES = 3
#: Nanoseconds of an addition and its wiring, and of the last products' way through the sum: UltraScale+, 7 series.
ADDITION_NS = (1.0, 5.0)
LAST_SUM_NS = (10.0, 15.0)

#: Share of published reports of single Dense layers and layers of networks within one cycle, and how many there are.
INTERVAL_WITHIN_ONE = (0.983, 776)
LATENCY_WITHIN_ONE = (0.973, 776)


def dense_interval(
    strategy: str,
    reuse_factor: int,
    constants: int | None = None,
    limit: int = 1,
    part: str = "",
    clock_period: float = 5.0,
) -> int:
    """Estimate the cycles after which a Dense layer takes its next input."""
    if strategy != "latency" or reuse_factor == 1 or constants is None:
        return reuse_factor
    last_sum = max(1, round(LAST_SUM_NS[slow_fabric(part)] / clock_period))
    return min(reuse_factor, -(-constants // max(limit, 1)) + last_sum)


def dense_latency(
    strategy: str,
    reuse_factor: int,
    n_in: int,
    constants: int | None = None,
    limit: int = 1,
    part: str = "",
    clock_period: float = 5.0,
) -> int:
    """Estimate the cycles from a Dense layer's input to its result."""
    depth = max(1, round(log2(max(n_in, 2)) * ADDITION_NS[slow_fabric(part)] / clock_period))
    if reuse_factor == 1 and strategy in ("latency", "resource"):
        return depth
    if strategy != "latency" or constants is None:
        return reuse_factor + DRAIN_CYCLES
    return max(depth, dense_interval(strategy, reuse_factor, constants, limit, part, clock_period) - 1)


def interval(
    layer: Layer, constants: int | None = None, limit: int = 1, part: str = "", clock_period: float = 5.0
) -> int:
    """Estimate the cycles after which the layer takes its next input.

    With ``P`` pixels in parallel, and ``D`` that of :func:`dense_interval` (read in the loops and pragmas of hls4ml
    1.3, ``templates/vivado/nnet_utils``, and in reports):

    ======================================  ================================  ==========================
    layer                                   cycles                            where
    ======================================  ================================  ==========================
    Dense                                   D                                 ``nnet_dense_*.h``
    convolution, io_parallel                D * ceil(pixels / P)              ``PartitionLoop``
    convolution, io_stream, latency         max(D, 3) * input positions       ``PIPELINE II=reuse_factor``
    convolution, io_stream, resource        (RF + 9) * input positions        ``compute_output_buffer``
    EinsumDense                             RF                                ``nnet_einsum_dense.h``
    LSTM, GRU                               steps * (RF + 4)                  ``lstm_stack``, ``gru_stack``
    normalisation, PReLU in io_stream       RF * positions                    ``nnet_batchnorm_stream.h``
    normalisation, PReLU in io_parallel     RF                                ``nnet_batchnorm.h``
    ======================================  ================================  ==========================

    Depthwise convolutions are as other convolutions. A step of a recurrent layer needs the state of the one before, so
    it waits for that one's sum, activation and products of gates; the two kernels compute at the same time. The tools
    report the cycles of a streamed convolution as if each position completed an output; those that do not take less.
    """
    if layer.kind in ("lstm", "gru"):
        return layer.pixels * (layer.reuse_factor + 2 * DRAIN_CYCLES)
    if layer.kind == "scale":
        return layer.reuse_factor * layer.pixels
    once = dense_interval(layer.strategy, layer.reuse_factor, constants, limit, part, clock_period)
    if not layer.streamed:
        return once * -(-layer.pixels // layer.copies)
    if layer.strategy in ("latency", "distributed_arithmetic"):
        return max(once, STREAM_SHIFT_CYCLES) * layer.streamed
    return (layer.reuse_factor + STREAM_FILL_CYCLES) * layer.streamed


def latency(
    layer: Layer, constants: int | None = None, limit: int = 1, part: str = "", clock_period: float = 5.0
) -> int:
    """Estimate the cycles from a layer's input to its result."""
    if layer.kind in ("dense", "conv1d", "conv2d") and not layer.streamed and layer.pixels == layer.copies:
        return dense_latency(layer.strategy, layer.reuse_factor, layer.n_in, constants, limit, part, clock_period)
    return interval(layer, constants, limit, part, clock_period) + DRAIN_CYCLES
