"""The best selection under requirements, checked in the problem's own arithmetic, and the bound on all others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.closure.core import ROUNDING
from knapsolve.limits import clock
from knapsolve.limits.interruption import interrupted
from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate, refuse, start_of, violation
from knapsolve.solver import Options, Progress

FLOAT_PROOF = 1e-10
"""Relative margin within which real-valued selections count as equally good."""


class Record:
    """What is known while the search goes on; starts from the empty selection.

    Parameters
    ----------
    problem
        The problem, without forced items.
    options
        How to solve it; the clock starts here.

    Attributes
    ----------
    selected, value
        The best selection, bool, shape (n,), and its value.
    bound
        No selection is worth more.
    refused
        A sentence on each selection that was refused.
    """

    def __init__(self, problem: Knapsack, options: Options) -> None:
        self.problem, self.options, self.started = problem, options, clock.now()
        self.selected = np.zeros(problem.n, np.bool_)
        self.value: int | float = 0
        values = problem.values.astype(np.float64)
        # Whole values move by multiples of their common divisor only.
        self.step = max(int(np.gcd.reduce(problem.values)), 1) if problem.integer_values and problem.n else 0
        self.rounding = ROUNDING * float(np.abs(values).sum()) + (1e-6 if self.step else 0.0)
        self.bound: int | float = np.inf
        self.refused: list[str] = []
        self._exhausted = False
        self.lower(float(np.maximum(values, 0.0).sum()))
        self._certain = self.bound
        start = start_of(problem, options)
        if start is not None:
            self.offer(start)

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return clock.now() - self.started

    def out(self) -> bool:
        """Return whether time is up, or Ctrl-C was pressed."""
        limit = self.options.time_limit
        return interrupted() or (limit is not None and self.seconds >= limit)

    @property
    def proof(self) -> float:
        """Bounds at or below this prove the selection optimal."""
        if self.step:
            return float(self.value + self.step) - self.rounding
        return float(self.value) + max(FLOAT_PROOF * abs(self.value), 2.0 * self.rounding)

    @property
    def cutoff(self) -> float:
        """Bounds at or below this hold nothing of interest: a proof, or the gap that was asked for."""
        if self.options.gap == 0.0:
            return self.proof
        return max(self.proof, float(self.value) * (1.0 + self.options.gap))

    @property
    def done(self) -> bool:
        """Whether nothing of interest is left."""
        return self._exhausted or self.bound <= self.cutoff

    def offer(self, selected: NDArray[np.bool_]) -> None:
        """Adopt a selection, bool, shape (n,), that is worth more; refuse one that breaks a constraint."""
        value, usage = evaluate(self.problem, selected)
        if value <= self.value:
            return
        broken = violation(self.problem, selected, usage)
        if broken is None:
            self.selected, self.value = selected, value
            self.bound = max(self.bound, value)
        else:
            # What the search that found it says of the rest may be as wrong.
            self.refused.append(refuse("closure", broken))
            self.bound = self._certain
        self._report()

    def lower(self, bound: float) -> None:
        """State a bound on every selection that is not searched yet."""
        if self.refused:
            return
        lowered: int | float = max(bound + self.rounding, self.value)
        if self.step and np.isfinite(lowered):
            lowered = max(int(np.floor(lowered)) // self.step * self.step, self.value)
        if lowered < self.bound:
            self.bound = lowered
            self._report()

    def exhausted(self) -> None:
        """State that nothing above the cutoff is left."""
        self.lower(self.cutoff if self.cutoff > self.proof else -np.inf)
        self._exhausted = True

    def final_bound(self) -> int | float:
        """Return the bound, or the value itself where only rounding parts them."""
        return self.value if self.bound <= self.proof else self.bound

    def _report(self) -> None:
        if self.options.on_progress is not None:
            self.options.on_progress(Progress(self.seconds, float(self.value), float(self.bound)))
