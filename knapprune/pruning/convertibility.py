"""Whether hls4ml takes a model, found out before it is trained: it is converted once, and nothing is written."""

from __future__ import annotations

import importlib.util
import io
import re
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from knapprune.adapters.adapter import Adapter, is_quantised
from knapprune.hardware.catapult import CatapultHardware
from knapprune.hardware.hardware_model import HardwareModel
from knapprune.hardware.hls4ml import Hls4mlHardware
from knapprune.hardware.intel import IntelHardware
from knapprune.network.hls_config import COUNTED_BACKENDS, HlsConfig
from knapprune.tools import ConversionError, MissingToolError, quiet

_WITHOUT = "or give check_conversion=False where no hls4ml project is wanted"
#: Strategies of which hls4ml writes the code while it converts, in minutes for large layers, and what it takes as well.
_CHEAPER = {"resource_unrolled": "resource", "distributed_arithmetic": "latency", "da": "latency"}


def check_convertible(framework: Adapter, model: Any, config: HlsConfig, hardware: HardwareModel) -> None:
    """Have hls4ml convert the model, if it is what makes the hardware, and installed, and has not converted it yet."""
    if not isinstance(hardware, Hls4mlHardware | CatapultHardware | IntelHardware):
        return
    if is_quantised(framework, model):
        return
    if importlib.util.find_spec("hls4ml") is None:
        return
    try:
        with tempfile.TemporaryDirectory(prefix="knapprune-") as folder, quiet(io.StringIO()):
            graph = framework.convert(model, _cheaper(config), str(Path(folder) / "project"))
    except MissingToolError:
        return  # a package that pruning can do without is named where a project is asked for
    except ConversionError as error:
        raise ConversionError(f"{error}; put another layer in its place, {_WITHOUT}") from error
    except ValueError as error:
        raise type(error)(f"{error}, {_WITHOUT}") from error
    if config.backend in COUNTED_BACKENDS:
        _check_activations(graph, config)


def _cheaper(config: HlsConfig) -> HlsConfig:
    """Take strategies that are converted in no time: what hls4ml does not know it knows under none."""
    return replace(
        config,
        model=_with_cheaper(config.model),
        layer_types={name: _with_cheaper(entry) for name, entry in config.layer_types.items()},
        layer_names={name: _with_cheaper(entry) for name, entry in config.layer_names.items()},
    )


def _with_cheaper(entry: Mapping[str, Any]) -> dict[str, Any]:
    strategy = entry.get("Strategy")
    cheaper = _CHEAPER.get(strategy.lower()) if isinstance(strategy, str) else None
    return dict(entry) if cheaper is None else {**entry, "Strategy": cheaper}


def _check_activations(graph: Any, config: HlsConfig) -> None:
    """Refuse functions that hls4ml passes on by name, and has no code for: the project would not compile."""
    import hls4ml

    streams = "_stream" if config.io_type == "io_stream" else ""
    library = Path(hls4ml.__file__).parent / "templates" / "vivado" / "nnet_utils"
    known = set(re.findall(r"\bvoid (\w+)\(", (library / f"nnet_activation{streams}.h").read_text(encoding="utf-8")))
    for node in graph.get_layers():
        function = node.get_attr("activation") if node.class_name == "Activation" else None
        if function is not None and function not in known:
            raise ConversionError(
                f"model: hls4ml has no function {function!r} in {config.io_type}, which layer {node.name!r} is to "
                f"compute, and its project would not compile; take another activation, such as 'relu', {_WITHOUT}"
            )
