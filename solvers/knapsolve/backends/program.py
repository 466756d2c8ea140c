"""What crosses the pipe to a worker process: a scaled program, the job around it, and the reports that come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Program:
    """A knapsack in a MILP solver's own numbers: maximise ``objective @ x`` with ``rows @ x <= limits``, x binary.

    Parameters
    ----------
    objective
        Scaled value of each item, shape (n,), int64 or float64.
    rows
        Scaled weights, shape (m, n), of the objective's kind; zero where an item is not allowed.
    limits
        Scaled capacities, shape (m,).
    allowed
        Whether each item fits on its own, bool, shape (n,).
    classes
        Item indices of each choice class: at most one (or exactly one) of each is chosen.
    exactly_one
        Whether exactly one item of each class is chosen.
    requires
        Pairs (a, b), shape (k, 2): item a needs item b.
    start
        A feasible selection to begin with, bool, shape (n,), or None.
    """

    objective: NDArray[Any]
    rows: NDArray[Any]
    limits: NDArray[Any]
    allowed: NDArray[np.bool_]
    classes: tuple[NDArray[np.int64], ...]
    exactly_one: bool
    requires: NDArray[np.int64]
    start: NDArray[np.bool_] | None


@dataclass(frozen=True, eq=False)
class Job:
    """A program and how long and how hard to work on it.

    Parameters
    ----------
    program
        What to solve.
    time_limit
        Seconds from the job's arrival, or None.
    gap
        Relative gap at which to stop; 0 asks for a proof.
    seed
        Seed of the solver's random decisions, 0 to 2**31 - 1.
    """

    program: Program
    time_limit: float | None
    gap: float
    seed: int


@dataclass(frozen=True, eq=False)
class Report:
    """What a worker knows: sent whenever it improves, and once more at the end.

    Parameters
    ----------
    selected
        Bool array, shape (n,), or None where nothing new was found.
    bound
        Upper bound on the scaled objective, or None where there is none yet.
    infeasible
        Whether it is proved that no selection exists.
    note
        The solver's own word on how it ended.
    """

    selected: NDArray[np.bool_] | None = None
    bound: int | float | None = None
    infeasible: bool = False
    note: str = ""
