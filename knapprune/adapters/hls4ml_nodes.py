"""What is in an hls4ml graph: its layers with a kernel as hls4ml resolved them, and the kernels in Keras' axis order.

Dense and convolution weights are in Keras' order, output axis last, until ``apply_resource_strategy``
(``backends/vivado/passes/resource_strategy.py``) moves that axis to the front of layers with a resource strategy, and
says so in an attribute. Front ends of another order (PyTorch, ONNX) are turned to Keras' before, on conversion.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.hardware.reuse import divisors, valid_reuse_factors
from knapprune.hls_config import COUNTED_BACKENDS, HlsConfig, HlsConfigError, read_hls_config
from knapprune.layers import Kind, Layer

# hls4ml's classes that multiply by one kernel. Exact names: a DepthwiseConv2D is a Conv2D to Python alone.
_KINDS: dict[str, Kind] = {
    "Dense": "dense",
    "Conv1D": "conv1d",
    "PointwiseConv1D": "conv1d",
    "Conv2D": "conv2d",
    "PointwiseConv2D": "conv2d",
}


def kernel_nodes(graph: Any) -> dict[str, Any]:
    """Find the nodes whose kernel can be masked.

    Parameters
    ----------
    graph
        An ``hls4ml.model.ModelGraph``.

    Returns
    -------
    dict
        Dense, Conv1D and Conv2D nodes with fixed-point or integer weights, by name, in the graph's order.
    """
    return {
        node.name: node
        for node in graph.get_layers()
        if node.class_name in _KINDS and "weight" in node.weights and _can_be_zero(node.get_weights("weight"))
    }


def other_nodes(graph: Any) -> list[str]:
    """Name the nodes with weights that cannot be masked.

    Parameters
    ----------
    graph
        An ``hls4ml.model.ModelGraph``.

    Returns
    -------
    list of str
        In the graph's order.
    """
    masked = kernel_nodes(graph)
    return [node.name for node in graph.get_layers() if len(node.weights) and node.name not in masked]


def graph_config(graph: Any) -> HlsConfig:
    """Read the configuration that a graph carries.

    Parameters
    ----------
    graph
        An ``hls4ml.model.ModelGraph``.

    Returns
    -------
    HlsConfig
        What the graph was converted with, with the settings that hls4ml added for the layers it split or replaced.

    Raises
    ------
    HlsConfigError
        If it is of a backend that knapprune does not know.
    """
    config = read_hls_config(graph.config.config)
    if config.backend not in COUNTED_BACKENDS:
        raise HlsConfigError(
            f"model: the graph was converted for {config.backend}, expected one of {list(COUNTED_BACKENDS)}; for the "
            "others there are estimates of Keras models only"
        )
    return config


def hls_class(node: Any) -> str:
    """Name the class under which a node's settings are found.

    Parameters
    ----------
    node
        A node of a graph.

    Returns
    -------
    str
        ``"Conv2D"`` of a 1 x 1 convolution too: it becomes a class of its own after its settings were read.
    """
    return str(node.class_name).removeprefix("Pointwise")


def graph_layers(graph: Any) -> list[Layer]:
    """Describe the layers whose kernel can be masked, as hls4ml resolved them.

    Parameters
    ----------
    graph
        An ``hls4ml.model.ModelGraph``, from any front end, converted for Vivado or Vitis.

    Returns
    -------
    list of Layer
        In the graph's order. What was requested is what the graph's own configuration says.

    Raises
    ------
    HlsConfigError
        If a layer has a reuse factor for which hls4ml writes wrong code.
    """
    config = graph_config(graph)
    return [_layer(node, config) for node in kernel_nodes(graph).values()]


def graph_kernels(graph: Any) -> dict[str, npt.NDArray[np.generic]]:
    """Copy the kernels out.

    Parameters
    ----------
    graph
        An ``hls4ml.model.ModelGraph``.

    Returns
    -------
    dict
        Arrays in Keras' axis order, output axis last, by layer name: as the graph holds them, after folded
        normalisations and quantisers.
    """
    return {name: np.array(in_keras_order(node)) for name, node in kernel_nodes(graph).items()}


def in_keras_order(node: Any) -> npt.NDArray[np.generic]:
    """View a node's kernel in Keras' axis order.

    Parameters
    ----------
    node
        A Dense, Conv1D or Conv2D node.

    Returns
    -------
    ndarray
        A view, output axis last: what is written to it is written to the node's weights.
    """
    data = node.get_weights("weight").data
    return np.moveaxis(data, 0, -1) if node.get_attr("_weights_transposed") else data


def _layer(node: Any, config: HlsConfig) -> Layer:
    found = _read_layer(node, config)
    if found.strategy in ("resource", "resource_unrolled"):
        _check_reuse_factor(found, config)
    return found


def _check_reuse_factor(layer: Layer, config: HlsConfig) -> None:
    """Refuse what hls4ml converts, but only to write a project that does not compile or computes something else."""
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


def _read_layer(node: Any, config: HlsConfig) -> Layer:
    kind = _KINDS[node.class_name]
    convolves, streams = kind != "dense", config.io_type == "io_stream"
    pixels = prod(node.get_output_variable().shape[:-1]) if convolves else 1
    return Layer(
        name=node.name,
        kind=kind,
        kernel_shape=tuple(int(size) for size in in_keras_order(node).shape),
        strategy=node.get_attr("strategy"),
        requested_strategy=config.strategy(node.name, hls_class(node)),
        reuse_factor=int(node.get_attr("reuse_factor")),
        requested_reuse_factor=config.reuse_factor(node.name, hls_class(node)),
        weight_bits=int(node.get_weights("weight").type.precision.width),
        data_bits=int(node.get_input_variable().type.precision.width),
        # A stream brings one pixel at a time, whatever n_partitions says.
        copies=pixels // node.get_attr("n_partitions") if convolves and not streams else 1,
        pixels=pixels,
        streamed=_padded_positions(node, kind) if convolves and streams else 0,
    )


def _padded_positions(node: Any, kind: Kind) -> int:
    sides = [("in_width", "pad_left", "pad_right"), ("in_height", "pad_top", "pad_bottom")]
    return prod(sum(node.get_attr(name, 0) for name in side) for side in sides[: 1 if kind == "conv1d" else 2])


def _can_be_zero(weight: Any) -> bool:
    """Whether zero is a weight of its own: XNOR layers write -1 as 0, and no power of two is zero."""
    # Conversion derives classes of its own from hls4ml's types.
    names = {kind.__name__ for kind in type(weight.type.precision).__mro__}
    return not names.isdisjoint(("FixedPrecisionType", "IntegerPrecisionType"))
