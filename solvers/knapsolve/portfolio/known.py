"""What several solvers know together of one problem: the best selection that holds, and the lowest bound."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from knapsolve.problem import Knapsack
from knapsolve.solution import refuse, relative_gap, valued
from knapsolve.solver import Answer


@dataclass(frozen=True, eq=False)
class Known:
    """The best of several answers to one problem.

    Parameters
    ----------
    answer
        The best selection and the lowest bound, with all traces.
    value
        The selection's value, minus infinity without one.
    refused
        Whether a selection was refused on the way.
    """

    answer: Answer
    value: int | float
    refused: bool = False

    def told(self, *trace: str) -> Known:
        """Return the same with more to tell."""
        return replace(self, answer=replace(self.answer, trace=(*self.answer.trace, *trace)))

    def better(self, problem: Knapsack, answer: Answer, name: str) -> Known:
        """Combine with another answer: the better selection, the lower bound, both traces.

        Parameters
        ----------
        problem
            The problem.
        answer
            The other answer. Where its selection is refused, so is its bound, which may rest on it.
        name
            Its solver.
        """
        known, value = self.answer, self.value
        selected, solver = known.selected, known.solver
        if answer.selected is not None:
            found, reason = valued(problem, answer.selected)
            if reason is not None:
                refused = replace(self, refused=True)
                return refused.told(*answer.trace, refuse(f"solver {name!r}", reason))
            if selected is None or found > value:
                selected, value, solver = answer.selected, found, answer.solver or name
        tighter = answer if answer.bound <= known.bound else known
        combined = Answer(
            selected=selected,
            bound=tighter.bound,
            prices=answer.prices if answer.prices is not None else known.prices,
            tolerance=tighter.tolerance,
            infeasible=answer.infeasible,
            solver=solver,
            trace=(*known.trace, *answer.trace),
        )
        return replace(self, answer=combined, value=value)

    def is_enough(self, gap: float) -> bool:
        """Return whether value and bound meet, or are within the gap that was asked for."""
        answer = self.answer
        if answer.selected is None:
            return False
        return answer.bound <= self.value or relative_gap(self.value, answer.bound) <= max(gap, answer.tolerance)

    @property
    def lacks_answer(self) -> bool:
        """Whether nobody has said anything that holds: time was up before, or it was refused."""
        answer = self.answer
        return not answer.infeasible and (answer.bound == np.inf or (self.refused and answer.selected is None))
