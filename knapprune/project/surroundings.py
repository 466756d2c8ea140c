"""What a network needs beside its weights, whatever framework it comes from: hls4ml says, by converting it."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from knapprune.adapters.adapter import Adapter
from knapprune.hardware.beside import Beside
from knapprune.network.hls_config import COUNTED_BACKENDS, HlsConfig
from knapprune.tools import MissingToolError, quiet, require_hls4ml


@dataclass(frozen=True)
class Surroundings:
    """What is beside the weights.

    Parameters
    ----------
    things
        All that is estimated.
    unknown
        Why there is no estimate; empty where there is one.
    """

    things: tuple[Beside, ...] = ()
    unknown: str = ""


def surroundings(framework: Adapter, model: Any, config: HlsConfig) -> Surroundings:
    """Convert a model, without writing it, and list what hls4ml builds beside its weights.

    Strategies make no difference to that, so all layers are converted for ``latency``, which generates no code.
    """
    if config.backend not in COUNTED_BACKENDS:
        return Surroundings(unknown=f"{config.backend} is not known that well")
    try:
        require_hls4ml()
        with tempfile.TemporaryDirectory(prefix="knapprune-") as folder, quiet(io.StringIO()):
            graph = framework.convert(model, _without_strategies(config), str(Path(folder) / "project"))
    except (MissingToolError, ValueError) as error:  # a ConversionError, or names that are no C++ identifiers
        return Surroundings(unknown=str(error))
    return Surroundings(surroundings_of_graph(graph))


def surroundings_of_graph(graph: Any) -> tuple[Beside, ...]:
    """List what a converted model builds beside its weights."""
    from knapprune.adapters.hls4ml.beside import beside_the_weights

    return beside_the_weights(graph)


def _without_strategies(config: HlsConfig) -> HlsConfig:
    return replace(
        config,
        model={**config.model, "Strategy": "Latency"},
        layer_types={name: _without_strategy(settings) for name, settings in config.layer_types.items()},
        layer_names={name: _without_strategy(settings) for name, settings in config.layer_names.items()},
    )


def _without_strategy(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key != "Strategy"}
