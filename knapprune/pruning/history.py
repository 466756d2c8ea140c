"""What is remembered of each step of a pruning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from knapprune.hardware.resources import Resources
from knapprune.selection.budget import Cap, asking
from knapprune.selection.result import Selection


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
    seconds: float = field(compare=False)


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
        """Leave the arrays of a selection out."""
        solution = selection.solution
        prices = None if solution.prices is None else tuple(map(float, solution.prices))
        answer = Answer(
            str(solution.status),
            solution.solver,
            float(solution.value),
            float(solution.bound),
            float(solution.gap),
            prices,
            solution.seconds,
        )
        return cls(selection.resources, asking(selection.budget, selection.before), dict(selection.structures), answer)


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
    seconds: float = field(compare=False)
