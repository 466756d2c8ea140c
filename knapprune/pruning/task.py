"""All that a pruning was asked for, checked; what does not change while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np

from knapprune.adapters.objective import GroupPenalty
from knapprune.adapters.types_adapter import RoundsData
from knapprune.hardware.fetch_groups import fetch_group
from knapprune.hardware.resources import Resources
from knapprune.network.batches import is_arrays
from knapprune.network.hls_config import HlsConfig
from knapprune.network.layers import Layer
from knapprune.pruning.history import Chosen
from knapprune.pruning.network import Network
from knapprune.pruning.regrowth import revived
from knapprune.pruning.settings import Keeping, Selecting, Training
from knapprune.pruning.validation_data import Validation
from knapprune.saliency.statistics import Statistics
from knapprune.selection.budget import Cap
from knapprune.selection.candidates import candidates
from knapprune.selection.masks import takes_choices
from knapprune.selection.result import Selection
from knapprune.selection.selecting import select


@dataclass(frozen=True, eq=False)
class Task:
    """A pruning that was asked for.

    Parameters
    ----------
    network
        What is pruned.
    train
        What to train on.
    validation
        What to measure by.
    caps
        The budget; empty where the structure leaves nothing to choose.
    selecting, training, keeping
        The settings.
    arguments
        Digests of all arguments by name, to know the run again; empty without a folder.
    """

    network: Network
    train: Any
    validation: Validation
    caps: tuple[Cap, ...]
    selecting: Selecting
    training: Training
    keeping: Keeping
    arguments: Mapping[str, str]

    @cached_property
    def epochs(self) -> tuple[int, ...]:
        """Of each step's fine-tuning."""
        return self.training.epochs_of(self.selecting.steps)

    @cached_property
    def rate(self) -> Callable[[int, int], float]:
        """Maps step and epoch to what the learning rate is multiplied by."""
        return self.training.rate(self.selecting.steps)

    def measure(self, model: Any) -> float:
        """Measure a model on the validation data."""
        return self.validation.measure(self.network.framework, model)

    def penalties(self, model: Any, chosen: Chosen) -> dict[str, GroupPenalty]:
        """Say what a masked model's groups are penalised by."""
        penalty = self.training.penalty
        if penalty is None:
            return {}
        groups = candidates(
            self.network.hardware,
            self.network.before.layers,
            self.network.written(model),
            chosen.caps,
            cast("Any", self.selecting.structure),
            shared_words=takes_choices(self.selecting.solver),
        )
        return penalty.penalties(groups, chosen.caps, chosen.solution.prices)

    def caps_at(self, share: float) -> tuple[Cap, ...]:
        """Return the caps at a share of the way from today's use to the budget."""
        return tuple(_between(cap, self.network.before, share) for cap in self.caps)

    def select(self, model: Any, share: float) -> Selection:
        """Select from a model at a share of the way to the budget."""
        framework, regrow = self.network.framework, self.training.regrow
        if regrow is None:
            return self._select(model, share)
        own = framework.kernels(model)
        gradients = Statistics(framework, model, self.train, self.training.batch_size)
        grown = {
            name: revived(own[name], mask, gradients.of(name, ("mean",)).mean, regrow)
            for name, mask in framework.masks(model).items()
        }
        framework.assign(model, grown)
        try:
            return self._select(model, share)
        finally:
            framework.assign(model, {name: own[name] for name in grown})

    def select_within(self, model: Any, caps: tuple[Cap, ...], share: float) -> Selection:
        """Select from a model what keeps given caps; nothing grows again, and data keep their types."""
        framework, network = self.network.framework, self.network
        types = framework.data_types(model) if isinstance(framework, RoundsData) else {}
        choose = choose_at(self.selecting.choose, share, network.before.layers)
        if choose is not None:
            choose.pop("data_bits", None)
        selection = self._selected(model, caps, self.selecting.structure, choose, network.config_of(model))
        return replace(selection, data_types=types)

    def _select(self, model: Any, share: float) -> Selection:
        structure, config = self.selecting.structure, self.network.config
        choose = choose_at(self.selecting.choose, share, self.network.before.layers)
        if self.caps:
            return self._selected(model, self.caps_at(share), structure, choose, config)
        return self._selected(model, None, structure_at(structure, share), choose, config)

    def _selected(
        self, model: Any, caps: tuple[Cap, ...] | None, structure: Any, choose: Any, config: HlsConfig
    ) -> Selection:
        data = self.selecting.gradients_from(self.train)
        return select(
            model,
            config,
            caps,
            structure=structure,
            saliency=self.selecting.saliency,
            normalise=self.selecting.normalise,
            solver=self.selecting.solver,
            time_limit=self.selecting.time_limit,
            data=data,
            batch_size=self.training.batch_size if is_arrays(data) else None,
            choose=choose,
            hardware=self.network.hardware,
        )

    def seed_of(self, step: int, epoch: int) -> int:
        """Return the seed of one epoch, the same in every run."""
        return int(np.random.SeedSequence([self.training.seed, step, epoch]).generate_state(1)[0])


def _between(cap: Cap, before: Resources, share: float) -> Cap:
    use = cap.use(before)
    return replace(cap, limit=max(cap.limit, round(use - share * (use - cap.limit))))


def choose_at(choose: Mapping[str, Any] | None, share: float, layers: Sequence[Layer]) -> Any:
    """Return the most digits at a share of the way, from all that the widest type has to those asked for."""
    if choose is None:
        return None
    widest = max((layer.weight_bits for layer in layers if layer.size), default=0) // 2 + 1

    def at(digits: Any) -> Any:
        if isinstance(digits, Mapping):
            return {name: at(own) for name, own in digits.items()}
        if isinstance(digits, bool) or not isinstance(digits, int | np.integer):
            return digits
        return max(int(digits), round(widest - share * (widest - digits)))

    return {**choose, "digits": at(choose["digits"])}


def structure_at(structure: Any, share: float) -> Any:
    """Return fetch groups that lose a share of what they are to lose."""
    if isinstance(structure, Mapping):
        return {name: structure_at(own, share) for name, own in structure.items()}
    group = fetch_group(structure)
    return structure if group is None else group.at(share)
