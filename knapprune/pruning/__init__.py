"""Prune by steps: tighten the budget, select, mask, fine-tune, and keep the best state that is accurate enough."""

from knapprune.pruning.arguments import prune
from knapprune.pruning.history import Step
from knapprune.pruning.result import Pruning, PruningInterrupted, PruningWarning

__all__ = ["Pruning", "PruningInterrupted", "PruningWarning", "Step", "prune"]
