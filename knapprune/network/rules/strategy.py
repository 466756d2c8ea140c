"""From the settings that were asked for to those that hls4ml puts into effect, with a warning for each change.

Follows ``init_dense``, ``init_conv1d`` and ``init_conv2d`` of hls4ml 1.3, ``backends/vivado/vivado_backend.py``.
Depthwise convolutions, recurrent layers and EinsumDense are in files of their own beside this one.
"""

from __future__ import annotations

import warnings
from math import prod

from knapprune.network.hls_config import COUNTED_BACKENDS, ESTIMATED_BACKENDS, HlsConfig, HlsConfigError
from knapprune.network.layers import Kind, Layer
from knapprune.network.rounding import Rounding
from knapprune.network.rules.reuse import closest, divisors, valid_reuse_factors


class HardwareWarning(UserWarning):
    """The hardware will not be quite what was asked for."""


#: The backends of Intel's compilers: one strategy, and DSP blocks of their own.
INTEL = ("Quartus", "oneAPI")
#: The names that hls4ml has for adder graphs.
DISTRIBUTED = ("distributed_arithmetic", "da")


def resolve_layer(
    config: HlsConfig,
    name: str,
    kind: Kind,
    kernel_shape: tuple[int, ...],
    *,
    pixels: int = 1,
    positions: int = 1,
    hls_type: str,
    data_bits: int,
) -> Layer:
    """Find how hls4ml will compute a layer."""
    check_unsupported(config, name, hls_type)
    requested_strategy = config.strategy(name, hls_type)
    requested_factor = config.reuse_factor(name, hls_type)
    strategy = _effective_strategy(config, name, hls_type, requested_strategy, requested_factor)
    n_in, n_out = prod(kernel_shape[:-1]), kernel_shape[-1]
    effective_factor = effective_reuse_factor(name, n_in, n_out, strategy, requested_factor)
    above = effective_factor > n_in and strategy == "resource" and config.backend not in INTEL
    if above and hls_type != "Dense" and config.io_type == "io_parallel":
        # nnet_conv*_resource.h: "correct only for RF <= ...". Most assert it; Vitis' Conv2D computes something else.
        raise HlsConfigError(
            f"hls_config: layer {name!r} has ReuseFactor {effective_factor}, expected one of {divisors(n_in)}: above "
            f"its {n_in} inputs hls4ml's resource strategy is wrong for convolutions in io_parallel; io_stream takes it"
        )
    pointwise = hls_type != "Dense" and (kind == "dense" or prod(kernel_shape[:-2]) == 1)
    if pointwise and effective_factor != requested_factor and "ReuseFactor" in config.layer_names.get(name, {}):
        # optimize_pointwise_conv makes the layer anew, and that puts the layer's own settings back, unchecked.
        raise HlsConfigError(
            f"hls_config: layer {name!r} has ReuseFactor {requested_factor}, expected a valid one such as "
            f"{effective_factor}: hls4ml does not correct that of a 1 x 1 convolution when it is set by layer name"
        )
    weights = weight_type(config, "weight", name, hls_type)
    return Layer(
        name=name,
        kind=kind,
        kernel_shape=kernel_shape,
        strategy=strategy,
        requested_strategy=requested_strategy,
        reuse_factor=effective_factor,
        requested_reuse_factor=requested_factor,
        weight_bits=weights.type.width,
        weight_type=weights,
        data_bits=data_bits,
        copies=1 if hls_type == "Dense" else pixels_in_parallel(config, name, hls_type, pixels),
        pixels=1 if hls_type == "Dense" else pixels,
        streamed=positions if hls_type != "Dense" and config.io_type == "io_stream" else 0,
    )


def check_unsupported(config: HlsConfig, name: str, hls_type: str) -> None:
    """Refuse settings that no layer is described under."""
    if config.backend in ESTIMATED_BACKENDS and hls_type not in ("Dense", "Conv1D", "Conv2D"):
        raise HlsConfigError(
            f"hls_config: layer {name!r} is a {hls_type}; for backend {config.backend} only Dense, Conv1D and Conv2D "
            f"are estimated, expected one of {list(COUNTED_BACKENDS)}"
        )
    implementation = config.setting("Implementation", name, hls_type)
    if (
        config.backend in INTEL
        and implementation is not None
        and str(implementation).lower() in ("winograd", "combination")
    ):
        raise HlsConfigError(
            f"hls_config: layer {name!r} has Implementation {implementation!r}, expected 'im2col': Winograd's products "
            "are not estimated"
        )
    if config.setting("TargetCycles", name, hls_type) is not None:
        raise HlsConfigError(f"hls_config: layer {name!r} sets TargetCycles, expected a ReuseFactor in its place")
    if config.setting("Compression", name, hls_type):
        raise HlsConfigError(f"hls_config: layer {name!r} sets Compression, which is not supported; expected it off")


def weight_type(config: HlsConfig, variable: str, name: str, hls_type: str) -> Rounding:
    """Look up what the words of a variable are rounded to; the model's default where hls4ml is to infer it."""
    text = config.precision_text(variable, name, hls_type)
    if text is None or str(text).strip().lower() == "auto":
        text = config.default_precision_text
    try:
        return Rounding.parse(text)
    except ValueError as error:
        raise HlsConfigError(f"hls_config: precision of {variable} of layer {name!r}: {error}") from None


def _effective_strategy(config: HlsConfig, name: str, hls_type: str, requested: str, reuse_factor: int) -> str:
    if config.backend in INTEL:
        if requested != "resource":
            warn(
                f"layer {name!r}: hls4ml's {config.backend} backend has only 'resource' and takes it for {requested!r}"
            )
        return "resource"
    if requested in ("latency", "resource"):
        return requested
    if config.backend == "Catapult":
        warn(f"layer {name!r}: hls4ml's Catapult backend does not know strategy {requested!r} and takes 'latency'")
        return "latency"
    if requested in DISTRIBUTED:
        if reuse_factor != 1:
            raise HlsConfigError(
                f"hls_config: layer {name!r} has ReuseFactor {reuse_factor}, expected 1 for {requested}"
            )
        return "distributed_arithmetic"
    if requested != "resource_unrolled":
        warn(
            f"layer {name!r}: hls4ml does not know strategy {requested!r} and takes 'latency'; expected "
            "'latency', 'resource', 'resource_unrolled' or 'distributed_arithmetic'"
        )
        return "latency"
    if reuse_factor == 1:
        warn(f"layer {name!r}: hls4ml replaces strategy 'resource_unrolled' by 'resource' at reuse factor 1")
        return "resource"
    if hls_type != "Dense" and config.io_type == "io_parallel":
        warn(
            f"layer {name!r}: hls4ml replaces strategy 'resource_unrolled' by 'resource' for {hls_type} "
            "in io_parallel; it keeps it in io_stream"
        )
        return "resource"
    return requested


def effective_reuse_factor(
    name: str, n_in: int, n_out: int, strategy: str, requested: int, *, generated: bool = True
) -> int:
    """Find the reuse factor that hls4ml takes."""
    if strategy not in ("resource", "resource_unrolled"):
        return requested
    valid = valid_reuse_factors(n_in, n_out, include_largest=strategy == "resource")
    effective = closest(valid, requested) if valid else 1
    if strategy == "resource_unrolled" and effective == 1 and generated:
        # Only factors above 1 get generated code, but the project calls it all the same.
        raise HlsConfigError(
            f"hls_config: hls4ml would change ReuseFactor {requested} of layer {name!r} to 1 and write a project that "
            f"does not compile; expected one of {valid[1:]}"
            + ("" if valid[1:] else ", which is none: use another strategy")
        )
    if effective != requested:
        warn(
            f"layer {name!r}: hls4ml replaces reuse factor {requested} by {effective}, the closest valid one "
            f"(valid: {', '.join(map(str, valid))})"
        )
    return effective


def pixels_in_parallel(config: HlsConfig, name: str, hls_type: str, pixels: int) -> int:
    """Find how many output pixels of a convolution are computed at once."""
    requested = config.parallelization_factor(name, hls_type)
    # Intel's compilers unroll by any factor; the others cut the pixels into equal parts.
    effective = min(requested, pixels) if config.backend in INTEL else closest(divisors(pixels), requested)
    if effective != requested:
        warn(
            f"layer {name!r}: hls4ml replaces ParallelizationFactor {requested} by {effective}, "
            f"{'all' if config.backend in INTEL else 'the closest divisor of'} its {pixels} pixels"
        )
    # The streaming convolution computes one pixel after the other, whatever the factor.
    return effective if config.io_type == "io_parallel" else 1


def warn(message: str) -> None:
    """Warn that the hardware will not be quite what was asked for."""
    warnings.warn(message, HardwareWarning, stacklevel=2)
