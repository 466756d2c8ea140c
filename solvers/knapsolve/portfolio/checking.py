"""The check that every answer passes before it is returned, and what is returned where it fails."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.portfolio.presolve import Reduced
from knapsolve.portfolio.stand_in import stand_in
from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate, malformed, refuse, violation
from knapsolve.solver import Answer


@dataclass(frozen=True, eq=False)
class Lifted:
    """An answer's selection of all items.

    Parameters
    ----------
    selected
        Bool, shape (n,); all False where the answer has none.
    value, usage
        Its value, minus infinity without a selection, and its use of each resource, shape (m,).
    reason
        Why it is refused, or None.
    """

    selected: NDArray[np.bool_]
    value: int | float
    usage: NDArray[Any]
    reason: str | None = None


def lift(problem: Knapsack, reduced: Reduced | None, answer: Answer) -> Lifted:
    """Lift a selection to all items, and check it against the problem as given."""
    selected: NDArray[np.bool_] = np.zeros(problem.n, np.bool_)
    reason = None
    if reduced is not None and answer.selected is not None:
        reason = malformed(reduced.problem, answer.selected)
        selected = selected if reason is not None else reduced.lift(answer.selected)
    value, usage = evaluate(problem, selected)
    if answer.selected is None:
        return Lifted(selected, -np.inf, usage)
    return Lifted(selected, value, usage, reason or violation(problem, selected, usage))


def checked(problem: Knapsack, reduced: Reduced | None, answer: Answer, name: str) -> tuple[Answer, Lifted]:
    """Return an answer that keeps every constraint: the solver's or, where that is refused, one that stands in.

    Parameters
    ----------
    problem, reduced
        The problem as given and without what presolving decided; None where that left nothing feasible.
    answer
        The solver's, on the reduced problem.
    name
        The solver's name.

    Returns
    -------
    answer, lifted
        The answer, and its selection of all items.
    """
    lifted = lift(problem, reduced, answer)
    if lifted.reason is None or reduced is None:
        return answer, lifted
    said = refuse(f"solver {answer.solver or name!r}", lifted.reason, "another's is returned")
    # The bound may rest on what was refused, and goes with it.
    instead = stand_in(reduced.problem, said)
    answer = replace(instead, trace=(*answer.trace, *instead.trace))
    lifted = lift(problem, reduced, answer)
    if lifted.reason is None:
        return answer, lifted
    answer = replace(
        answer, selected=None, trace=(*answer.trace, refuse("stand-in", lifted.reason, "none is returned"))
    )
    return answer, lift(problem, reduced, answer)
