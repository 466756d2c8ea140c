"""Distillation: while it is pruned, a network also learns from what the unpruned one answers."""

from __future__ import annotations

from dataclasses import dataclass


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
