"""Make a selection keep the capacities to the last bit, where a solver's tolerances or rounded weights let it pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate, violation


def repaired(problem: Knapsack, selected: NDArray[np.bool_]) -> tuple[NDArray[np.bool_] | None, int]:
    """Drop items until every capacity holds, the least value per excess weight first.

    Parameters
    ----------
    problem
        The problem, without fixed items.
    selected
        What the solver returned, bool, shape (n,).

    Returns
    -------
    selected, dropped
        A selection that keeps every constraint and how many items it lost; None where dropping cannot repair it.
    """
    kept = selected.copy()
    dropped = 0
    while (excess := _excess(problem, kept)).any():
        candidates = np.flatnonzero(kept & _droppable(problem, kept))
        with np.errstate(divide="ignore"):
            relief = (problem.weights[:, candidates] / np.maximum(excess, 1e-300)[:, None])[excess > 0]
            density = np.maximum(problem.values[candidates], 0) / np.minimum(relief, 1.0).sum(axis=0)
        useful = relief.sum(axis=0) > 0
        if not useful.any():
            return None, dropped
        kept[candidates[useful][np.argmin(density[useful])]] = False
        dropped += 1
    usage = evaluate(problem, kept)[1]
    return (kept if violation(problem, kept, usage) is None else None), dropped


def _excess(problem: Knapsack, selected: NDArray[np.bool_]) -> NDArray[np.float64]:
    usage = evaluate(problem, selected)[1]
    over: NDArray[np.float64] = np.maximum(usage - problem.limits, 0).astype(np.float64)
    return over


def _droppable(problem: Knapsack, selected: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Items that no chosen item needs and that no class needs."""
    droppable = np.ones(problem.n, dtype=np.bool_)
    if problem.requires is not None:
        droppable[problem.requires[selected[problem.requires[:, 0]], 1]] = False
    if problem.choices is not None and problem.exactly_one:
        droppable[problem.choices >= 0] = False
    return droppable
