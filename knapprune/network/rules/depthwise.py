"""How hls4ml computes a depthwise convolution.

Follows ``init_depconv1d`` and ``init_depconv2d`` of hls4ml 1.3 (``backends/vivado/vivado_backend.py``),
``nnet_utils/nnet_sepconv*.h`` and ``nnet_utils/nnet_depthwise_product.h``:

- There is no unrolled code and no adder graph: both strategies become latency.
- Under the resource strategy the loop runs over the weights in their own order, (height, width, channel): a multiplier
  owns ``reuse_factor`` neighbours there, and zeros save nothing. No pragma binds the weights to a memory.
- A reuse factor is held against sizes as if every filter saw every channel; the kernel takes at most all its weights.
"""

from __future__ import annotations

from math import prod

from knapprune.network.hls_config import HlsConfig, HlsConfigError
from knapprune.network.layers import Kind, Layer
from knapprune.network.rules.strategy import (
    check_unsupported,
    effective_reuse_factor,
    pixels_in_parallel,
    warn,
    weight_type,
)


def resolve_depthwise(
    config: HlsConfig,
    name: str,
    kernel_shape: tuple[int, ...],
    *,
    pixels: int,
    positions: int,
    data_bits: int,
) -> Layer:
    """Find how hls4ml will compute a depthwise convolution."""
    hls_type = f"DepthwiseConv{len(kernel_shape) - 2}D"
    kind: Kind = "depthwise_conv1d" if len(kernel_shape) == 3 else "depthwise_conv2d"
    check_unsupported(config, name, hls_type)
    check_multiplier(name, kernel_shape[-1])
    requested_strategy, requested = config.strategy(name, hls_type), config.reuse_factor(name, hls_type)
    weights = weight_type(config, "weight", name, hls_type)
    return Layer(
        name=name,
        kind=kind,
        kernel_shape=kernel_shape,
        strategy=_strategy(config, name, requested_strategy, requested),
        requested_strategy=requested_strategy,
        reuse_factor=_reuse_factor(config, name, kernel_shape, requested_strategy, requested),
        requested_reuse_factor=requested,
        weight_bits=weights.type.width,
        weight_type=weights,
        data_bits=data_bits,
        copies=pixels_in_parallel(config, name, hls_type, pixels),
        pixels=pixels,
        streamed=positions if config.io_type == "io_stream" else 0,
        outputs=(-2, -1),
    )


def check_multiplier(name: str, multiplier: int) -> None:
    """Refuse what hls4ml writes wrong code for."""
    if multiplier != 1:
        # nnet_sepconv*_latency.h asserts it; nnet_depthwise_product.h reads the weights of the first channels only.
        raise HlsConfigError(
            f"layer {name!r} has depth_multiplier {multiplier}, expected 1: the depthwise convolution that hls4ml "
            "writes for another one stops or computes something else"
        )


def _strategy(config: HlsConfig, name: str, requested: str, reuse_factor: int) -> str:
    if requested == "resource" and config.io_type == "io_parallel":
        raise HlsConfigError(
            f"hls_config: layer {name!r} has strategy 'resource' in io_parallel, expected 'latency' or io_stream: "
            "hls4ml has no such depthwise convolution, and the code that it writes all the same stops"
        )
    if requested in ("distributed_arithmetic", "da") and reuse_factor != 1:
        raise HlsConfigError(f"hls_config: layer {name!r} has ReuseFactor {reuse_factor}, expected 1 for {requested}")
    if requested not in ("resource", "latency"):
        warn(f"layer {name!r}: hls4ml has no strategy {requested!r} for depthwise convolutions and takes 'latency'")
        return "latency"
    return requested


def _reuse_factor(
    config: HlsConfig, name: str, kernel_shape: tuple[int, ...], requested_strategy: str, requested: int
) -> int:
    # init_conv1d runs first: it corrects the reuse factor for the strategy asked for, before that is replaced.
    rows = requested_strategy
    if rows == "resource_unrolled" and (requested == 1 or config.io_type == "io_parallel"):
        rows = "resource"
    n_in, n_out = prod(kernel_shape[:-1]), prod(kernel_shape[-2:])
    return effective_reuse_factor(name, n_in, n_out, rows, requested, generated=False)
