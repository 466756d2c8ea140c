"""Read an hls4ml configuration: a dict or a YAML file, without importing hls4ml.

hls4ml's own YAML files keep the settings of model, layer types and layers under ``HLSConfig`` and those of the project
beside it; ``config_from_keras_model`` returns the three alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from knapprune.network.config_keys import check_keys
from knapprune.network.hls_config import BACKENDS, IO_TYPES, HlsConfig, HlsConfigError, HlsConfigSource
from knapsolve.files.text import read_text

# hls4ml's default part and the values of its YAML keys; the backend is our own default, as stated in the manual.
_DEFAULTS = {"Backend": "Vitis", "IOType": "io_parallel", "Part": "xcvu13p-flga2577-2-e", "ClockPeriod": 5}

# What hls4ml's Intel backends take where no part is given: a family, not a chip.
_PARTS = {"Quartus": "Arria10", "oneAPI": "Agilex7"}


def read_hls_config(
    source: HlsConfigSource,
    *,
    backend: str | None = None,
    io_type: str | None = None,
    part: str | None = None,
    clock_period: float | None = None,
    defaults: HlsConfig | None = None,
) -> HlsConfig:
    """Read an hls4ml configuration.

    Parameters
    ----------
    source
        The dict that ``hls4ml.utils.config_from_keras_model`` returns, or one in the form of hls4ml's YAML file, or the
        path of such a file. The top-level keys ``Backend``, ``IOType``, ``Part``, ``ClockPeriod`` and ``InputShape``
        are read.
    backend, io_type, part, clock_period
        Take the place of the top-level keys.
    defaults
        Where to take top-level keys from that the source does not have. None takes hls4ml's defaults, for Vitis.

    Returns
    -------
    HlsConfig
        The configuration.

    Raises
    ------
    HlsConfigError
        For a setting of the wrong form, a backend or an IO type that is not known.
    FileNotFoundError
        If there is no such file.
    """
    given = {"Backend": backend, "IOType": io_type, "Part": part, "ClockPeriod": clock_period}
    overrides = {key: value for key, value in given.items() if value is not None}
    if isinstance(source, HlsConfig):
        top: dict[str, Any] = {"Model": source.model, "LayerType": source.layer_types, "LayerName": source.layer_names}
        top |= dict(zip(_DEFAULTS, _top_level(source), strict=True))
        top["InputShape"] = source.input_shapes
    else:
        top = dict(source if isinstance(source, Mapping) else _read_yaml(source))
        check_keys(top)
    nested = top.get("HLSConfig") or {}
    unsaid = _DEFAULTS if defaults is None else dict(zip(_DEFAULTS, _top_level(defaults), strict=True))
    said = {**_section(top, "top level"), **_section(nested, "HLSConfig"), **overrides}
    settings = {**unsaid, **said}
    backend_name = _choice("Backend", settings["Backend"], BACKENDS)
    if defaults is None and "Part" not in said:
        settings["Part"] = _PARTS.get(backend_name, _DEFAULTS["Part"])
    return HlsConfig(
        model=_section(settings.get("Model"), "Model"),
        layer_types=_sections(settings.get("LayerType"), "LayerType"),
        layer_names=_sections(settings.get("LayerName"), "LayerName"),
        backend=backend_name,
        io_type=_choice("IOType", settings["IOType"], IO_TYPES),
        part=str(settings["Part"]),
        clock_period=_period(settings["ClockPeriod"]),
        input_shapes=_input_shapes(settings.get("InputShape") or []),
    )


def _top_level(config: HlsConfig) -> tuple[str, str, str, float]:
    return config.backend, config.io_type, config.part, config.clock_period


def _read_yaml(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc, unused-ignore]
        """Reads hls4ml's own tags, such as ``!keras_model``, as the text behind them, and no key twice."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            """Read a mapping; YAML itself lets the last of two equal keys win."""
            seen = set()
            for key, _ in node.value:
                if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                    line = key.start_mark.line + 1
                    raise HlsConfigError(
                        f"hls_config: {path} has {key.value!r} twice in one mapping, again in line {line}"
                    )
                seen.add(key.value)
            return dict(super().construct_mapping(node, deep))

    Loader.add_multi_constructor("!", lambda loader, _, node: getattr(node, "value", None))
    try:
        read = yaml.load(read_text(path, "hls_config"), Loader=Loader)
    except yaml.YAMLError as error:
        raise HlsConfigError(f"hls_config: {path} is not valid YAML: {error}") from None
    if not isinstance(read, Mapping):
        raise HlsConfigError(f"hls_config: {path} holds {type(read).__name__}, expected a mapping")
    return read


def _section(value: Any, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise HlsConfigError(f"hls_config: {name} is {type(value).__name__}, expected a mapping")
    return {key: entry for key, entry in value.items() if entry is not None}


def _sections(value: Any, name: str) -> dict[str, dict[str, Any]]:
    return {key: _section(entry, f"{name}[{key!r}]") for key, entry in _section(value, name).items()}


def _choice(key: str, value: Any, choices: tuple[str, ...]) -> str:
    for choice in choices:
        if str(value).lower() == choice.lower():
            return choice
    raise HlsConfigError(f"hls_config: {key} is {value!r}, expected one of {list(choices)}")


def _period(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise HlsConfigError(f"hls_config: ClockPeriod is {value!r}, expected nanoseconds above 0")
    return value


def _input_shapes(value: Any) -> tuple[tuple[int, ...], ...]:
    """Read one shape or a list of shapes, with or without a None for the samples in front."""
    listed = value if isinstance(value, tuple | list) else [value]
    shapes = listed if all(isinstance(shape, tuple | list) for shape in listed) else [listed]
    unbatched = tuple(tuple(shape[1:] if shape[:1] in ([None], (None,)) else shape) for shape in shapes)
    sizes = [size for shape in unbatched for size in shape]
    if not all(unbatched) or any(isinstance(size, bool) or not isinstance(size, int) or size < 1 for size in sizes):
        raise HlsConfigError(
            f"hls_config: InputShape is {value!r}, expected sizes without the sample axis, such as [3, 32, 32], or a "
            "list of such shapes"
        )
    return unbatched
