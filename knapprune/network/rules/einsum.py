"""How hls4ml computes an EinsumDense layer: a Dense product for each position of the data's own axes.

Follows ``init_einsum_dense`` of hls4ml 1.3 (``backends/vivado/vivado_backend.py``), ``utils/einsum_utils.py`` and
``nnet_utils/nnet_einsum_dense.h``.
"""

from __future__ import annotations

from math import prod

from knapprune.network.hls_config import HlsConfig, HlsConfigError
from knapprune.network.layers import Layer
from knapprune.network.rules.strategy import check_unsupported, warn, weight_type


def resolve_einsum_dense(
    config: HlsConfig,
    name: str,
    equation: str,
    kernel_shape: tuple[int, ...],
    input_shape: tuple[int, ...],
    data_bits: int,
) -> Layer:
    """Find how hls4ml will compute an EinsumDense layer."""
    check_unsupported(config, name, "EinsumDense")
    if config.io_type != "io_parallel":
        raise HlsConfigError(f"hls_config: layer {name!r} is an EinsumDense in io_stream, expected io_parallel")
    requested_strategy, factor = config.strategy(name, "EinsumDense"), config.reuse_factor(name, "EinsumDense")
    strategy = _strategy(name, requested_strategy)
    data, kernel, output = _subscripts(equation, len(input_shape))
    both, kept = [axis for axis in kernel if axis in data], set(output)
    in_place = [axis for axis in both if axis in kept]
    contracted = [axis for axis in both if axis not in kept]
    own = [axis for axis in kernel if axis not in data]
    if in_place and factor != 1 and strategy == "latency":
        # einsum_dense.py writes n_zeros = -1 there, and the limit on multipliers becomes a number around 2**32.
        raise HlsConfigError(
            f"hls_config: layer {name!r} has ReuseFactor {factor}, expected 1: data, kernel and output share an axis, "
            "and the limit on multipliers that hls4ml writes for another one is no number of multipliers"
        )
    positions = prod(input_shape[data.index(axis)] for axis in data if axis in kept and axis not in kernel)
    weights = weight_type(config, "weight", name, "EinsumDense")
    return Layer(
        name=name,
        kind="einsum_dense",
        kernel_shape=kernel_shape,
        strategy=strategy,
        requested_strategy=requested_strategy,
        reuse_factor=factor,
        requested_reuse_factor=factor,
        weight_bits=weights.type.width,
        weight_type=weights,
        data_bits=data_bits,
        copies=positions,
        pixels=positions,
        outputs=tuple(kernel.index(axis) for axis in [*in_place, *own]),
        layout=tuple(kernel.index(axis) for axis in [*in_place, *contracted, *own]),
        fan_out=tuple(kernel.index(axis) for axis in own),
    )


def _strategy(name: str, requested: str) -> str:
    if requested in ("latency", "distributed_arithmetic"):
        return requested
    if requested == "resource":
        raise HlsConfigError(
            f"hls_config: layer {name!r} has strategy 'resource', expected 'latency' or 'distributed_arithmetic': "
            "hls4ml writes no other EinsumDense"
        )
    warn(f"layer {name!r}: hls4ml has no strategy {requested!r} for EinsumDense and takes 'latency'")
    return "latency"


def _subscripts(equation: str, input_rank: int) -> tuple[str, str, str]:
    """Split an equation into the letters of data, kernel and output; the batch axis is gone, dots are letters."""
    operands, output = equation.replace(" ", "").split("->")
    data, kernel = operands.split(",")
    if data.startswith("..."):
        # The dots stand for the batch axis and for axes of the data that the output keeps.
        letters = [letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if letter not in equation]
        free = "".join(letters[: input_rank - len(data[3:])])
        return free + data[3:], kernel, free + output[3:]
    return data[1:], kernel, output[1:]
