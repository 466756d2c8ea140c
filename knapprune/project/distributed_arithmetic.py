"""What ``distributed_arithmetic`` makes of a model's kernels: adder graphs from hls4ml, and from da4ml behind it.

hls4ml hands da4ml the weights *as the model has them*. It rounds them to the layer's weight type under every other
strategy, but not here (``backends/vivado/passes/distributed_arithmetic.py`` takes ``weight.data``, which hls4ml 1.3
rounds only as it writes the weights' file, and an adder graph has none). Weights trained in floating point then need 24
bits and more, and several times the adders.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.hardware.adder_graph import AdderGraph, LayerAdders, read_adder_graphs
from knapprune.hardware.logic import Logic, of_adders
from knapprune.network.layers import Layer
from knapprune.network.precision import FixedPoint
from knapprune.network.rules.strategy import HardwareWarning
from knapprune.tools import require, require_hls4ml


def generated_adders(model: Any, hls_config: Any, **overrides: Any) -> dict[str, LayerAdders]:
    """Have hls4ml generate a model's project, and read its adder graphs."""
    from knapprune.project.export import export
    from knapprune.project.read import read_project

    require_hls4ml()
    require("da4ml", extra="da")  # which hls4ml looks for after all else that it does
    with tempfile.TemporaryDirectory(prefix="knapprune-") as folder:
        project = export(model, hls_config, Path(folder) / "project", **overrides)
        return {layer.name: layer for layer in read_project(project.folder).adders}


def adder_graph(
    kernel: npt.NDArray[np.floating[Any]],
    inputs: Sequence[FixedPoint],
    bias: npt.NDArray[np.floating[Any]] | None = None,
) -> AdderGraph:
    """Have da4ml compile a kernel with the options that hls4ml 1.3 gives it."""
    require("da4ml", extra="da")
    from da4ml.codegen.hls import hls_logic_and_bridge_gen
    from da4ml.trace import FixedVariableArray, HWConfig, comb_trace

    signed = np.array([kind.signed for kind in inputs], dtype=np.int64)
    integers = np.array([kind.integer for kind in inputs]) - signed
    fractions = np.array([kind.fraction for kind in inputs])
    # hls4ml lets the environment set hard_dc, the depth that adders may add to the shallowest tree.
    options = {"hard_dc": int(os.environ.get("DA_HARD_DC", "2")), "search_all_decompose_dc": True}
    data = FixedVariableArray.from_kif(signed, integers, fractions, HWConfig(1, -1, -1), solver_options=options)
    sums = data @ kernel
    if bias is not None:
        sums = sums + bias
    code, _ = hls_logic_and_bridge_gen(comb_trace(data, sums), "dense_da_0", "vitis", print_latency=True)
    return read_adder_graphs(code)["dense_da_0"]


def with_zeros_filled(graph: AdderGraph, seed: int = 0) -> AdderGraph:
    """Compile a graph's kernel again with weights in the place of its zeros.

    What a pruned weight was is gone; each zero gets the value of one of the weights that are left, drawn at random.
    """
    kernel = graph.kernel
    alive = kernel[kernel != 0]
    if alive.size in (0, kernel.size):
        return graph
    kernel[kernel == 0] = np.random.default_rng(seed).choice(alive, kernel.size - alive.size)
    known = {value.first: value.type for value in graph.values if value.kind == "input"}
    # An input that no weight reads is not in the graph.
    widest = max(known.values(), key=lambda kind: kind.width)
    inputs = [known.get(index, widest) for index in range(graph.inputs)]
    return adder_graph(kernel, inputs, graph.bias).with_type(graph.result)


def distributed_logic(layers: Mapping[str, LayerAdders]) -> dict[str, Logic]:
    """Estimate the logic of adder graphs, and what the zeros in their kernels save."""
    return {
        name: of_adders(layer, replace(layer, graphs=tuple(map(with_zeros_filled, layer.graphs))))
        for name, layer in layers.items()
    }


def bits_of(weights: npt.NDArray[np.generic]) -> int:
    """Count the bits that a fixed-point type needs to hold all of some weights exactly."""
    values = np.asarray(weights, dtype=np.float64).ravel()
    values = values[values != 0]
    if not values.size:
        return 0
    mantissas, exponents = np.frexp(values)
    whole = np.abs(mantissas * 2.0**53).astype(np.int64)
    trailing = np.log2((whole & -whole).astype(np.float64)).astype(np.int64)
    # A type with a sign bit reaches one power of two further down than up.
    highest = exponents - (mantissas == -0.5)
    return int(highest.max() - (exponents - 53 + trailing).min()) + 1


def warn_of_unrounded(layers: Sequence[Layer], kernels: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Warn of layers with ``distributed_arithmetic`` whose weights need more bits than their type has."""
    for layer in layers:
        if layer.strategy != "distributed_arithmetic":
            continue
        needed = bits_of(kernels[layer.name])
        if needed > layer.weight_bits:
            warnings.warn(
                f"layer {layer.name!r}: distributed_arithmetic takes the weights as they are, with {needed} bits, and "
                f"does not round them to the {layer.weight_bits} bits of their type; round them before: each bit costs "
                "adders",
                HardwareWarning,
                stacklevel=3,
            )


def warn_of_overflow(layers: Sequence[Layer], kernels: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Warn of layers with weights outside of the range of their type."""
    for layer in layers:
        if layer.weight_type is None or not layer.size or layer.strategy == "distributed_arithmetic":
            continue
        overflows = layer.weight_type.integers(kernels[layer.name])[1]
        if overflows:
            becomes = "wrap around" if layer.weight_type.overflow == "WRAP" else "become the nearest that fits"
            becomes = "become zero" if layer.weight_type.overflow == "SAT_ZERO" else becomes
            warnings.warn(
                f"layer {layer.name!r}: {overflows} of {layer.size} weights do not fit {layer.weight_type.type} and "
                f"{becomes}, which is what is counted; give the weights of that layer more integer bits",
                HardwareWarning,
                stacklevel=3,
            )
