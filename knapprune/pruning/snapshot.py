"""A model's state at one moment: all that training and masking change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.adapter import TrainingAdapter


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Weights, optimiser state and masks.

    Parameters
    ----------
    state
        What the adapter's ``state`` returned.
    masks
        True for a weight that is kept, by layer name.
    """

    state: Mapping[str, npt.NDArray[Any]]
    masks: Mapping[str, npt.NDArray[np.bool_]]

    @classmethod
    def of(cls, framework: TrainingAdapter, model: Any) -> Snapshot:
        """Take a snapshot."""
        return cls(framework.state(model), framework.masks(model))

    def put(self, framework: TrainingAdapter, model: Any) -> None:
        """Bring a model back to this state."""
        free = {name: np.ones_like(mask) for name, mask in framework.masks(model).items()}
        framework.remask(model, {**free, **self.masks})
        framework.restore(model, self.state)
