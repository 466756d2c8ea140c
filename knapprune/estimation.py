"""What a model uses on the chip, layer by layer, as it is now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Unpack

from knapprune.adapters.adapter import written_kernels
from knapprune.adapters.configuration import configuration
from knapprune.adapters.finding import find_adapter
from knapprune.hardware.explanation import Explanation
from knapprune.hardware.hardware_model import Explains, HardwareModel, find_hardware_model
from knapprune.hardware.resources import Resources, count, covered
from knapprune.network.hls_config import HlsConfigSource, Overrides
from knapprune.network.layers import Kernels, Layer
from knapprune.project.distributed_arithmetic import (
    distributed_logic,
    generated_adders,
    warn_of_overflow,
    warn_of_unrounded,
)
from knapprune.project.surroundings import Surroundings, surroundings


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
        estimated too, in ``estimated``, and what is on the chip beside the weights, in ``beside``, for which hls4ml
        converts the model, if it is installed. For layers with ``distributed_arithmetic`` it also generates their
        adder graphs, which takes seconds, and minutes for kernels of many thousands of weights.
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
    framework = find_adapter(model)
    config = configuration(framework, model, hls_config, **overrides)
    resource_model = find_hardware_model(hardware, config.part, config.backend)
    layers, uncounted = covered(resource_model, framework.layers(model, config), framework.untouched(model))
    kernels = written_kernels(framework, model, framework.kernels(model), config)
    warn_of_unrounded(layers, kernels)
    warn_of_overflow(layers, kernels)
    resources = count(resource_model, layers, kernels, uncounted, config.part)
    if not explain:
        return resources
    explanations = _explain(resource_model, layers, kernels)
    around = surroundings(framework, model, config) if "dsp" in resource_model.resources else Surroundings()
    if any(layer.strategy == "distributed_arithmetic" for layer in layers):
        logic = distributed_logic(generated_adders(model, hls_config, **overrides))
        explanations = tuple(replace(known, logic=logic.get(known.layer.name, known.logic)) for known in explanations)
    return replace(resources, explanations=explanations, beside=around.things, beside_unknown=around.unknown)


def _explain(resource_model: HardwareModel, layers: list[Layer], kernels: Kernels) -> tuple[Explanation, ...]:
    if not isinstance(resource_model, Explains):
        raise ValueError(
            f"explain: hardware model {type(resource_model).__name__} has no method explain(layer, kernel)"
        )
    return tuple(resource_model.explain(layer, kernels[layer.name]) for layer in layers)
