"""How hls4ml will compute the layers of a PyTorch module: read from a graph that it makes of a probe.

The probe is a copy of the module whose weights are their own numbers. Where hls4ml keeps a weight is then not derived
from what its passes should do, but read from what they did.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.hls4ml.nodes import graph_kernels, graph_layers
from knapprune.adapters.pytorch.channel_tracing import trace
from knapprune.adapters.pytorch.conversion import convert
from knapprune.adapters.pytorch.grid import release
from knapprune.adapters.pytorch.kernels import Kernel, kernels, scales
from knapprune.adapters.pytorch.mask import unmask
from knapprune.network.hls_config import HlsConfig, HlsConfigError
from knapprune.network.layers import Layer
from knapprune.network.rules.strategy import DISTRIBUTED, HardwareWarning
from knapprune.tools import quiet


def layers(module: Any, config: HlsConfig) -> list[Layer]:
    """Describe the layers whose kernel can be masked."""
    prunable = kernels(module)
    with quiet(io.StringIO()):
        graph = convert(_probe(module), _without_adder_graphs(config), "unwritten")
    numbers = graph_kernels(graph)
    scaling = scales(module)
    # What they multiply by is not the probe's.
    fixed = {layer.name: layer for layer in graph_layers(_of_ones(module, config))} if scaling else {}
    return [
        _as_asked(_layer(layer, prunable[layer.name], numbers[layer.name]), config)
        if layer.name in prunable
        else fixed[layer.name]
        for layer in graph_layers(graph)
        if layer.name in {*prunable, *scaling}
    ]


def layer_names(module: Any) -> set[str]:
    """Name all operations as hls4ml does, by PyTorch's tracer; none where it cannot follow the module."""
    try:
        return {node.name for node in trace(module).nodes}
    except ValueError:
        return set()


def folded(
    module: Any, kernels: dict[str, npt.NDArray[np.generic]], config: HlsConfig
) -> dict[str, npt.NDArray[np.generic]]:
    """Multiply normalisations into the kernels that hls4ml folds them into."""
    if not scales(module):
        return kernels
    # Of a kernel of ones, what is left is what each output is multiplied by.
    factors = graph_kernels(_of_ones(module, config))
    return {
        name: kernel * factors[name].reshape(-1, kernel.shape[-1])[0] if kernel.size else kernel
        for name, kernel in kernels.items()
    }


def _of_ones(module: Any, config: HlsConfig) -> Any:
    """Convert a copy of the module whose weights are all one."""
    import torch

    copy = deepcopy(module).cpu().double()
    unmask(copy)
    release(copy)
    with torch.no_grad():
        for kernel in kernels(copy).values():
            kernel.tensor.fill_(1.0)
    with quiet(io.StringIO()):
        return convert(copy, _without_adder_graphs(config), "unwritten")


def _without_adder_graphs(config: HlsConfig) -> HlsConfig:
    """Ask for multipliers in place of adder graphs: those hold no weights to read, and take their time to make."""

    def plain(settings: Mapping[str, Any]) -> Mapping[str, Any]:
        whole = replace(config, model=settings, layer_types={}, layer_names={})
        return {**settings, "Strategy": "latency"} if whole.strategy("", "") in DISTRIBUTED else settings

    return replace(
        config,
        model=plain(config.model),
        layer_types={name: plain(settings) for name, settings in config.layer_types.items()},
        layer_names={name: plain(settings) for name, settings in config.layer_names.items()},
    )


def _as_asked(layer: Layer, config: HlsConfig) -> Layer:
    """Put the strategy back that the probe was made without."""
    asked = config.strategy(layer.name, layer.kind.title())
    if asked not in DISTRIBUTED:
        return layer
    if layer.reuse_factor != 1:
        raise HlsConfigError(
            f"hls_config: layer {layer.name!r} has ReuseFactor {layer.reuse_factor}, expected 1 for {asked}"
        )
    return replace(layer, strategy="distributed_arithmetic", requested_strategy=asked)


def _probe(module: Any) -> Any:
    """Copy the module, number the weights of each kernel in Keras' axis order, and have normalisations change none."""
    import torch

    # Double precision, so that the numbers stay whole.
    probe = deepcopy(module).cpu().double()
    unmask(probe)
    release(probe)
    with torch.no_grad():
        for kernel in kernels(probe).values():
            kernel.tensor.copy_(kernel.as_tensor(1.0 + np.arange(kernel.tensor.numel()).reshape(kernel.shape)))
        for part in probe.modules():
            if isinstance(part, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
                part.reset_parameters()
                part.eps = 0.0
                if part.running_mean is not None:
                    # hls4ml leaves out one that does nothing at all.
                    part.running_mean.fill_(-1.0)
    return probe


def _layer(layer: Layer, kernel: Kernel, numbers: npt.NDArray[Any]) -> Layer:
    if kernel.kind == "dense" and layer.kind != "dense":
        raise ValueError(
            f"layer {layer.name!r}: a Linear layer on several axes, expected one on a flat input: hls4ml takes the "
            "channels for the axis it works on; put Flatten before it, or take a convolution of kernel size 1"
        )
    changes = {
        "strategy": (layer.requested_strategy, layer.strategy),
        "reuse factor": (layer.requested_reuse_factor, layer.reuse_factor),
    }
    for setting, (requested, effective) in changes.items():
        if requested != effective:
            message = f"layer {layer.name!r}: hls4ml replaces {setting} {requested!r} by {effective!r}"
            warnings.warn(message, HardwareWarning, stacklevel=2)
    return replace(layer, first_axis=_first_axis(layer, kernel, numbers))


def _first_axis(layer: Layer, kernel: Kernel, numbers: npt.NDArray[Any]) -> tuple[int, ...]:
    """Read from the numbers where hls4ml keeps the weights of each place along the first axis."""
    places = np.rint(numbers).astype(np.int64) - 1
    own = np.arange(places.size).reshape(kernel.shape)
    order = places.reshape(len(places), -1)[:, 0] // own[0].size
    if places.shape != own.shape or set(order) != set(range(len(own))) or not np.array_equal(places, own[order]):
        raise ValueError(f"layer {layer.name!r}: hls4ml arranges its weights in a way that is not known here")
    return () if np.array_equal(order, np.arange(len(own))) else tuple(order.tolist())
