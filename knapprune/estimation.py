"""What a model uses on the chip, layer by layer, as it is now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from knapprune.adapters.adapter import adapter, written_kernels
from knapprune.configuration import configuration
from knapprune.distributed import distributed_logic, generated_adders, warn_of_overflow, warn_of_unrounded
from knapprune.hardware import parts
from knapprune.hardware.constants import is_upper_bound
from knapprune.hardware.explanation import Explanation
from knapprune.hardware.model import Covers, Explains, HardwareModel, hardware
from knapprune.hls_config import HlsConfigSource, Overrides
from knapprune.layers import Layer
from knapprune.tables import plain_table

Kernels = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Resources:
    """Resources by layer. ``resources["dsp"]`` is the total of one.

    Parameters
    ----------
    by_layer
        Count by resource, by layer name.
    layers
        The layers, as the hardware computes them.
    uncounted
        Layers with weights that the hardware model knows nothing of; their use comes on top.
    part
        The chip's part number, as the configuration has it.
    explanations
        Why each layer uses what it uses, where that was asked for.
    """

    by_layer: Mapping[str, Mapping[str, int]]
    layers: tuple[Layer, ...]
    uncounted: tuple[str, ...] = ()
    part: str | None = None
    explanations: tuple[Explanation, ...] = ()

    @property
    def total(self) -> dict[str, int]:
        """Sum over the layers, by resource."""
        sums: dict[str, int] = {}
        for use in self.by_layer.values():
            for resource, count in use.items():
                sums[resource] = sums.get(resource, 0) + count
        return sums

    @property
    def shares(self) -> dict[str, float]:
        """Share of the chip by resource, 1 for all of it; only what the catalogue of parts counts."""
        chip = None if self.part is None else parts.find(self.part)
        counts = {} if chip is None else chip.resources
        return {name: use / counts[name] for name, use in self.total.items() if counts.get(name)}

    @property
    def estimated(self) -> dict[str, dict[str, int]]:
        """Look-up tables and flip-flops by layer, where an explanation was asked for: estimates, in no total."""
        known = {reason.layer.name: reason.logic for reason in self.explanations}
        return {name: logic.resources for name, logic in known.items() if logic is not None}

    def __getitem__(self, resource: str) -> int:
        return self.total[resource]

    def __iter__(self) -> Iterator[str]:
        return iter(self.total)

    def __len__(self) -> int:
        return len(self.total)

    def summary(self) -> str:
        """Describe the use as a table, a line for each layer.

        Returns
        -------
        str
            Plain text.
        """
        names = list(self.total)
        rows: list[list[object]] = [
            [
                layer.name,
                "x".join(map(str, layer.kernel_shape)),
                _changed(layer.requested_strategy, layer.strategy),
                _changed(layer.requested_reuse_factor, layer.reuse_factor),
                f"{layer.weight_bits}x{layer.data_bits}",
                *(self.by_layer[layer.name][name] for name in names),
            ]
            for layer in self.layers
        ]
        rows.append(["total", "", "", "", "", *self.total.values()])
        text = plain_table(["layer", "kernel", "strategy", "reuse", "bits", *names], rows)
        lines = [
            text,
            *self._notes(),
            *self.chip(),
            *([f"not counted: {', '.join(self.uncounted)}"] if self.uncounted else []),
        ]
        return "\n".join([*lines, *(["", self.explanation] if self.explanations else [])])

    @property
    def upper_bounds(self) -> tuple[str, ...]:
        """Layers whose DSPs are known from above only: data of few bits, or a limit that hls4ml sets."""
        return tuple(layer.name for layer in self.layers if self._dsp(layer) and is_upper_bound(layer))

    def _dsp(self, layer: Layer) -> int:
        return self.by_layer.get(layer.name, {}).get("dsp", 0)

    def _notes(self) -> list[str]:
        return [f"dsp at most: {', '.join(self.upper_bounds)}"] if self.upper_bounds else []

    @property
    def explanation(self) -> str:
        """Why each layer uses what it uses, as text; empty where that was not asked for."""
        if not self.explanations:
            return ""
        slowest = max(self.explanations, key=lambda known: known.interval)
        network = (
            f"the network takes an input every {slowest.interval} cycles, estimated: {slowest.layer.name} sets the pace"
        )
        return "\n\n".join([*map(str, self.explanations), network])

    def chip(self) -> list[str]:
        """Say what share of the chip is used.

        Returns
        -------
        list of str
            One line, or none where no part is known to have what is counted.
        """
        if self.part is None or not set(self.total) & set(parts.COUNTED):
            return []
        chip = parts.find(self.part)
        if chip is None:
            return [f"no shares: {parts.unknown(self.part)}"]
        shares = (f"{name} {share:.1%} of {chip.resources[name]}" for name, share in self.shares.items())
        return [f"of {chip.name}: {', '.join(shares)}"]


def estimate(
    model: Any,
    hls_config: HlsConfigSource | None = None,
    *,
    explain: bool = False,
    hardware: str | HardwareModel = "hls4ml",
    **overrides: Unpack[Overrides],
) -> Resources:
    """Count what a model uses on the chip as it is now; weights that are zero cost nothing where hls4ml drops them.

    Parameters
    ----------
    model
        The network; see :mod:`knapprune.adapters` for the frameworks.
    hls_config
        The dict that ``hls4ml.utils.config_from_keras_model`` returns, or a YAML file in hls4ml's form. None for an
        hls4ml graph, which carries its own.
    explain
        Whether to say why each layer uses what it uses, which reuse factors are legal, and what would make pruning pay:
        in ``explanations``, and as text in ``explanation`` and ``summary()``. Look-up tables and flip-flops are then
        estimated too, in ``estimated``. For layers with ``distributed_arithmetic`` hls4ml converts the model for that,
        which takes seconds, and minutes for kernels of many thousands of weights.
    hardware
        The resource model, or its name.
    overrides
        ``backend``, ``io_type``, ``part`` and ``clock_period``, in place of the configuration's own.

    Returns
    -------
    Resources
        By layer, and in total.

    Raises
    ------
    TypeError
        If no adapter knows the model.
    ValueError
        If the configuration or the model cannot be used, or the hardware model cannot explain.
    MissingToolError
        If hls4ml or da4ml is not installed and a layer with ``distributed_arithmetic`` is to be explained.

    Warns
    -----
    HardwareWarning
        Where hls4ml would change a strategy or a reuse factor, compile weights with more bits than their type has, or
        wrap weights around that do not fit their type.
    """
    framework = adapter(model)
    config = configuration(framework, model, hls_config, **overrides)
    resource_model = _hardware(hardware, config.part, config.backend)
    layers, uncounted = covered(resource_model, framework.layers(model, config), framework.untouched(model))
    kernels = written_kernels(framework, model, framework.kernels(model), config)
    warn_of_unrounded(layers, kernels)
    warn_of_overflow(layers, kernels)
    found = count(resource_model, layers, kernels, uncounted, config.part)
    if not explain:
        return found
    explanations = _explain(resource_model, layers, kernels)
    if any(layer.strategy == "distributed_arithmetic" for layer in layers):
        logic = distributed_logic(generated_adders(model, hls_config, **overrides))
        explanations = tuple(replace(known, logic=logic.get(known.layer.name, known.logic)) for known in explanations)
    return replace(found, explanations=explanations)


def covered(
    resource_model: HardwareModel, layers: list[Layer], uncounted: Iterable[str]
) -> tuple[list[Layer], tuple[str, ...]]:
    """Leave out the layers that a hardware model knows nothing of.

    Parameters
    ----------
    resource_model
        The hardware.
    layers
        The layers.
    uncounted
        Names of those that nobody counts.

    Returns
    -------
    layers, uncounted
        What is left, and the names with those of the others.
    """
    if not isinstance(resource_model, Covers):
        return layers, tuple(uncounted)
    known = [layer for layer in layers if resource_model.covers(layer)]
    return known, (*uncounted, *(layer.name for layer in layers if layer not in known))


def count(
    resource_model: HardwareModel,
    layers: list[Layer],
    kernels: Kernels,
    uncounted: tuple[str, ...] = (),
    part: str | None = None,
) -> Resources:
    """Count what layers use with the given kernels.

    Parameters
    ----------
    resource_model
        The hardware.
    layers
        The layers.
    kernels
        Arrays by layer name, as hls4ml will write them, or truth values.
    uncounted
        Names to list as not counted.
    part
        The chip's part number, for shares.

    Returns
    -------
    Resources
        By layer, and in total.
    """
    use = {layer.name: resource_model.use(layer, kernels[layer.name]) for layer in layers}
    return Resources(use, tuple(layers), uncounted, part)


_hardware = hardware


def _explain(resource_model: HardwareModel, layers: list[Layer], kernels: Kernels) -> tuple[Explanation, ...]:
    if not isinstance(resource_model, Explains):
        raise ValueError(
            f"explain: hardware model {type(resource_model).__name__} has no method explain(layer, kernel)"
        )
    return tuple(resource_model.explain(layer, kernels[layer.name]) for layer in layers)


def _changed(requested: object, effective: object) -> str:
    return str(effective) if requested == effective else f"{effective} (not {requested})"
