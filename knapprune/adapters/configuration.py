"""Which hls4ml configuration holds for a model: the one given, or the one that a converted model carries."""

from __future__ import annotations

from typing import Any, Unpack

from knapprune.adapters.adapter import Adapter, ConfiguredAdapter
from knapprune.network.hls_config import HlsConfig, HlsConfigError, HlsConfigSource, Overrides, read_hls_config

_TOP_LEVEL = {"Backend": "backend", "IOType": "io_type", "Part": "part", "ClockPeriod": "clock_period"}


def configuration(
    framework: Adapter, model: Any, given: HlsConfigSource | None, **overrides: Unpack[Overrides]
) -> HlsConfig:
    """Find the configuration of a model.

    Parameters
    ----------
    framework, model
        The model and its adapter.
    given
        A configuration. None for a model that carries its own.
    overrides
        ``backend``, ``io_type``, ``part`` and ``clock_period``, in place of the configuration's own.

    Returns
    -------
    HlsConfig
        The model's own, if it carries one.

    Raises
    ------
    HlsConfigError
        If there is none, it cannot be used, or it contradicts the one that the model carries.
    """
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
