"""The hls4ml adapter: a ``ModelGraph`` from any front end, with the weights and settings that hls4ml will write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.conversion import check_names
from knapprune.network.hls_config import HlsConfig, HlsConfigError
from knapprune.network.layers import Layer

_VARIABLES = ("weight", "bias", "result")


class Hls4mlAdapter:
    """Graphs that hls4ml converted from any front end. They cannot be trained, and carry their configuration."""

    def matches(self, model: Any) -> bool:
        return any(
            parent.__module__.split(".")[0] == "hls4ml" and parent.__name__ == "ModelGraph"
            for parent in type(model).__mro__
        )

    def config(self, model: Any) -> HlsConfig:
        from knapprune.adapters.hls4ml.nodes import graph_config

        return graph_config(model)

    def check_config(self, model: Any, given: HlsConfig) -> None:
        from knapprune.adapters.hls4ml.layers import hls_class
        from knapprune.adapters.hls4ml.nodes import kernels_of

        own = self.config(model)
        for kernel in kernels_of(model).values():
            name = kernel.node.name
            for key, stated, has in _settings(given, own, name, hls_class(kernel.node)):
                if stated != has:
                    raise HlsConfigError(
                        f"hls_config: {key} of layer {name!r} is {stated!r}, but the graph is converted with {has!r}; "
                        "leave hls_config out, or convert the model again"
                    )

    def layers(self, model: Any, config: HlsConfig) -> list[Layer]:
        from knapprune.adapters.hls4ml.nodes import graph_layers

        return graph_layers(model)

    def untouched(self, model: Any) -> list[str]:
        from knapprune.adapters.hls4ml.nodes import other_nodes

        return other_nodes(model)

    def kernels(self, model: Any) -> dict[str, npt.NDArray[np.generic]]:
        from knapprune.adapters.hls4ml.nodes import graph_kernels

        return graph_kernels(model)

    def apply(self, model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> Any:
        from knapprune.adapters.hls4ml.masking import masked_graph

        return masked_graph(model, masks)

    def convert(self, model: Any, config: HlsConfig, output_dir: str) -> Any:
        from knapprune.adapters.hls4ml.masking import copy_graph

        check_names(node.name for node in model.get_layers())
        copy = copy_graph(model)
        copy.config.config["OutputDir"] = output_dir
        return copy


def _settings(given: HlsConfig, own: HlsConfig, name: str, kind: str) -> list[tuple[str, object, object]]:
    """List what a configuration states of a layer, beside what the graph's own says."""
    settings: list[tuple[str, object, object]] = []
    if given.setting("Strategy", name, kind) is not None:
        settings.append(("Strategy", given.strategy(name, kind), own.strategy(name, kind)))
    if given.setting("ReuseFactor", name, kind) is not None:
        settings.append(("ReuseFactor", given.reuse_factor(name, kind), own.reuse_factor(name, kind)))
    if given.setting("ParallelizationFactor", name, kind) is not None:
        pair = (given.parallelization_factor(name, kind), own.parallelization_factor(name, kind))
        settings.append(("ParallelizationFactor", *pair))
    for variable in _VARIABLES:
        if given.precision_text(variable, name, kind) is not None:
            stated, has = (config.precision(variable, name, kind) or "auto" for config in (given, own))
            settings.append((f"{variable} precision", str(stated), str(has)))
    return settings
