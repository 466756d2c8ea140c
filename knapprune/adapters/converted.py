"""The layers of a framework's quantised model, as hls4ml's graph of it tells them: one way for every such front end.

What hls4ml makes of a model's settings stands in two places. Its rules are written once more in `network/rules`, for
the plain layers of Keras and PyTorch: these are described in milliseconds without converting anything, in as many
configurations as are asked for, and `choose` asks for hundreds. The types of a quantised layer, however, are found by
hls4ml's own passes, from its quantisers and its very weights (``bit_exact`` and its like), and rules for those would
be a second hls4ml. So a model with any quantised layer is converted, which takes a fraction of a second to some
seconds, and its graph is read (`adapters/hls4ml`). Only names and axes are left to be found here: which kernel of the
framework is which of the graph. Masks go on the framework's kernels and hold in its own training, and the model is
converted again when its weights or its widths have moved.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from knapprune.adapters.hls4ml.nodes import graph_layers, kernels_of, other_nodes
from knapprune.adapters.kernel_places import ConversionMismatchError, OwnKernel, Place, find_place, in_own_axes
from knapprune.network.hls_config import HlsConfig, as_dict, snake_case
from knapprune.network.layers import Kernels, Layer
from knapprune.network.rules.strategy import DISTRIBUTED, warn
from knapprune.tools import quiet

#: Converts the model for a configuration and a folder, without writing: `Adapter.convert` with the model given.
Convert = Callable[[HlsConfig, str], Any]

_DISTRIBUTED, _LATENCY = DISTRIBUTED[0], "latency"


@dataclass(frozen=True)
class Converted:
    """What hls4ml made of a model.

    Parameters
    ----------
    layers
        The layers under the framework's names, with kernels of its shapes: types, strategies and reuse factors are
        those in effect. Nodes that only scale are among them under the names that the graph has for them.
    kernels
        By the same names, the kernels as hls4ml will write them: quantised, with normalisations multiplied in. Layers
        that only scale have none: arrays of size 0.
    places
        By the framework's name, where each of its kernels is in the graph.
    untouched
        Nodes with weights that are neither counted nor masked.
    """

    layers: tuple[Layer, ...]
    kernels: Kernels
    places: Mapping[str, Place]
    untouched: tuple[str, ...]


_KNOWN: WeakKeyDictionary[Any, tuple[str, Converted]] = WeakKeyDictionary()


def converted(
    model: Any,
    config: HlsConfig,
    convert: Convert,
    kernels: Callable[[], Mapping[str, OwnKernel]],
    variables: Iterable[npt.NDArray[Any]],
) -> Converted:
    """Have hls4ml convert a model, and read its layers; once for the same values of its variables and configuration.

    Parameters
    ----------
    model
        The framework's model; any object that can be referred to weakly.
    config
        The configuration.
    convert
        Converts it.
    kernels
        Lists its kernels by layer name, in the order data passes them.
    variables
        All numbers of the model that decide what hls4ml makes of it: weights, bit widths, moving averages.

    Returns
    -------
    Converted
        The layers and their kernels.

    Raises
    ------
    ConversionMismatchError
        If a kernel has no counterpart on the other side, or another shape or other values there.
    """
    digest = _digest(config, variables)
    known = _KNOWN.get(model)
    if known is None or known[0] != digest:
        known = _KNOWN[model] = (digest, read_converted(config, convert, kernels()))
    return known[1]


def read_converted(config: HlsConfig, convert: Convert, kernels: Mapping[str, OwnKernel]) -> Converted:
    """Have hls4ml convert a model now, and read its layers.

    Parameters
    ----------
    config
        The configuration.
    convert
        Converts the model.
    kernels
        The model's kernels by layer name, in the order data passes them.

    Returns
    -------
    Converted
        The layers and their kernels.

    Raises
    ------
    ConversionMismatchError
        If a kernel has no counterpart on the other side, or another shape or other values there.
    """
    with tempfile.TemporaryDirectory(prefix="knapprune-") as temporary:
        folder = str(Path(temporary) / "project")
        graph = _converted(convert, config, folder)
        graphs = {layer.name for layer in graph_layers(graph) if layer.strategy == _DISTRIBUTED}
        if graphs:
            # An adder graph keeps neither kernel nor type. Both are the same under every strategy: types go by values.
            graph = _converted(convert, _without_adder_graphs(config), folder)
    found = kernels_of(graph)
    places = {name: find_place(name, own, found) for name, own in kernels.items()}
    names = {own.node or name: name for name, own in kernels.items()}
    if strangers := [name for name in found if name not in names]:
        raise ConversionMismatchError(
            f"model: hls4ml multiplies by kernels {strangers}, which are none of its layers that can be masked, "
            f"expected those of {list(kernels)}; convert the model and give its "
            "graph, whose kernels can be masked"
        )
    layers: list[Layer] = []
    written: dict[str, npt.NDArray[np.generic]] = {}
    for layer in graph_layers(graph):
        name = names.get(layer.name, layer.name)
        place = places.get(name)
        own = layer if place is None else in_own_axes(layer, name, place)
        if layer.name in graphs:
            own = replace(own, strategy=_DISTRIBUTED, requested_strategy=_DISTRIBUTED)
        _say_changes(own)
        layers.append(own)
        written[name] = np.zeros(0) if place is None else place.to_own(found[layer.name].read())
    return Converted(tuple(layers), written, places, tuple(other_nodes(graph)))


def _converted(convert: Convert, config: HlsConfig, folder: str) -> Any:
    """Convert, and keep what hls4ml says to itself."""
    said = io.StringIO()
    try:
        with quiet(said):
            return convert(config, folder)
    except Exception as error:
        error.add_note(f"hls4ml said:\n{said.getvalue()}")
        raise


def _without_adder_graphs(config: HlsConfig) -> HlsConfig:
    """Take 'latency' wherever a configuration asks for adder graphs."""

    def changed(settings: Mapping[str, Any]) -> dict[str, Any]:
        asked = snake_case(str(settings.get("Strategy", ""))) in DISTRIBUTED
        return {**settings, "Strategy": _LATENCY} if asked else dict(settings)

    return replace(
        config,
        model=changed(config.model),
        layer_types={name: changed(settings) for name, settings in config.layer_types.items()},
        layer_names={name: changed(settings) for name, settings in config.layer_names.items()},
    )


def _say_changes(layer: Layer) -> None:
    """Warn of what hls4ml has put in the place of a setting."""
    if layer.strategy != layer.requested_strategy and layer.own_settings:
        warn(f"layer {layer.name!r}: hls4ml replaces strategy {layer.requested_strategy!r} by {layer.strategy!r}")
    if layer.reuse_factor != layer.requested_reuse_factor and layer.own_settings:
        warn(
            f"layer {layer.name!r}: hls4ml replaces reuse factor {layer.requested_reuse_factor} by "
            f"{layer.reuse_factor}, the closest valid one"
        )


def _digest(config: HlsConfig, variables: Iterable[npt.NDArray[Any]]) -> str:
    """Sum up all that decides what hls4ml makes of a model."""
    digest = hashlib.sha256(repr(as_dict(config)).encode())
    for variable in variables:
        array = np.asarray(variable)
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
