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
        Dense, Conv1D and Conv2D nodes by name, in the graph's order. Without those of binary weights: there is no zero
        among them, hls4ml writes -1 as 0.
    """
    return {
        node.name: node
        for node in graph.get_layers()
        if node.class_name in _KINDS and "weight" in node.weights and not _is_binary(node.get_weights("weight"))
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
    """
    streams = graph.config.get_config_value("IOType") == "io_stream"
    return [_layer(graph, node, streams) for node in kernel_nodes(graph).values()]


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


def _layer(graph: Any, node: Any, streams: bool) -> Layer:
    kind = _KINDS[node.class_name]
    shape = in_keras_order(node).shape
    pixels = 1 if kind == "dense" else prod(node.get_output_variable().shape[:-1])
    return Layer(
        name=node.name,
        kind=kind,
        kernel_shape=tuple(int(size) for size in shape),
        strategy=node.get_attr("strategy"),
        requested_strategy=graph.config.get_strategy(node),
        reuse_factor=int(node.get_attr("reuse_factor")),
        requested_reuse_factor=int(graph.config.get_reuse_factor(node)),
        weight_bits=int(node.get_weights("weight").type.precision.width),
        data_bits=int(node.get_input_variable().type.precision.width),
        # A stream brings one pixel at a time, whatever n_partitions says.
        copies=1 if kind == "dense" or streams else pixels // node.get_attr("n_partitions"),
        pixels=pixels,
        streamed=_padded_positions(node, kind) if kind != "dense" and streams else 0,
    )


def _padded_positions(node: Any, kind: Kind) -> int:
    sides = [("in_width", "pad_left", "pad_right"), ("in_height", "pad_top", "pad_bottom")]
    return prod(sum(node.get_attr(name, 0) for name in side) for side in sides[: 1 if kind == "conv1d" else 2])


def _is_binary(weight: Any) -> bool:
    # Conversion derives a class of its own from hls4ml's type.
    return any(kind.__name__ == "XnorPrecisionType" for kind in type(weight.type.precision).__mro__)
