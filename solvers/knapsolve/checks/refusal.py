"""Every selection is checked where it is adopted: one that cannot be an answer is refused, and the one before it stays.

That a search offers such a selection is a fault of the search, not of the user, who is told by a warning and gets the
last good selection. Nothing that rests on what was refused, neither a proof nor a bound, is believed.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate, violation
from knapsolve.solver import Options


def refuse(finder: str, reason: str, instead: str = "the best one before it is kept") -> str:
    """Warn that a selection was refused; return a sentence for the trace.

    Parameters
    ----------
    finder
        Who found it.
    reason
        Why it cannot be an answer.
    instead
        What is done instead.

    Returns
    -------
    str
        For `Answer.trace`.

    Warns
    -----
    RuntimeWarning
        Always.
    """
    sentence = f"{finder}: a selection was refused: {reason}"
    warnings.warn(f"{sentence}; {instead}", RuntimeWarning, stacklevel=3)
    return sentence


def malformed(problem: Knapsack, selected: Any) -> str | None:
    """Return a sentence where a selection is no bool array of shape (n,), else None."""
    if isinstance(selected, np.ndarray) and selected.dtype == np.bool_ and selected.shape == (problem.n,):
        return None
    got = f"{selected.dtype} {selected.shape}" if isinstance(selected, np.ndarray) else type(selected).__name__
    return f"it must be a bool array of shape ({problem.n},); got {got}"


def valued(problem: Knapsack, selected: Any) -> tuple[int | float, str | None]:
    """Return a selection's value, minus infinity where it has none, and why it cannot be an answer, None where it can.

    Parameters
    ----------
    problem
        The problem.
    selected
        What a solver returned for a selection.
    """
    reason = malformed(problem, selected)
    if reason is not None:
        return -np.inf, reason
    value, usage = evaluate(problem, selected)
    return value, violation(problem, selected, usage)


def start_of(problem: Knapsack, options: Options) -> NDArray[np.bool_] | None:
    """Return the selection that a solver is given to start from; None without one, or where it breaks a constraint.

    Parameters
    ----------
    problem
        The problem.
    options
        What the solver is called with.

    Warns
    -----
    RuntimeWarning
        Where `Options.start` breaks a constraint.
    """
    if options.start is None:
        return None
    reason = valued(problem, options.start)[1]
    if reason is not None:
        refuse("Options.start", reason, "the search begins without it")
        return None
    return options.start
