"""What a pruning did, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knapprune.budget import Cap
from knapprune.estimation import Resources
from knapprune.selection import Selection
from knapprune.selection_check import Masks

if TYPE_CHECKING:
    from knapprune.report.report import Report


class PruningWarning(UserWarning):
    """A pruning that ended early; it returns the best it had."""


@dataclass(frozen=True)
class Answer:
    """What the solver said of a step's selection.

    Parameters
    ----------
    status
        ``"OPTIMAL"`` is a proof.
    solver
        Who found it.
    value, bound
        The saliency that is kept, and that no selection exceeds.
    gap
        Their relative distance.
    prices
        Dual price of one unit of each cap, where the solver gives any.
    seconds
        Wall-clock time.
    """

    status: str
    solver: str
    value: float
    bound: float
    gap: float
    prices: tuple[float, ...] | None
    seconds: float


@dataclass(frozen=True)
class Chosen:
    """A step's selection, without the arrays.

    Parameters
    ----------
    resources
        What the masked model uses.
    caps
        What was selected for: those caps of the budget that ask for anything, in the order of the prices.
    structures
        The structure by which each masked layer was cut, by layer name.
    solution
        The solver's answer.
    """

    resources: Resources
    caps: tuple[Cap, ...]
    structures: Mapping[str, str]
    solution: Answer

    @classmethod
    def of(cls, selection: Selection) -> Chosen:
        """Leave the arrays of a selection out.

        Parameters
        ----------
        selection
            What was selected.

        Returns
        -------
        Chosen
            What is to be remembered of it.
        """
        found = selection.solution
        prices = None if found.prices is None else tuple(map(float, found.prices))
        answer = Answer(
            str(found.status),
            found.solver,
            float(found.value),
            float(found.bound),
            float(found.gap),
            prices,
            found.seconds,
        )
        caps = tuple(cap for cap in selection.budget if cap.asks(selection.before)) or selection.budget
        return cls(selection.resources, caps, dict(selection.structures), answer)


@dataclass(frozen=True)
class Step:
    """One pruning step.

    Parameters
    ----------
    share
        Share of the way from the unpruned model's use to the budget, 0 to 1.
    budget
        The caps of this step.
    selection
        What was kept, and the solver's answer.
    metric_before
        The validation metric right after masking.
    metrics
        The validation metric after each epoch of fine-tuning.
    metric
        That of the state the step ends with.
    accepted
        Whether it is within the tolerance.
    seconds
        Wall-clock time of the step.
    """

    share: float
    budget: tuple[Cap, ...]
    selection: Chosen
    metric_before: float
    metrics: tuple[float, ...]
    metric: float
    accepted: bool
    seconds: float


@dataclass(frozen=True)
class Pruning:
    """What `prune` returns.

    Parameters
    ----------
    model
        The most pruned model whose metric is within the tolerance; the unpruned one where no step's is.
    masks
        Its masks by layer name, True for a weight that is kept.
    history
        The steps in order.
    before, resources
        What the unpruned and the returned model use.
    budget
        The caps asked for.
    met
        Whether the returned model keeps them; where none was asked for, whether its groups lose as many as given.
    baseline, metric
        The validation metric of the unpruned and of the returned model.
    tolerance
        How far it could fall.
    seconds
        Wall-clock time of the whole call, with that of the runs it goes on from.
    stopped
        Why pruning ended before its last step, where something went wrong; None otherwise.
    """

    model: Any
    masks: Masks
    history: tuple[Step, ...]
    before: Resources
    resources: Resources
    budget: tuple[Cap, ...]
    met: bool
    baseline: float
    metric: float
    tolerance: float
    seconds: float
    stopped: str | None = None

    @property
    def report(self) -> Report:
        """A report to save: ``report.save("report.html")`` or ``"report.json"``."""
        from knapprune.report.pruned import pruning_report

        return pruning_report(self)

    def plot(self, path: str | Path) -> None:
        """Draw the history: the metric and the share of each resource by epoch, with the tolerance and the budget.

        Parameters
        ----------
        path
            Ends in ``.png``, ``.svg`` or ``.pdf``; written completely or not at all.

        Raises
        ------
        ValueError
            For another ending.
        MissingToolError
            If matplotlib is not installed.
        """
        from knapprune.output import write_bytes
        from knapprune.report.history import history_plot

        kind = Path(path).suffix.lower().removeprefix(".")
        if kind not in ("png", "svg", "pdf"):
            raise ValueError(f"path: got {str(path)!r}, expected a name that ends in .png, .svg or .pdf")
        write_bytes(Path(path), history_plot(self.report.content, kind))
