"""All that a pruning was asked for, checked; what does not change while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from knapprune.adapters.adapter import TrainingAdapter, written_kernels
from knapprune.adapters.objective import Distillation, GroupPenalty
from knapprune.estimation import estimate
from knapprune.hardware.fetch_groups import fetch_group
from knapprune.hardware.hardware_model import HardwareModel
from knapprune.hardware.resources import Resources
from knapprune.network.hls_config import HlsConfig
from knapprune.network.rounding import Rounding
from knapprune.pruning.history import Chosen
from knapprune.pruning.regrowth import revived
from knapprune.pruning.regularization import Regularization
from knapprune.pruning.schedule import Plan
from knapprune.saliency.statistics import Statistics
from knapprune.selection.budget import Cap
from knapprune.selection.candidates import candidates
from knapprune.selection.masks import takes_choices
from knapprune.selection.result import Selection
from knapprune.selection.selecting import select

Metric = Callable[[Any, Any], float]


@dataclass(frozen=True)
class Task:
    """A pruning that was asked for.

    Parameters
    ----------
    framework
        The adapter of the model's framework.
    model
        The model as it was given.
    config
        The hls4ml configuration.
    hardware
        The resource model.
    train
        What to train on.
    inputs, targets
        What to measure by.
    score
        The metric of targets and outputs.
    before
        What the model uses.
    caps
        The budget; empty where the structure leaves nothing to choose.
    plan
        Which shares of the way to the budget to try.
    tolerance
        How far the metric may fall.
    epochs
        Of each step's fine-tuning.
    batch_size
        Of the training.
    rate
        Maps step and epoch to what the learning rate is multiplied by.
    distillation
        How much is learned from the unpruned model, or None.
    regularization
        What groups are penalised by while training, or None.
    regrowth
        Share of the living weights that dead ones may replace at a step.
    types
        By layer name, the types that kernels are rounded to before anything is measured.
    seed
        Of the order of the data and of random layers.
    structure
        As for `knapprune.select`.
    options
        What else goes to `knapprune.select`.
    progress
        Whether to show a progress bar.
    checkpoint
        The folder that keeps the state, or None.
    arguments
        Digests of all arguments by name, to know the run again; empty without a folder.
    """

    framework: TrainingAdapter
    model: Any
    config: HlsConfig
    hardware: HardwareModel
    train: Any
    inputs: Any
    targets: Any
    score: Metric
    before: Resources
    caps: tuple[Cap, ...]
    plan: Plan
    tolerance: float
    epochs: tuple[int, ...]
    batch_size: int
    rate: Callable[[int, int], float]
    distillation: Distillation | None
    regularization: Regularization | None
    regrowth: float
    types: Mapping[str, Rounding]
    seed: int
    structure: Any
    options: Mapping[str, Any]
    progress: bool
    checkpoint: Path | None
    arguments: Mapping[str, str]

    def measure(self, model: Any) -> float:
        """Measure a model on the validation data."""
        own = self.framework.kernels(model) if self.types else {}
        if own:
            self.framework.assign(model, {name: rounding(own[name]) for name, rounding in self.types.items()})
        try:
            return float(self.score(self.targets, self.framework.predict(model, self.inputs)))
        finally:
            self.framework.assign(model, own)

    def penalties(self, model: Any, chosen: Chosen) -> dict[str, GroupPenalty]:
        """Say what a masked model's groups are penalised by."""
        if self.regularization is None:
            return {}
        kernels = written_kernels(self.framework, model, self.framework.kernels(model), self.config)
        groups = candidates(
            self.hardware,
            self.before.layers,
            kernels,
            chosen.caps,
            self.structure,
            shared_words=takes_choices(self.options["solver"]),
        )
        return self.regularization.penalties(groups, chosen.caps, chosen.solution.prices)

    def caps_at(self, share: float) -> tuple[Cap, ...]:
        """Return the caps at a share of the way from today's use to the budget."""
        return tuple(_between(cap, self.before, share) for cap in self.caps)

    def select(self, model: Any, share: float) -> Selection:
        """Select from a model at a share of the way to the budget."""
        own = self.framework.kernels(model)
        masks = self.framework.masks(model) if self.regrowth else {}
        gradients = Statistics(self.framework, model, self.train, self.batch_size)
        grown = {
            name: revived(own[name], mask, gradients.of(name, ("mean",)).mean, self.regrowth)
            for name, mask in masks.items()
        }
        self.framework.assign(model, grown)
        try:
            return self._select(model, share)
        finally:
            self.framework.assign(model, {name: own[name] for name in grown})

    def select_within(self, model: Any, caps: tuple[Cap, ...]) -> Selection:
        """Select from a model what keeps given caps, and let nothing grow again."""
        return self._selected(model, caps, self.structure)

    def _select(self, model: Any, share: float) -> Selection:
        if self.caps:
            return self._selected(model, self.caps_at(share), self.structure)
        return self._selected(model, None, structure_at(self.structure, share))

    def _selected(self, model: Any, caps: tuple[Cap, ...] | None, structure: Any) -> Selection:
        return select(
            model,
            self.config,
            caps,
            structure=structure,
            batch_size=self.batch_size,
            hardware=self.hardware,
            **self.options,
        )

    def resources(self, model: Any) -> Resources:
        """Say what a model uses."""
        return estimate(model, self.config, hardware=self.hardware)

    def seed_of(self, step: int, epoch: int) -> int:
        """Return the seed of one epoch, the same in every run."""
        return int(np.random.SeedSequence([self.seed, step, epoch]).generate_state(1)[0])


def _between(cap: Cap, before: Resources, share: float) -> Cap:
    use = cap.use(before)
    return replace(cap, limit=max(cap.limit, round(use - share * (use - cap.limit))))


def structure_at(structure: Any, share: float) -> Any:
    """Return fetch groups that lose a share of what they are to lose."""
    if isinstance(structure, Mapping):
        return {name: structure_at(own, share) for name, own in structure.items()}
    group = fetch_group(structure)
    return structure if group is None else group.at(share)
