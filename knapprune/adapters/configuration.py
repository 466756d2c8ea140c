"""Which hls4ml configuration holds for a model: the one given, or the one that a converted model carries."""

from __future__ import annotations

from typing import Any, Unpack

from knapprune.adapters.adapter import Adapter, ConfiguredAdapter
from knapprune.adapters.user_adapter import NamesLayers
from knapprune.network.config_keys import nearest
from knapprune.network.hls_config import HlsConfig, HlsConfigError, HlsConfigSource, Overrides, check_overrides
from knapprune.network.hls_config_file import read_hls_config

_TOP_LEVEL = {"Backend": "backend", "IOType": "io_type", "Part": "part", "ClockPeriod": "clock_period"}


def configuration(
    framework: Adapter, model: Any, given: HlsConfigSource | None, **overrides: Unpack[Overrides]
) -> HlsConfig:
    """Find the configuration of a model."""
    check_overrides(overrides)
    if not isinstance(framework, ConfiguredAdapter):
        if given is None:
            raise HlsConfigError(
                f"hls_config: there is none, and a {type(model).__qualname__} carries none of its own; expected "
                "hls4ml's configuration, or its YAML file"
            )
        config = read_hls_config(given, **overrides)
        if config.layer_names and isinstance(framework, NamesLayers):
            _check_names(config, framework.layer_names(model))
        return config
    own = framework.config(model)
    stated = read_hls_config({} if given is None else given, defaults=own, **overrides)
    for key, name in _TOP_LEVEL.items():
        if getattr(stated, name) != getattr(own, name):
            raise HlsConfigError(
                f"hls_config: {key} is {getattr(stated, name)!r}, but the model is converted for "
                f"{getattr(own, name)!r}; leave it out, or convert the model again"
            )
    framework.check_config(model, stated)
    return own


def _check_names(config: HlsConfig, names: set[str]) -> None:
    """Refuse settings of layers that a model does not have; hls4ml leaves them alone."""
    lowered = {name.lower() for name in names}
    for name in config.layer_names:
        # What hls4ml adds to a layer, such as its activation, has the layer's name and more.
        if lowered and not any(name.lower() == own or name.lower().startswith(f"{own}_") for own in lowered):
            listed = sorted(names)
            raise HlsConfigError(
                f"hls_config: LayerName has {name!r}, expected one of the model's layers, "
                f"{listed[:12]}{' and more' if len(listed) > 12 else ''}{nearest(name, names)}"
            )
