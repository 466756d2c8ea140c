"""What a pruning is asked for, in three groups: what selects, what trains and what is kept.

The fields are the arguments of the same names of `knapprune.prune`, and a group that is there has been checked.
"""

from __future__ import annotations

import numbers
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from knapprune.adapters.objective import Distillation
from knapprune.hardware.hardware_model import HardwareModel
from knapprune.network.batches import at_most
from knapprune.network.layers import Layer
from knapprune.network.named_metrics import Metric
from knapprune.pruning.class_weights import check_class_weight
from knapprune.pruning.learning_rate import Rate, rate_of
from knapprune.pruning.regrowth import check_regrowth
from knapprune.pruning.regularization import Regularization, check_structure, regularization_of
from knapprune.pruning.schedule import Plan, Schedule, plan_of
from knapprune.saliency import Saliency, needs_data
from knapprune.saliency.normalisation import Normalisation, normalisation
from knapprune.selection.budget import Budget
from knapprune.selection.candidates import by_layer
from knapprune.selection.fetch_groups import AnyStructure, whole
from knapprune.selection.values.asked import check_data_bits
from knapsolve.validation import positive_number

MOST_SAMPLES = 8192
"""Training samples that gradients are measured on where nobody says on which."""


@dataclass(frozen=True, eq=False)
class Selecting:
    """What selects, and by which steps the budget is reached."""

    budget: Budget | None
    structure: AnyStructure | Mapping[str, AnyStructure]
    saliency: str | Saliency
    saliency_data: Any
    normalise: str | Normalisation
    solver: str
    time_limit: float
    hardware: str | HardwareModel
    schedule: str | Schedule
    steps: int
    tolerance: float
    patience: int | None
    quantise: bool
    choose: Mapping[str, Any] | None = None
    metric: str | Metric | None = None

    def __post_init__(self) -> None:
        if self.patience is not None:
            _at_least("patience", self.patience, 1)
        _at_least("steps", self.steps, 1)
        _ = self.plan  # it refuses a schedule that is none
        gradual = self.gradual
        if self.saliency_data is not None and not gradual:
            raise ValueError(
                f"saliency_data: got data, expected None for saliency {self.saliency!r}, which needs no gradients"
            )
        _not_negative("tolerance", self.tolerance)
        normalisation(self.normalise)
        check_choice(self.choose)
        check_data_bits(self.choose, self.saliency, self.normalise)
        positive_number("time_limit", self.time_limit)

    @cached_property
    def plan(self) -> Plan:
        """Which shares of the way to the budget to try."""
        return plan_of(self.schedule, self.steps, self.patience)

    @cached_property
    def gradual(self) -> bool:
        """Whether the saliency is computed from gradients."""
        return needs_data(self.saliency)

    def without(self, frozen: Collection[str], layers: Sequence[Layer]) -> Selecting:
        """Keep some layers as they are."""
        if not frozen:
            return self
        asked = zip(layers, by_layer(self.structure, layers), strict=True)
        return replace(
            self, structure={layer.name: whole(own) if layer.name in frozen else own for layer, own in asked}
        )

    def gradients_from(self, train: Any) -> Any:
        """Say which data the saliency is measured on; None where it needs none."""
        if not self.gradual:
            return None
        return at_most(MOST_SAMPLES, train) if self.saliency_data is None else self.saliency_data


@dataclass(frozen=True, eq=False)
class Training:
    """What trains."""

    epochs: int
    final_epochs: int | None
    batch_size: int
    learning_rate: str | Rate
    regrow: float | None
    distill: float | Distillation | None
    regularization: float | Regularization | None
    seed: int
    class_weight: Mapping[int, float] | None = None
    callbacks: Sequence[Any] | None = None

    def __post_init__(self) -> None:
        check_class_weight(self.class_weight)
        if self.callbacks is not None and not isinstance(self.callbacks, list | tuple):
            raise TypeError(f"callbacks: got {self.callbacks!r}, expected a list of Keras' callbacks, or None")
        if self.final_epochs is not None:
            _at_least("final_epochs", self.final_epochs, 0)
        _at_least("epochs", self.epochs, 0)
        _at_least("seed", self.seed, 0)
        _at_least("batch_size", self.batch_size, 1)
        self.rate(steps=1)
        _ = self.distillation
        check_regrowth(self.regrow)
        _ = self.penalty

    def epochs_of(self, steps: int) -> tuple[int, ...]:
        """Say how many epochs each step trains for."""
        last = self.epochs if self.final_epochs is None else self.final_epochs
        return (*[self.epochs] * (steps - 1), last)

    def rate(self, steps: int) -> Callable[[int, int], float]:
        """Map step and epoch to what the model's learning rate is multiplied by."""
        return rate_of(self.learning_rate, self.epochs_of(steps))

    @cached_property
    def distillation(self) -> Distillation | None:
        """How much is learned from the unpruned model."""
        if self.distill is None or isinstance(self.distill, Distillation):
            return self.distill
        if not _is_number(self.distill):
            raise ValueError(f"distill: got {self.distill!r}, expected a number, a Distillation or None")
        return Distillation(self.distill)

    @cached_property
    def penalty(self) -> Regularization | None:
        """What groups are penalised by."""
        return regularization_of(self.regularization)


@dataclass(frozen=True, eq=False)
class Keeping:
    """What is kept and shown while a pruning runs; no result depends on it."""

    checkpoint: str | os.PathLike[str] | None
    progress: bool
    check_conversion: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.check_conversion, bool):
            raise TypeError(f"check_conversion: got {self.check_conversion!r}, expected True or False")
        if not isinstance(self.checkpoint, str | os.PathLike | None):
            raise TypeError(f"checkpoint: got {self.checkpoint!r}, expected the path of a folder, or None")

    @property
    def folder(self) -> Path | None:
        """The folder that keeps the state."""
        return None if self.checkpoint is None else Path(self.checkpoint)


def check_choice(choose: Any) -> None:
    """Refuse to choose reuse factors and widths of weights: they do not change while a network trains."""
    known = {"digits", "data_bits"}
    if choose is not None and (not isinstance(choose, Mapping) or "digits" not in choose or set(choose) - known):
        raise ValueError(
            f"choose: got {choose!r}, expected {{'digits': ...}}, with 'data_bits' perhaps, or None; let "
            "knapprune.select choose the others before"
        )


def check_together(selecting: Selecting, training: Training) -> None:
    """Refuse what each group allows and the two together do not."""
    if training.regrow is not None and selecting.gradual:
        raise ValueError("regrow: got a saliency of gradients, expected one of the weights alone, such as 'l1' or 'l2'")
    if training.penalty is not None:
        check_structure(selecting.structure)
        if selecting.choose is not None:
            raise ValueError("regularization: got a penalty with digits to choose, expected None: no group dies there")
    if training.regrow is not None and selecting.choose is not None:
        raise ValueError("regrow: got a share with digits to choose, expected None: zeros take no gradients there")


def _at_least(name: str, given: Any, least: int) -> None:
    if isinstance(given, bool) or not isinstance(given, numbers.Integral) or int(given) < least:
        raise ValueError(f"{name}: got {given!r}, expected a whole number, {least} or more")


def _not_negative(name: str, given: Any) -> None:
    if not _is_number(given) or not float(given) >= 0:
        raise ValueError(f"{name}: got {given!r}, expected a number, 0 or more")


def _is_number(given: Any) -> bool:
    return isinstance(given, numbers.Real) and not isinstance(given, bool)
