"""The hls4ml configuration, in which a setting is looked up the way hls4ml does it.

hls4ml looks a setting up by layer name, then by layer type, then for the whole model
(``model/graph.py``, ``HLSConfig``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypedDict

from knapprune.network.precision import FixedPoint, parse_precision

#: Those whose projects are counted, and those for which there are estimates only.
COUNTED_BACKENDS = ("Vitis", "Vivado")
ESTIMATED_BACKENDS = ("Catapult", "Quartus", "oneAPI")
BACKENDS = (*COUNTED_BACKENDS, *ESTIMATED_BACKENDS)
IO_TYPES = ("io_parallel", "io_stream")


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
        return snake_case(str(self.setting("Strategy", layer, layer_type) or "Latency"))

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
        precision = self._parse(self.default_precision_text, "the model")
        if precision is None:
            raise HlsConfigError(
                "hls_config: the model's default Precision is 'auto', expected a type like 'fixed<16,6>'"
            )
        return precision

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


#: What is taken for an hls4ml configuration: see :func:`knapprune.read_hls_config`.
HlsConfigSource = HlsConfig | Mapping[str, Any] | str | os.PathLike[str]


class Overrides(TypedDict, total=False):
    """Keywords that take the place of the configuration's top-level keys."""

    backend: str
    io_type: str
    part: str
    clock_period: float


def check_overrides(given: Mapping[str, Any]) -> None:
    """Refuse keywords that are neither an argument nor a key of the configuration."""
    for name in given:
        if name not in Overrides.__annotations__:
            raise TypeError(
                f"{name}: no such argument; beside its own, a call takes {list(Overrides.__annotations__)} of the "
                "configuration"
            )


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


def own_entry(written: dict[str, Any], layer: str, first: Mapping[str, Any]) -> dict[str, Any]:
    """Find a layer's entry in the dict of a configuration, to be changed; a new one begins with `first`.

    hls4ml ignores the case of a name, and looks for ParallelizationFactor in no other place once there is an entry.
    """
    names: dict[str, dict[str, Any]] = written["LayerName"]
    key = next((name for name in names if name.lower() == layer.lower()), layer)
    return names.setdefault(key, dict(first))


def set_precision(entry: dict[str, Any], variable: str, text: str) -> None:
    """Say the precision of one variable in a layer's entry."""
    given = entry.get("Precision")
    own = dict(given) if isinstance(given, Mapping) else {} if given is None else {"default": given}
    entry["Precision"] = own | {variable: text}


def _entry(settings: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    if name in settings:
        return settings[name]
    lowered = name.lower()
    return next((entry for key, entry in settings.items() if key.lower() == lowered), {})


def snake_case(name: str) -> str:
    """Spell a strategy as hls4ml's ``convert_to_snake_case`` does, quirks and all: ``RESOURCE`` is no resource."""
    return re.sub(r"_{2,}", "_", re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower())
