"""A module of Brevitas as QONNX, prepared for hls4ml, with each kernel named after its layer."""

from __future__ import annotations

import io
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from knapprune.adapters.brevitas.parts import kind_of, layer_name, named_parts
from knapprune.adapters.brevitas.quantisers import check_quantisers
from knapprune.adapters.conversion import not_converted
from knapprune.adapters.kernel_places import ConversionMismatchError
from knapprune.adapters.mask_check import used_twice
from knapprune.adapters.onnx_files import prepared
from knapprune.adapters.onnx_weights import Origin, origins
from knapprune.adapters.pytorch.conversion import check_input_shapes
from knapprune.adapters.pytorch.kernels import Kernel, kernels
from knapprune.adapters.pytorch.mask import remove_masks
from knapprune.network.hls_config import HlsConfig
from knapprune.tools import ConversionError, quiet, require


@dataclass(frozen=True)
class Export:
    """What becomes of a module on the way to hls4ml.

    Parameters
    ----------
    model
        qonnx's ``ModelWrapper``, as `knapprune.adapters.onnx_files.prepared` returns it; nodes that multiply by a
        kernel have the name of its layer.
    first_axes
        By layer name, the order in which a kernel's places along its first axis stand there; empty where it is the
        module's own.
    """

    model: Any
    first_axes: dict[str, tuple[int, ...]]


def exported(module: Any, config: HlsConfig) -> Export:
    """Export a module with Brevitas, and name what multiplies in it."""
    for package in ("onnx", "onnxoptimizer", "qonnx.core.modelwrapper"):
        require(package, extra="brevitas")
    check_input_shapes(config)
    _check_groups(module)
    check_quantisers(module)
    known = kernels(module)
    with quiet(io.StringIO()):
        file = _written(module, config)
        model, sources = prepared(file), origins(file)
    named = _named(known, _paths(module), sources)
    for node in model.graph.node:
        if node.name in named:
            node.name = _flat(named[node.name], model, node)
    for node in list(model.graph.node):
        # For distributed_arithmetic, hls4ml looks for the node before another by the name of what comes from it. Of a
        # quantiser it makes an activation with a name of its own (``quant_opt.py``).
        model.rename_tensor(node.output[0], f"{node.name}_act" if node.op_type == "Quant" else node.name)
    return Export(model, {name: _first_axis(known[name], name, sources[node]) for node, name in named.items()})


def _check_groups(module: Any) -> None:
    """Refuse convolutions that hls4ml multiplies in, and that have no kernel that could be masked."""
    for name, part in named_parts(module).items():
        if kind_of(part) is not None and getattr(part, "groups", 1) != 1:
            raise ConversionError(
                f"model: layer {name!r} is a convolution in {part.groups} groups, expected one in 1: others can be "
                "masked in hls4ml's graph alone; convert the model and give that"
            )


def _flat(name: str, model: Any, node: Any) -> str:
    """Check that a layer is on a flat input, or is a convolution."""
    if node.op_type == "MatMul" and len(shape := model.get_tensor_shape(node.input[0])) > 2:
        raise ConversionError(
            f"model: layer {name!r} is a QuantLinear on inputs of shape {tuple(shape[1:])}, expected one axis: hls4ml "
            "loses its types; put Flatten before it, or take a convolution of kernel size 1"
        )
    return name


def _written(module: Any, config: HlsConfig) -> Any:
    """Have Brevitas write the module as an ONNX model."""
    from brevitas.export import export_qonnx

    copy = deepcopy(module).cpu().eval()
    remove_masks(copy)  # the weights are masked, and hooks would be written too
    inputs = tuple(torch.zeros(1, *shape) for shape in config.input_shapes)
    try:
        # PyTorch's older exporter, which takes a tenth of the time and has each weight under its own name.
        return export_qonnx(copy, args=inputs, dynamo=False)
    except Exception as error:
        raise not_converted(f"model: Brevitas does not export {type(module).__name__}", error) from error


def _paths(module: Any) -> dict[str, str]:
    """Name the layer of each weight."""
    paths = (name.rpartition(".") for name, _ in module.named_parameters())
    return {f"{path}{dot}weight": layer_name(path) for path, dot, parameter in paths if parameter == "weight"}


def _named(known: dict[str, Kernel], layers: dict[str, str], sources: dict[str, Origin]) -> dict[str, str]:
    """Say which layer each node of the prepared model is that multiplies by a weight."""
    named: dict[str, str] = {}
    for node, source in sources.items():
        name = layers.get(source.tensor)
        if name not in known:
            continue
        if source.shared or name in named.values():
            raise used_twice(name)
        named[node] = name
    if missing := [name for name in known if name not in named.values()]:
        raise ConversionMismatchError(
            f"model: layer {missing[0]!r} is not found in what Brevitas exports, which multiplies by the weights of "
            f"{list(named.values())}; expected each layer to be part of what forward computes"
        )
    return named


def _first_axis(kernel: Kernel, name: str, source: Origin) -> tuple[int, ...]:
    """Read where the places along a kernel's first axis have come to: qonnx puts channels last."""
    own = kernel.array(torch.arange(kernel.tensor.numel()).reshape(kernel.tensor.shape))
    moved = source.positions
    # Along the first axis, numbers of a module's own kernel go up.
    first, come = (array.reshape(len(array), -1)[:, 0] for array in (own, moved))
    order = np.searchsorted(first, come) % len(own)
    if moved.shape != own.shape or not np.array_equal(moved, own[order]):
        raise ConversionMismatchError(f"layer {name!r}: qonnx arranges its weights in a way that is not known here")
    return () if np.array_equal(order, np.arange(len(own))) else tuple(order.tolist())
