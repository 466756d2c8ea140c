"""A model's state at one moment: all that training and masking change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.training_adapter import TrainingAdapter
from knapprune.adapters.types_adapter import HoldsValues, RoundsData
from knapprune.network.grid import Grid
from knapprune.network.precision import FixedPoint


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Weights, optimiser state and masks.

    Parameters
    ----------
    state
        What the adapter's ``state`` returned.
    masks
        True for a weight that is kept, by layer name.
    grids
        The values that weights are kept on, by layer name.
    data_types
        The types that results are rounded to, by layer name.
    """

    state: Mapping[str, npt.NDArray[Any]]
    masks: Mapping[str, npt.NDArray[np.bool_]]
    grids: Mapping[str, Grid] = field(default_factory=dict)
    data_types: Mapping[str, FixedPoint] = field(default_factory=dict)

    @classmethod
    def of(cls, framework: TrainingAdapter, model: Any) -> Snapshot:
        """Take a snapshot."""
        grids = framework.grids(model) if isinstance(framework, HoldsValues) else {}
        types = framework.data_types(model) if isinstance(framework, RoundsData) else {}
        return cls(framework.state(model), framework.masks(model), grids, types)

    def put(self, framework: TrainingAdapter, model: Any) -> None:
        """Bring a model back to this state."""
        free = {name: np.ones_like(mask) for name, mask in framework.masks(model).items()}
        framework.remask(model, {**free, **self.masks})
        if isinstance(framework, HoldsValues) and (self.grids or framework.grids(model)):
            framework.hold(model, self.grids)
        if isinstance(framework, RoundsData):
            framework.round_data(model, self.data_types)
        framework.restore(model, self.state)
