"""What every conversion by hls4ml needs, whatever the framework: settings, names, and a word on what went wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from knapprune.network.hls_config import HlsConfig
from knapprune.tools import ConversionError, MissingToolError, missing_extra


def project_settings(config: HlsConfig) -> dict[str, Any]:
    """Give the settings of the project as the arguments that hls4ml's converters take."""
    return {
        "backend": config.backend,
        "io_type": config.io_type,
        "part": config.part,
        "clock_period": config.clock_period,
    }


def check_names(names: Iterable[str]) -> None:
    """Check that layers have names that hls4ml can write."""
    for name in names:
        # hls4ml derives C++ types from the name and does not escape it.
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            raise ValueError(f"model: expected layer names that are C++ identifiers, got {name!r}; rename it")


def not_converted(what: str, error: Exception, context: str = "") -> ConversionError | MissingToolError:
    """Return the error for what hls4ml does not convert: it raises what it likes, bare Exception among it."""
    missing = missing_extra(error)
    if missing is not None:
        return missing
    kind = "" if type(error) is Exception else f"{type(error).__name__}: "
    return ConversionError(f"{what}: {kind}{error}{context}")
