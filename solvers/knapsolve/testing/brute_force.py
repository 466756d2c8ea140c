"""The best value by looking at every selection: the judge of small problems."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from knapsolve.problem import Knapsack

LARGEST = 16


def best_value(problem: Knapsack) -> int | float | None:
    """Return the value of the best selection, or None where no selection keeps every constraint.

    Parameters
    ----------
    problem
        A problem of at most `LARGEST` items.

    Returns
    -------
    value
        An int where values are integers.

    Raises
    ------
    ValueError
        If the problem has more items.
    """
    if problem.n > LARGEST:
        raise ValueError(f"problem must have at most {LARGEST} items to look at every selection; got {problem.n}")
    selections = _selections(problem.n)
    feasible = (selections @ problem.weights.T <= problem.limits).all(axis=1)
    feasible &= _keeps_choices(problem, selections) & _keeps_requires(problem, selections)
    feasible &= _keeps_fixed(problem, selections)
    if not feasible.any():
        return None
    best = (selections[feasible] @ problem.values).max()
    return int(best) if problem.integer_values else float(best)


def _selections(n: int) -> NDArray[np.int64]:
    """All subsets of n items, shape (2**n, n), entries 0 and 1."""
    return (np.arange(2**n)[:, None] >> np.arange(n)) & 1


def _keeps_choices(problem: Knapsack, selections: NDArray[np.int64]) -> NDArray[np.bool_]:
    keeps = np.ones(len(selections), dtype=np.bool_)
    if problem.choices is not None:
        for label in np.unique(problem.choices[problem.choices >= 0]):
            count = selections[:, problem.choices == label].sum(axis=1)
            keeps &= (count == 1) if problem.exactly_one else (count <= 1)
    return keeps


def _keeps_requires(problem: Knapsack, selections: NDArray[np.int64]) -> NDArray[np.bool_]:
    keeps = np.ones(len(selections), dtype=np.bool_)
    if problem.requires is not None:
        for a, b in problem.requires:
            keeps &= selections[:, a] <= selections[:, b]
    return keeps


def _keeps_fixed(problem: Knapsack, selections: NDArray[np.int64]) -> NDArray[np.bool_]:
    chosen = selections.astype(np.bool_)
    keeps = np.ones(len(selections), dtype=np.bool_)
    if problem.fixed_in is not None:
        keeps &= chosen[:, problem.fixed_in].all(axis=1)
    if problem.fixed_out is not None:
        keeps &= ~chosen[:, problem.fixed_out].any(axis=1)
    return keeps
