"""The hls4ml configuration: a dict or a YAML file, read the way hls4ml reads it.

hls4ml looks a setting up by layer name, then by layer type, then for the whole model
(``model/graph.py``, ``HLSConfig``). Its own YAML files keep those three under ``HLSConfig`` and the project's settings
beside it; ``config_from_keras_model`` returns the three alone. Both are read here, without importing hls4ml.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from knapprune.network.precision import FixedPoint, parse_precision

#: Those whose projects are counted, and those for which there are estimates only.
COUNTED_BACKENDS = ("Vitis", "Vivado")
ESTIMATED_BACKENDS = ("Catapult", "Quartus", "oneAPI")
BACKENDS = (*COUNTED_BACKENDS, *ESTIMATED_BACKENDS)
IO_TYPES = ("io_parallel", "io_stream")

# hls4ml's default part and the values of its YAML keys; the backend is our own default, as stated in the manual.
_DEFAULTS = {"Backend": "Vitis", "IOType": "io_parallel", "Part": "xcvu13p-flga2577-2-e", "ClockPeriod": 5}

# What hls4ml's Intel backends take where no part is given: a family, not a chip.
_PARTS = {"Quartus": "Arria10", "oneAPI": "Agilex7"}


class HlsConfigError(ValueError):
    """An hls4ml configuration that cannot be used; the message says which setting and what is expected."""


@dataclass(frozen=True)
class HlsConfig:
    """An hls4ml configuration, checked at the top level.

    Parameters
    ----------
    model, layer_types, layer_names
        Settings of the model, of each layer type and of each layer, as hls4ml has them.
    backend, io_type, part, clock_period
        The project's settings; the clock period is in nanoseconds.
    input_shapes
        Shape of each input without the sample axis, as PyTorch has it; empty where the configuration has no
        ``InputShape``. Only PyTorch models need one: they do not know their own.
    """

    model: Mapping[str, Any]
    layer_types: Mapping[str, Mapping[str, Any]]
    layer_names: Mapping[str, Mapping[str, Any]]
    backend: str = "Vitis"
    io_type: str = "io_parallel"
    part: str = "xcvu13p-flga2577-2-e"
    clock_period: float = 5
    input_shapes: tuple[tuple[int, ...], ...] = ()

    def setting(self, key: str, layer: str, layer_type: str) -> Any:
        """Look a setting up by name, type and model, in this order.

        Parameters
        ----------
        key
            Such as ``"ReuseFactor"``.
        layer, layer_type
            The layer's name, and its class in hls4ml; hls4ml ignores the case of both.

        Returns
        -------
        object
            None where no level says anything.
        """
        for settings in (_entry(self.layer_names, layer), _entry(self.layer_types, layer_type), self.model):
            value = settings.get(key)
            if value is not None:
                return value
        return None

    def strategy(self, layer: str, layer_type: str) -> str:
        """Look up the strategy, in hls4ml's spelling (``ResourceUnrolled`` is ``resource_unrolled``).

        Parameters
        ----------
        layer, layer_type
            The layer's name and its class in hls4ml.

        Returns
        -------
        str
            As asked for; it need not be one that hls4ml knows.
        """
        return _snake_case(str(self.setting("Strategy", layer, layer_type) or "Latency"))

    def reuse_factor(self, layer: str, layer_type: str) -> int:
        """Look up the reuse factor that was asked for.

        Parameters
        ----------
        layer, layer_type
            The layer's name and its class in hls4ml.

        Returns
        -------
        int
            At least 1.

        Raises
        ------
        HlsConfigError
            If it is not a whole number of at least 1.
        """
        return self._count("ReuseFactor", layer, self.setting("ReuseFactor", layer, layer_type))

    def parallelization_factor(self, layer: str, layer_type: str) -> int:
        """Look up how many pixels of a convolution are to be computed at once.

        hls4ml takes this one from the first level that has an entry for the layer at all, with or without the key, and
        minds the case of the names (``get_layer_config_value``).

        Parameters
        ----------
        layer, layer_type
            The layer's name and its class in hls4ml.

        Returns
        -------
        int
            At least 1; 1 where nothing is said.

        Raises
        ------
        HlsConfigError
            If it is not a whole number of at least 1.
        """
        settings = self.layer_names.get(layer)
        if settings is None:
            settings = self.layer_types.get(layer_type)
        if settings is None:
            settings = self.model
        return self._count("ParallelizationFactor", layer, settings.get("ParallelizationFactor"))

    def precision(self, variable: str, layer: str, layer_type: str) -> FixedPoint | None:
        """Look up the precision of a layer's variable.

        Parameters
        ----------
        variable
            ``"weight"``, ``"bias"``, ``"result"``, ``"scale"``.
        layer, layer_type
            The layer's name and its class in hls4ml.

        Returns
        -------
        FixedPoint or None
            None stands for ``auto``: hls4ml infers it. The model's own where nothing is said.

        Raises
        ------
        HlsConfigError
            If it is no fixed-point type.
        """
        text = self.precision_text(variable, layer, layer_type)
        return self.default_precision if text is None else self._parse(text, f"{variable} of layer {layer!r}")

    def precision_text(self, variable: str, layer: str, layer_type: str) -> Any:
        """Look up the precision of a layer's variable as it is written, with its modes of rounding and overflow.

        Parameters
        ----------
        variable
            ``"weight"``, ``"bias"``, ``"result"``, ``"scale"``.
        layer, layer_type
            The layer's name and its class in hls4ml.

        Returns
        -------
        object
            A string or one of hls4ml's own types; None where nothing is said.
        """
        levels = (_entry(self.layer_names, layer), _entry(self.layer_types, layer_type), self.model)
        for settings in levels:
            precision = settings.get("Precision")
            named = precision if isinstance(precision, Mapping) else {"default": precision}
            for key in (variable, "default"):
                if named.get(key) is not None:
                    return named[key]
        return None

    @property
    def default_precision(self) -> FixedPoint:
        """The model's own precision: hls4ml's ``fixed<16,6>`` where nothing is said.

        Raises
        ------
        HlsConfigError
            If it is ``auto`` or no fixed-point type.
        """
        found = self._parse(self.default_precision_text, "the model")
        if found is None:
            raise HlsConfigError(
                "hls_config: the model's default Precision is 'auto', expected a type like 'fixed<16,6>'"
            )
        return found

    @property
    def default_precision_text(self) -> Any:
        """The same as it is written, with its modes of rounding and overflow."""
        precision = self.model.get("Precision")
        default = precision.get("default") if isinstance(precision, Mapping) else precision
        return "fixed<16,6>" if default is None else default

    @property
    def maximum_precision(self) -> FixedPoint | None:
        """The cap on inferred precisions, if there is one."""
        precision = self.model.get("Precision")
        maximum = precision.get("maximum") if isinstance(precision, Mapping) else None
        return None if maximum is None else self._parse(maximum, "the model's maximum")

    def _count(self, key: str, layer: str, value: Any) -> int:
        number = 1 if value is None else value
        if isinstance(number, bool) or not isinstance(number, (int, float)) or number != int(number) or number < 1:
            raise HlsConfigError(f"hls_config: {key} of layer {layer!r} is {value!r}, expected a whole number >= 1")
        return int(number)

    def _parse(self, precision: Any, of_what: str) -> FixedPoint | None:
        if str(precision).strip().lower() == "auto":
            return None
        try:
            return parse_precision(precision)
        except ValueError as error:
            raise HlsConfigError(f"hls_config: precision of {of_what}: {error}") from None


#: What is taken for an hls4ml configuration: see :func:`read_hls_config`.
HlsConfigSource = HlsConfig | Mapping[str, Any] | str | os.PathLike[str]


class Overrides(TypedDict, total=False):
    """Keywords that take the place of the configuration's top-level keys."""

    backend: str
    io_type: str
    part: str
    clock_period: float


def as_dict(config: HlsConfig) -> dict[str, Any]:
    """Write a configuration as the dict that hls4ml and knapprune read."""
    return {
        "Model": deepcopy(dict(config.model)),
        "LayerType": {name: deepcopy(dict(entry)) for name, entry in config.layer_types.items()},
        "LayerName": {name: deepcopy(dict(entry)) for name, entry in config.layer_names.items()},
        "Backend": config.backend,
        "IOType": config.io_type,
        "Part": config.part,
        "ClockPeriod": config.clock_period,
        **({"InputShape": [list(shape) for shape in config.input_shapes]} if config.input_shapes else {}),
    }


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
        """Reads hls4ml's own tags, such as ``!keras_model``, as the text behind them."""

    Loader.add_multi_constructor("!", lambda loader, _, node: getattr(node, "value", None))
    try:
        read = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=Loader)
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


def _entry(settings: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    if name in settings:
        return settings[name]
    lowered = name.lower()
    return next((entry for key, entry in settings.items() if key.lower() == lowered), {})


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
    found = tuple(tuple(shape[1:] if shape[:1] in ([None], (None,)) else shape) for shape in shapes)
    sizes = [size for shape in found for size in shape]
    if not all(found) or any(isinstance(size, bool) or not isinstance(size, int) or size < 1 for size in sizes):
        raise HlsConfigError(
            f"hls_config: InputShape is {value!r}, expected sizes without the sample axis, such as [3, 32, 32], or a "
            "list of such shapes"
        )
    return found


def _snake_case(name: str) -> str:
    """Spell a strategy as hls4ml's ``convert_to_snake_case`` does, quirks and all: ``RESOURCE`` is no resource."""
    return re.sub(r"_{2,}", "_", re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower())
