"""The hls4ml adapter: a ``ModelGraph`` from any front end, with the weights and settings that hls4ml will write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.network.hls_config import HlsConfig, HlsConfigError
from knapprune.network.layers import Layer

_VARIABLES = ("weight", "bias", "result")


class Hls4mlAdapter:
    """Graphs that hls4ml converted from any front end. They cannot be trained, and carry their configuration."""

    def matches(self, model: Any) -> bool:
        """Say whether the model is an hls4ml graph.

        Parameters
        ----------
        model
            Anything.

        Returns
        -------
        bool
            Whether one of its classes is hls4ml's own ``ModelGraph``.
        """
        return any(
            parent.__module__.split(".")[0] == "hls4ml" and parent.__name__ == "ModelGraph"
            for parent in type(model).__mro__
        )

    def config(self, model: Any) -> HlsConfig:
        """Return the configuration that the graph carries.

        Parameters
        ----------
        model
            The graph.

        Returns
        -------
        HlsConfig
            What it was converted with.

        Raises
        ------
        HlsConfigError
            If it cannot be used: another backend than those that are known.
        """
        from knapprune.adapters.hls4ml.nodes import graph_config

        return graph_config(model)

    def check_config(self, model: Any, given: HlsConfig) -> None:
        """Check that a configuration says nothing else of any layer than the graph's own.

        Parameters
        ----------
        model
            The graph.
        given
            The configuration. What it does not mention cannot contradict.

        Raises
        ------
        HlsConfigError
            If it does; the message names the layer and the setting.
        """
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
        """List the layers that multiply, in the order data passes them.

        Parameters
        ----------
        model
            The graph.
        config
            Its own configuration.

        Returns
        -------
        list of Layer
            As hls4ml resolved them.
        """
        from knapprune.adapters.hls4ml.nodes import graph_layers

        return graph_layers(model)

    def untouched(self, model: Any) -> list[str]:
        """Name the nodes with weights that are neither counted nor masked.

        Parameters
        ----------
        model
            The graph.

        Returns
        -------
        list of str
            Such as layer normalisations, and layers whose weights are powers of two.
        """
        from knapprune.adapters.hls4ml.nodes import other_nodes

        return other_nodes(model)

    def kernels(self, model: Any) -> dict[str, npt.NDArray[np.generic]]:
        """Copy the kernels out.

        Parameters
        ----------
        model
            The graph.

        Returns
        -------
        dict
            Arrays in Keras' axis order, by layer name, as the graph holds them: quantised, and with normalisations
            folded in.
        """
        from knapprune.adapters.hls4ml.nodes import graph_kernels

        return graph_kernels(model)

    def apply(self, model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> Any:
        """Return a copy with masked weights set to zero and the code generated anew.

        Parameters
        ----------
        model
            The graph; it is not touched.
        masks
            True for a weight to keep, in the kernel's shape, by layer name.

        Returns
        -------
        ModelGraph
            To be written and compiled.

        Raises
        ------
        ValueError
            For a mask of no such layer or of the wrong shape.
        """
        from knapprune.adapters.hls4ml.masking import masked_graph

        return masked_graph(model, masks)

    def convert(self, model: Any, config: HlsConfig, output_dir: str) -> Any:
        """Return a copy of the graph for another folder.

        Parameters
        ----------
        model
            The graph; it is not touched.
        config
            Its own configuration.
        output_dir
            Where it will be written.

        Returns
        -------
        ModelGraph
            The copy.

        Raises
        ------
        ValueError
            If a node's name is not a C++ identifier.
        """
        from knapprune.adapters.hls4ml.masking import copy_graph

        for node in model.get_layers():
            # hls4ml derives C++ types from the name and does not escape it.
            if not re.fullmatch(r"[A-Za-z_]\w*", node.name, re.ASCII):
                raise ValueError(f"model: expected layer names that are C++ identifiers, got {node.name!r}; rename it")
        copy = copy_graph(model)
        copy.config.config["OutputDir"] = output_dir
        return copy


def _settings(given: HlsConfig, own: HlsConfig, name: str, kind: str) -> list[tuple[str, object, object]]:
    """List what a configuration states of a layer, beside what the graph's own says."""
    found: list[tuple[str, object, object]] = []
    if given.setting("Strategy", name, kind) is not None:
        found.append(("Strategy", given.strategy(name, kind), own.strategy(name, kind)))
    if given.setting("ReuseFactor", name, kind) is not None:
        found.append(("ReuseFactor", given.reuse_factor(name, kind), own.reuse_factor(name, kind)))
    if given.setting("ParallelizationFactor", name, kind) is not None:
        pair = (given.parallelization_factor(name, kind), own.parallelization_factor(name, kind))
        found.append(("ParallelizationFactor", *pair))
    for variable in _VARIABLES:
        if given.precision_text(variable, name, kind) is not None:
            stated, has = (config.precision(variable, name, kind) or "auto" for config in (given, own))
            found.append((f"{variable} precision", str(stated), str(has)))
    return found
