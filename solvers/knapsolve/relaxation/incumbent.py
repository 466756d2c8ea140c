"""What a search keeps: the clock, the best selection, and what is proved of the rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from knapsolve.limits import clock
from knapsolve.limits.interruption import interrupted
from knapsolve.problem import Knapsack
from knapsolve.relaxation.fixing import Relaxed
from knapsolve.solution import evaluate, refuse, violation
from knapsolve.solver import Options, Progress

FLOAT_PROOF = 1e-10
"""Relative margin within which real-valued selections count as equally good."""


class Clock:
    """Wall-clock time since the start, and whether it is up."""

    def __init__(self, limit: float | None) -> None:
        self.started = clock.now()
        self.limit = limit

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return clock.now() - self.started

    def out(self) -> bool:
        """Return whether time is up, or Ctrl-C asks to stop."""
        return interrupted() or (self.limit is not None and self.seconds >= self.limit)


class Incumbent:
    """The best selection, checked in the problem's own arithmetic, and what another must be worth to matter.

    Parameters
    ----------
    problem
        The problem.
    options
        How to solve it.
    relaxed
        Its relaxation.
    clock
        When the search began, and when it must end.
    solver
        Name of the solver, for what is said of a selection that is refused.

    Attributes
    ----------
    selected, value
        The best selection, bool, shape (n,), empty at first, and its value.
    bound
        No selection is worth more.
    refused
        A sentence on each selection that was refused.
    """

    def __init__(self, problem: Knapsack, options: Options, relaxed: Relaxed, clock: Clock, solver: str) -> None:
        self.problem, self.options, self.clock, self.solver = problem, options, clock, solver
        self.selected = np.zeros(problem.n, np.bool_)
        self.value: int | float = 0
        positive = problem.values[relaxed.program.items]
        # Rounding of float bounds: far above what the sums of a few hundred terms lose.
        self.rounding = 1e-6 + 1e-12 * float(relaxed.program.values.sum()) if problem.integer_values else 0.0
        self.step = int(np.gcd.reduce(positive)) if problem.integer_values else 0
        self.refused: list[str] = []
        self._root_bound = relaxed.bound
        self.bound: int | float = self._whole(relaxed.bound)
        self.report()

    @property
    def cutoff(self) -> float:
        """Bounds at or below this hold nothing of interest."""
        if not self.problem.integer_values:
            return float(self.value * (1 + max(FLOAT_PROOF, self.options.gap)))
        return max(float(self.value + self.step) - self.rounding, float(self.value) * (1 + self.options.gap))

    @property
    def settled(self) -> float:
        """How far below its relaxation's value a rounded selection may stay and still solve its node."""
        return self.step - self.rounding if self.step else FLOAT_PROOF * float(self.value)

    def offer(self, selected: NDArray[np.bool_]) -> None:
        """Adopt a selection that is worth more; refuse one that breaks a constraint."""
        value, usage = evaluate(self.problem, selected)
        if value <= self.value:
            return
        broken = violation(self.problem, selected, usage)
        if broken is None:
            self.selected, self.value = selected, value
        else:
            # What the search that found it says of the rest may be as wrong.
            self.refused.append(refuse(self.solver, broken))
            self.bound = self._whole(self._root_bound)
        self.report()

    def open(self, bound: float) -> None:
        """State what the open part of the search may still hold."""
        if self.refused:
            return
        whole = self._whole(max(bound, self.cutoff if self.options.gap > 0 else bound))
        if whole < self.bound:
            self.bound = whole
            self.report()

    def _whole(self, bound: float) -> int | float:
        if not self.problem.integer_values:
            return max(bound * (1 + 1e-12), self.value)
        if bound <= self.value:
            return self.value
        return max(int(np.floor(bound + self.rounding)) // self.step * self.step, self.value)

    def report(self) -> None:
        """Tell the caller how things stand."""
        if self.options.on_progress is not None:
            value, bound = float(self.value), float(max(self.bound, self.value))
            self.options.on_progress(Progress(self.clock.seconds, value, bound))
