"""What a network trains by while it is pruned: its own loss, the unpruned network's answers, and prices on groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Strengths = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GroupPenalty:
    """The penalty on one kernel.

    Parameters
    ----------
    labels
        Shape of the kernel, integers from 0: weights with one label are one group.
    strengths
        Shape (groups,).
    """

    labels: npt.NDArray[np.int64]
    strengths: Strengths


@dataclass(frozen=True)
class Distillation:
    """How much is learned from the unpruned model, and how softly it answers.

    The loss becomes ``(1 - weight) * own + weight * distance``. Of classes, the distance is the cross-entropy between
    both models' softened answers times the temperature's square (Hinton, Vinyals and Dean, "Distilling the knowledge in
    a neural network", arXiv 1503.02531, section 2); of other outputs it is the mean squared difference.

    Parameters
    ----------
    weight
        From 0, the model's own loss alone, to 1, the unpruned model alone.
    temperature
        What logits are divided by; above 1, answers that are nearly ruled out count too.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    weight: float = 0.5
    temperature: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.weight <= 1:
            raise ValueError(f"distill: got the weight {self.weight!r}, expected a number above 0, up to 1")
        if not self.temperature > 0:
            raise ValueError(f"distill: got the temperature {self.temperature!r}, expected a number above 0")


class Objective(Protocol):
    """What a model trains by instead of its own loss alone."""

    def distil(self, teacher: Any, distillation: Distillation) -> None:
        """Have the model learn from the answers of another one too."""

    def penalise(self, penalties: Mapping[str, GroupPenalty]) -> None:
        """Put penalties on groups of weights, by layer name, in place of earlier ones."""

    def remove(self) -> None:
        """Give the model its own loss back."""
