"""Which hls4ml configuration holds for a model: the one given, or the one that a converted model carries."""

from __future__ import annotations

from typing import Any, Unpack

from knapprune.adapters.adapter import Adapter, ConfiguredAdapter
from knapprune.network.hls_config import HlsConfig, HlsConfigError, HlsConfigSource, Overrides
from knapprune.network.hls_config_file import read_hls_config

_TOP_LEVEL = {"Backend": "backend", "IOType": "io_type", "Part": "part", "ClockPeriod": "clock_period"}


def configuration(
    framework: Adapter, model: Any, given: HlsConfigSource | None, **overrides: Unpack[Overrides]
) -> HlsConfig:
    """Find the configuration of a model."""
    if not isinstance(framework, ConfiguredAdapter):
        if given is None:
            raise HlsConfigError(
                f"hls_config: got None, expected hls4ml's configuration: a {type(model).__qualname__} carries none"
            )
        return read_hls_config(given, **overrides)
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
