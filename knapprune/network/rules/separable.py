"""The two layers that hls4ml makes of a separable convolution, and the settings each of them has.

Follows ``model/optimizer/passes/seperable_to_dw_conv.py`` of hls4ml 1.3: the settings of the layer's type and name are
copied to both parts, and what is said of ``depthwise`` and ``pointwise`` becomes what is said of their weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from knapprune.network.hls_config import HlsConfig

PARTS = ("depthwise", "pointwise")


def separable_config(config: HlsConfig, name: str, hls_type: str) -> HlsConfig:
    """Add settings for ``name_depthwise`` and ``name_pointwise``, as hls4ml derives them."""
    own = {**config.layer_types.get(hls_type, {}), **config.layer_names.get(name, {})}
    if not own:
        return config
    parts = {f"{name}_{part}": {**own, "Precision": _precision(own.get("Precision"), part)} for part in PARTS}
    return replace(config, layer_names={**config.layer_names, **parts})


def _precision(given: Any, part: str) -> Any:
    if not isinstance(given, Mapping):
        return {} if given is None else given
    other = next(name for name in PARTS if name != part)
    kept = {key: value for key, value in given.items() if key not in (other, f"{other}_accum")}
    renamed = {part: "weight", f"{part}_accum": "accum", f"{part}_result": "result"}
    # What is said of the part itself is put in last, over what is said of the whole.
    plain = {key: value for key, value in kept.items() if key not in renamed}
    return plain | {renamed[key]: value for key, value in kept.items() if key in renamed}
