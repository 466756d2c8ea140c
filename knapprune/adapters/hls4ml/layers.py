"""How the nodes of an hls4ml graph multiply: each as a `Layer`, from what hls4ml put into effect."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from knapprune.hardware.window import Side, reached
from knapprune.network.hls_config import HlsConfig, HlsConfigError
from knapprune.network.layers import Kind, Layer, Products
from knapprune.network.rounding import Rounding
from knapprune.network.rules.depthwise import check_multiplier
from knapprune.network.rules.recurrent import check_factors, gate_products
from knapprune.network.rules.reuse import divisors, valid_reuse_factors
from knapprune.network.rules.scale import scale_products

#: Nodes whose results are values that went in, or zeros.
_MOVING = ("Reshape", "Transpose", "ZeroPadding1D", "ZeroPadding2D", "Repack", "Clone")
_POOLING = ("Pooling1D", "Pooling2D")


def hls_class(node: Any) -> str:
    """Name the class under which a node's settings are found."""
    return str(node.class_name).removeprefix("Pointwise")


def describe(
    node: Any, config: HlsConfig, name: str, kind: Kind, variable: str, shape: tuple[int, ...], binary: bool
) -> Layer:
    """Describe a kernel."""
    recurrent = variable == "recurrent_weight"
    data = node.get_output_variable() if recurrent else node.get_input_variable()
    precision = node.get_weights(variable).type.precision
    layer = Layer(
        name=name,
        kind=kind,
        kernel_shape=tuple(int(size) for size in shape),
        strategy=node.get_attr("strategy"),
        requested_strategy=config.strategy(node.name, hls_class(node)),
        reuse_factor=int(node.get_attr("recurrent_reuse_factor" if recurrent else "reuse_factor")),
        requested_reuse_factor=config.reuse_factor(node.name, hls_class(node)),
        weight_bits=int(precision.width),
        weight_type=None if binary else Rounding.parse(precision),
        data_bits=int(data.type.precision.width),
    )
    if config.io_type == "io_parallel" and not recurrent:
        layer = replace(layer, never_negative=bool(data.type.precision.signed) and _behind_relu(node))
    if kind in ("lstm", "gru"):
        layer = replace(layer, pixels=int(node.get_input_variable().shape[0]))
        if not recurrent:
            accum = int(node.get_attr("accum_t").precision.width)
            state = int(node.get_output_variable().type.precision.width)
            layer = replace(layer, products=gate_products(hls_class(node), node.get_attr("n_out"), accum, state))
    elif kind == "einsum_dense":
        free = int(node.get_attr("n_free_data"))
        copies = min(int(node.get_attr("parallelization_factor")), free)
        layer = replace(layer, copies=copies, pixels=free, outputs=(0, 2), layout=(0, 1, 2))
    elif kind != "dense":
        layer = _convolution(layer, node, config.io_type == "io_stream")
    _check(layer, node, config, binary)
    return layer


def describe_fixed(node: Any, config: HlsConfig, variable: str | None = None) -> Layer:
    """Describe a node of which nothing can be pruned."""
    data = node.get_input_variable()
    shape = tuple(int(size) for size in data.shape)
    factor = int(node.get_attr("reuse_factor", 1))
    bits = int(data.type.precision.width)
    width = bits
    products: tuple[Products, ...] = ()
    strategy = "distributed_arithmetic" if variable is None else "fixed"
    if variable is not None:
        parameters, streams = node.get_weights(variable), config.io_type == "io_stream"
        kind = Rounding.parse(parameters.type.precision)
        width = kind.type.width
        # Powers of two, which QKeras' quantisers may have as a factor, are written as what data are shifted by.
        if "ExponentWeightVariable" not in {one.__name__ for one in type(parameters).__mro__}:
            products = scale_products(
                shape, np.asarray(parameters.data), kind, bits, factor, streams, normalises=variable == "scale"
            )
    return Layer(
        name=node.name,
        kind="scale",
        kernel_shape=(0,),
        strategy=strategy,
        requested_strategy=strategy,
        reuse_factor=factor,
        requested_reuse_factor=factor,
        weight_bits=width,
        data_bits=bits,
        pixels=prod(shape[:-1]),
        products=products,
        own_settings=False,
    )


def _convolution(layer: Layer, node: Any, streams: bool) -> Layer:
    pixels = int(prod(node.get_output_variable().shape[:-1]))
    sides = [("in_width", "pad_left", "pad_right"), ("in_height", "pad_top", "pad_bottom")]
    padded = prod(sum(node.get_attr(name, 0) for name in side) for side in sides[: 1 if "1D" in node.class_name else 2])
    # A stream brings one pixel at a time, whatever n_partitions says.
    copies = 1 if streams else pixels // int(node.get_attr("n_partitions"))
    return replace(
        layer,
        copies=copies,
        reached=() if streams else reached(_sides(node), copies),
        pixels=pixels,
        streamed=int(padded) if streams else 0,
        outputs=(-2, -1) if layer.depthwise else (-1,),
    )


def _sides(node: Any) -> list[Side]:
    """Describe the axes along which a convolution's window moves."""
    axes = [("width", "left")] if "1D" in node.class_name else [("height", "top"), ("width", "left")]
    return [
        Side(
            size=int(node.get_attr(f"in_{axis}")),
            outputs=int(node.get_attr(f"out_{axis}")),
            window=int(node.get_attr(f"filt_{axis}")),
            stride=int(node.get_attr(f"stride_{axis}")),
            dilation=int(node.get_attr("dilation", 1)),
            before=int(node.get_attr(f"pad_{end}", 0)),
        )
        for axis, end in axes
    ]


def _behind_relu(node: Any) -> bool:
    """Say whether a node's input comes from a ReLU, by nothing but what moves values or takes the largest."""
    before = node.get_input_node()
    while before is not None and (
        before.class_name in _MOVING
        or (before.class_name in _POOLING and before.get_attr("pool_op") == "Max")
        or (before.class_name == "Activation" and before.get_attr("activation") == "linear")
    ):
        before = before.get_input_node()
    return before is not None and before.class_name == "Activation" and before.get_attr("activation") == "relu"


def _check(layer: Layer, node: Any, config: HlsConfig, binary: bool) -> None:
    """Refuse what hls4ml converts, but only to write a project that does not compile or computes something else."""
    if binary and layer.strategy == "resource_unrolled":
        raise HlsConfigError(
            f"model: layer {layer.name!r} has binary weights, of which hls4ml writes -1 as 0 and leaves its "
            "products out of unrolled code; convert the model again with another strategy"
        )
    if layer.depthwise:
        _check_depthwise(layer, config)
    elif layer.kind == "einsum_dense":
        _check_einsum_dense(layer)
    elif layer.kind in ("lstm", "gru"):
        _check_recurrent(layer, node)
    elif layer.strategy in ("resource", "resource_unrolled"):
        _check_reuse_factor(layer, config)


def _check_depthwise(layer: Layer, config: HlsConfig) -> None:
    check_multiplier(layer.name, layer.kernel_shape[-1])
    if layer.strategy == "resource" and config.io_type == "io_parallel":
        raise HlsConfigError(
            f"model: layer {layer.name!r} has strategy 'resource' in io_parallel, for which hls4ml has no depthwise "
            "convolution; convert the model again with 'latency' or in io_stream"
        )


def _check_einsum_dense(layer: Layer) -> None:
    if layer.kernel_shape[0] > 1 and layer.reuse_factor > 1:
        raise HlsConfigError(
            f"model: layer {layer.name!r} has reuse factor {layer.reuse_factor}, expected 1: data, kernel and output "
            "share an axis, and the limit on multipliers that hls4ml writes then is no number of multipliers"
        )


def _check_recurrent(layer: Layer, node: Any) -> None:
    if node.get_attr("apply_reset_gate") == "before":
        raise HlsConfigError(
            f"model: layer {layer.name!r} applies the reset gate before the recurrent product, and hls4ml computes it "
            "as if it came after; expected reset_after=True"
        )
    units = int(node.get_attr("n_out"))
    check_factors(
        node.name,
        layer.strategy,
        layer.requested_reuse_factor,
        (int(node.get_attr("n_in")), int(node.get_attr("reuse_factor"))),
        (units, int(node.get_attr("recurrent_reuse_factor"))),
        layer.n_out,
    )


def _check_reuse_factor(layer: Layer, config: HlsConfig) -> None:
    valid = valid_reuse_factors(layer.n_in, layer.n_out, include_largest=layer.strategy == "resource")
    if layer.strategy == "resource_unrolled":
        # Code is generated for factors above 1 alone.
        valid = valid[1:]
    elif layer.convolves and config.io_type == "io_parallel":
        # nnet_conv*_resource.h: "correct only for RF <= ...".
        valid = divisors(layer.n_in)
    if layer.reuse_factor not in valid:
        raise HlsConfigError(
            f"model: layer {layer.name!r} has reuse factor {layer.reuse_factor}, for which hls4ml writes wrong code; "
            f"convert the model again with one of {valid}, or with another strategy"
        )
