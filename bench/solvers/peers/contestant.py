"""What takes part in a benchmark, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knapsolve import Knapsack


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one run claims; the runner recomputes the value from the selection.

    Parameters
    ----------
    status
        ``OPTIMAL``, ``FEASIBLE``, ``INFEASIBLE``, ``NO_SOLUTION``, or ``YARDSTICK`` for what solves nothing.
    selected
        Bool array, shape (n,), or None.
    bound
        Upper bound in the problem's own numbers, or None where the contestant gives none.
    note
        What a reader must know, such as the scaling of values.
    """

    status: str
    selected: NDArray[np.bool_] | None = None
    bound: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Contestant:
    """A solver or yardstick of the benchmark.

    Parameters
    ----------
    name
        As in the rows and on the command line.
    run
        Solves a problem within about so many seconds; everything it does counts, model building included.
    distribution
        The distribution whose version goes into the row.
    refuses
        Returns why it cannot take a problem, or an empty string.
    largest
        Number of items beyond which it is not run unless it is asked for by name.
    """

    name: str
    run: Callable[[Knapsack, float], Outcome]
    distribution: str
    refuses: Callable[[Knapsack], str] = lambda problem: ""
    largest: int | None = None


def plain_only(problem: Knapsack) -> str:
    """Refuse choices and requirements."""
    return "choices or requires" if problem.choices is not None or problem.requires is not None else ""
