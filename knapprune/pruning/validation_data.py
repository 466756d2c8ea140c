"""Validation data as whole arrays: they are measured by after every epoch, and a metric takes them all at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from knapprune.adapters.training_adapter import TrainingAdapter
from knapprune.network.batches import batches, is_arrays
from knapprune.network.named_metrics import Metric
from knapprune.network.rounding import Rounding


@dataclass(frozen=True, eq=False)
class Validation:
    """What a model is measured by.

    Parameters
    ----------
    inputs, targets
        Arrays, or lists or mappings of them.
    metric
        Of targets and outputs.
    types
        By layer name, the types that kernels are rounded to before anything is measured.
    """

    inputs: Any
    targets: Any
    metric: Metric
    types: Mapping[str, Rounding]

    def measure(self, framework: TrainingAdapter, model: Any) -> float:
        """Measure a model."""
        own = framework.kernels(model) if self.types else {}
        if own:
            framework.assign(model, {name: rounding(own[name]) for name, rounding in self.types.items()})
        try:
            return float(self.metric(self.targets, framework.predict(model, self.inputs)))
        finally:
            framework.assign(model, own)


def whole(validation: Any, batch_size: int) -> tuple[Any, Any]:
    """Return the inputs and the targets."""
    if is_arrays(validation):
        return validation[0], validation[1]
    parts = list(batches(validation, batch_size, "validation"))
    return _joined([batch.inputs for batch in parts]), _joined([batch.targets for batch in parts])


def _joined(parts: list[Any]) -> Any:
    if isinstance(parts[0], Mapping):
        return {key: _joined([part[key] for part in parts]) for key in parts[0]}
    if isinstance(parts[0], list):
        return [_joined(list(own)) for own in zip(*parts, strict=True)]
    return np.concatenate(parts)
