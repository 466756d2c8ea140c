"""The types of the data between layers, in hls4ml's configuration."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from knapprune.adapters.adapter import Adapter
from knapprune.adapters.types_adapter import RoundsData
from knapprune.network.hls_config import HlsConfig, as_dict, own_entry, set_precision
from knapprune.network.hls_config_file import read_hls_config
from knapprune.network.precision import FixedPoint
from knapprune.network.rules.strategy import HardwareWarning


def with_data_types(framework: Adapter, model: Any, config: HlsConfig, types: Mapping[str, FixedPoint]) -> HlsConfig:
    """Write types of results into a configuration: rounded to the nearest value, and cut off at their ends.

    Parameters
    ----------
    framework, model
        The model.
    config
        The configuration; it is left as it is.
    types
        By layer name.

    Returns
    -------
    HlsConfig
        A configuration in which all else is as before.
    """
    if not types:
        return config
    assert isinstance(framework, RoundsData)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HardwareWarning)  # said once already, of the user's own configuration
        by_name = {layer.name: layer for layer in framework.layers(model, config)}
    nodes, written = framework.results(model), as_dict(config)
    for name, kind in types.items():
        node = nodes[name].name
        entry = own_entry(written, node, by_name[node].first_settings if node in by_name else {})
        set_precision(entry, "result", f"{'' if kind.signed else 'u'}fixed<{kind.width},{kind.integer},RND,SAT>")
    return read_hls_config(written)
