"""What a search knows, and when it has to stop."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from knapsolve.limits import clock
from knapsolve.limits.interruption import late
from knapsolve.nested.bound import Relaxation
from knapsolve.nested.problem import NestedKnapsack
from knapsolve.solution import Solution
from knapsolve.solver import Solver

TOLERANCE = 1e-9
"""Relative difference of two values that counts as none: the choice is proved to be the best up to this."""
ROUNDING = 1e-13
"""Rounding error of a bound, relative to the largest sum of values."""


@dataclass(frozen=True, eq=False)
class Choice:
    """A choice: options of all groups in a row, the selection of their items, what both are worth."""

    options: tuple[int, ...]
    items: Solution
    value: float


@dataclass(eq=False)
class Search:
    """What is known so far: the best choice, the bound of all, and the bound of each combination that was solved.

    ``magnitude`` is the largest sum of values, ``tolerance`` the relative error of the selections within choices.
    """

    problem: NestedKnapsack
    relaxation: Relaxation
    solver: Solver
    deadline: float | None
    best: Choice | None = None
    bound: float = np.inf
    magnitude: float = 0.0
    tolerance: float = TOLERANCE
    nodes: int = 0
    leaves: int = 0
    known: dict[tuple[int, ...], float] = field(default_factory=dict)
    trace: list[str] = field(default_factory=list)

    @property
    def value(self) -> float:
        """Value of the best choice, minus infinity without one."""
        return -np.inf if self.best is None else self.best.value

    @property
    def rounding(self) -> float:
        """Error that rounding may have put into a bound."""
        return ROUNDING * self.magnitude

    @property
    def cut(self) -> float:
        """Bound up to which nothing is better than the best known."""
        return -np.inf if self.best is None else self.value + max(TOLERANCE * abs(self.value), self.rounding)

    @property
    def late(self) -> bool:
        """Whether to stop: time is up, or Ctrl-C was pressed."""
        return late(self.deadline)

    def seconds(self, most: float | None, least: float) -> float | None:
        """Return the time that is left, within limits; None for no end."""
        if self.deadline is None:
            return most
        left = max(self.deadline - clock.now(), least)
        return left if most is None else min(left, most)
