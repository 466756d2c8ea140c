"""What is in an hls4ml graph: its kernels in Keras' axis order, and its layers as hls4ml resolved them.

Weights are in Keras' order, output axis last, until ``apply_resource_strategy``
(``backends/vivado/passes/resource_strategy.py``) moves that axis to the front of layers with a resource strategy, and
says so in an attribute. Front ends of another order (PyTorch, ONNX) are turned to Keras' before, on conversion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.hls4ml.layers import describe, describe_fixed
from knapprune.network.hls_config import COUNTED_BACKENDS, HlsConfig, HlsConfigError
from knapprune.network.hls_config_file import read_hls_config
from knapprune.network.layers import Kind, Layer

# hls4ml's classes by what multiplies in them. Exact names: a DepthwiseConv2D is a Conv2D to Python alone.
_KINDS: dict[str, Kind] = {
    "Dense": "dense",
    "Conv1D": "conv1d",
    "PointwiseConv1D": "conv1d",
    "Conv2D": "conv2d",
    "PointwiseConv2D": "conv2d",
    "DepthwiseConv1D": "depthwise_conv1d",
    "DepthwiseConv2D": "depthwise_conv2d",
    "EinsumDense": "einsum_dense",
    "LSTM": "lstm",
    "GRU": "gru",
}
_SCALES = {"BatchNormalization": "scale", "ApplyAlpha": "scale", "PReLU": "param"}
_WHOLE_NUMBERS_AND_FRACTIONS = ("FixedPrecisionType", "IntegerPrecisionType", "XnorPrecisionType")


@dataclass(frozen=True)
class Kernel:
    """One kernel of a node.

    Parameters
    ----------
    name
        The layer's name: the node's, with ``"/recurrent"`` behind it for the kernel on the state.
    kind
        What the node computes.
    node
        The node.
    variable
        The kernel's name among the node's weights.
    """

    name: str
    kind: Kind
    node: Any
    variable: str

    @property
    def weights(self) -> Any:
        """hls4ml's ``WeightVariable``."""
        return self.node.get_weights(self.variable)

    @property
    def binary(self) -> bool:
        """Whether weights are -1 and 1, which hls4ml writes as 0 and 1: none of them can be masked."""
        return _is_a(self.weights.type.precision, "XnorPrecisionType")

    def read(self) -> npt.NDArray[np.generic]:
        """Copy the kernel out."""
        data = np.asarray(self.weights.data)
        if self.node.get_attr("_weights_transposed"):
            data = np.moveaxis(data, 0, -1)
        if self.kind in ("depthwise_conv1d", "depthwise_conv2d"):
            # ONNX' has its channels where Keras has the multiplier; that is 1.
            channels = self.node.get_attr("n_chan")
            window = data.shape[: len(data.shape) - 2]
            data = data.reshape(*window, channels, -1)
        return np.array(data)

    def write(self, kernel: npt.NDArray[np.generic]) -> None:
        """Put a kernel in the place of the node's own."""
        data, shape = kernel, self.weights.data.shape
        if self.node.get_attr("_weights_transposed"):
            data = np.moveaxis(kernel.reshape(*shape[1:], shape[0]), -1, 0)
        self.weights.data = np.array(data.reshape(shape), order="C")
        # What WeightVariable derives from its data when it is made.
        self.weights.nonzeros = int(np.count_nonzero(data))
        self.weights.nzeros = int(data.size) - self.weights.nonzeros
        self.weights.min, self.weights.max = data.min(), data.max()


def graph_config(graph: Any) -> HlsConfig:
    """Read the configuration that a graph carries."""
    config = read_hls_config(graph.config.config)
    if config.backend not in COUNTED_BACKENDS:
        raise HlsConfigError(
            f"model: the graph was converted for {config.backend}, expected one of {list(COUNTED_BACKENDS)}; for the "
            "others there are estimates of Keras models only"
        )
    return config


def kernels_of(graph: Any) -> dict[str, Kernel]:
    """Find the kernels of a graph."""
    kernels = [kernel for node in graph.get_layers() for kernel in _kernels(node)]
    return {kernel.name: kernel for kernel in kernels}


def other_nodes(graph: Any) -> list[str]:
    """Name the nodes with weights that are neither counted nor masked."""
    return [
        node.name
        for node in graph.get_layers()
        if len(node.weights) and not _kernels(node) and not _is_fixed(node) and node.class_name not in _SCALES
    ]


def graph_layers(graph: Any) -> list[Layer]:
    """Describe the layers that multiply, as hls4ml resolved them."""
    config = graph_config(graph)
    layers: list[Layer] = []
    for node in graph.get_layers():
        if node.class_name in _SCALES:
            layers.append(describe_fixed(node, config, _SCALES[node.class_name]))
        elif _is_fixed(node):
            layers.append(describe_fixed(node, config))
        for kernel in _kernels(node):
            layers.append(
                describe(node, config, kernel.name, kernel.kind, kernel.variable, kernel.read().shape, kernel.binary)
            )
    return layers


def graph_kernels(graph: Any) -> dict[str, npt.NDArray[np.generic]]:
    """Copy the kernels out."""
    kernels = {name: kernel.read() for name, kernel in kernels_of(graph).items()}
    return {layer.name: kernels.get(layer.name, np.zeros(0)) for layer in graph_layers(graph)}


def _kernels(node: Any) -> list[Kernel]:
    kind = _KINDS.get(node.class_name)
    if kind is None or _is_fixed(node) or "weight" not in node.weights:
        return []
    if not _is_a(node.get_weights("weight").type.precision, *_WHOLE_NUMBERS_AND_FRACTIONS):
        return []
    kernels = [Kernel(node.name, kind, node, "weight")]
    if kind in ("lstm", "gru"):
        kernels.append(Kernel(f"{node.name}/recurrent", kind, node, "recurrent_weight"))
    return kernels


def _is_fixed(node: Any) -> bool:
    """Whether hls4ml has made an adder graph of the node."""
    return node.class_name in _KINDS and node.get_attr("strategy") == "distributed_arithmetic"


def _is_a(precision: Any, *names: str) -> bool:
    # Conversion derives classes of its own from hls4ml's types.
    return not {kind.__name__ for kind in type(precision).__mro__}.isdisjoint(names)
