"""The options that `prune` and `tune` share, and which of them a user gave."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import typer

from knapprune.cli.options import (
    BatchSize,
    Budget,
    CheckConversion,
    Choose,
    ConfigOrParams,
    Distill,
    Epochs,
    FinalEpochs,
    HardwareOption,
    LearningRate,
    MetricOption,
    ModelOrParams,
    MultipliersOption,
    Normalise,
    ParamsOption,
    Quantise,
    Regrow,
    SaliencyData,
    SaliencyOption,
    ScheduleOption,
    Seed,
    SolverOption,
    Steps,
    StructureOption,
    Temperature,
    TimeLimit,
    Tolerance,
    Train,
    ValidationOption,
    Weights,
)

#: By name, the option and its default.
SHARED: Mapping[str, tuple[Any, Any]] = {
    "model": (ModelOrParams, None),
    "config": (ConfigOrParams, None),
    "params": (ParamsOption, None),
    "train": (Train, None),
    "validation": (ValidationOption, None),
    "weights": (Weights, None),
    "budget": (Budget, None),
    "metric": (MetricOption, None),
    "tolerance": (Tolerance, 0.02),
    "schedule": (ScheduleOption, "polynomial"),
    "steps": (Steps, 5),
    "epochs": (Epochs, 4),
    "final_epochs": (FinalEpochs, None),
    "batch_size": (BatchSize, 32),
    "learning_rate": (LearningRate, "constant"),
    "regrow": (Regrow, 0.0),
    "distill": (Distill, 0.0),
    "temperature": (Temperature, None),
    "quantise": (Quantise, False),
    "seed": (Seed, 0),
    "check_conversion": (CheckConversion, True),
    "structure": (StructureOption, None),
    "choose": (Choose, None),
    "saliency": (SaliencyOption, "auto"),
    "saliency_data": (SaliencyData, None),
    "normalise": (Normalise, "auto"),
    "solver": (SolverOption, "auto"),
    "time_limit": (TimeLimit, 10.0),
    "hardware": (HardwareOption, "hls4ml"),
    "multipliers": (MultipliersOption, None),
}


def with_pruning_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the shared options beside its own; they come as its ``**`` argument."""
    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in inspect.signature(command, eval_str=True).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=option)
        for name, (option, default) in SHARED.items()
    ]
    command.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
    return command


def said(context: typer.Context) -> set[str]:
    """Name the options that were given, the others having their defaults."""
    sources = {own.name: context.get_parameter_source(own.name) for own in context.command.params if own.name}
    return {name for name, source in sources.items() if source is not None and source.name != "DEFAULT"}
