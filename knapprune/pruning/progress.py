"""How far a pruning is: all that changes while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from knapprune.pruning.history import Chosen, Step
from knapprune.pruning.snapshot import Snapshot
from knapprune.selection.budget import Cap


@dataclass
class Trial:
    """The step under way.

    Parameters
    ----------
    share
        Share of the way to the budget.
    budget
        Its caps.
    selection
        What was selected.
    metric_before
        The metric right after masking.
    best
        The state that the step would end with.
    metric
        Its metric.
    metrics
        After each epoch.
    seconds
        Time spent.
    """

    share: float
    budget: tuple[Cap, ...]
    selection: Chosen
    metric_before: float
    best: Snapshot
    metric: float
    metrics: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def step(self, accepted: bool) -> Step:
        """Close the step."""
        return Step(
            share=self.share,
            budget=self.budget,
            selection=self.selection,
            metric_before=self.metric_before,
            metrics=tuple(self.metrics),
            metric=self.metric,
            accepted=accepted,
            seconds=self.seconds,
        )


@dataclass
class Progress:
    """How far a pruning is.

    Parameters
    ----------
    history
        The steps that are done.
    trial
        The step under way, or None between two.
    kept
        State at the end of the last step within the tolerance.
    metric
        Its metric.
    seconds
        Time spent in earlier runs.
    """

    history: list[Step] = field(default_factory=list)
    trial: Trial | None = None
    kept: Snapshot | None = None
    metric: float = float("nan")
    seconds: float = 0.0

    @property
    def epochs(self) -> int:
        """Epochs of training that are done."""
        under_way = 0 if self.trial is None else len(self.trial.metrics)
        return sum(len(step.metrics) for step in self.history) + under_way
