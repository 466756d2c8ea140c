"""The capacities of a frontier: those that were given, checked, or spread over those at which anything changes."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knapsolve import validation
from knapsolve.problem import Knapsack


def resource_of(problem: Knapsack, resource: Any) -> int:
    """Return the row of a resource, or raise."""
    if isinstance(resource, bool) or not isinstance(resource, Integral):
        raise TypeError(f"resource must be the number of a resource, 0 to {problem.m - 1}; got {resource!r}")
    if not 0 <= int(resource) < problem.m:
        raise ValueError(f"resource must be the number of a resource, 0 to {problem.m - 1}; got {resource}")
    return int(resource)


def number_of(points: Any) -> int:
    """Return how many points are asked for, or raise."""
    if isinstance(points, bool) or not isinstance(points, Integral):
        raise TypeError(f"points must be a whole number, 1 or more; got {points!r}")
    if int(points) < 1:
        raise ValueError(f"points must be a whole number, 1 or more; got {points}")
    return int(points)


def given(capacities: ArrayLike) -> NDArray[Any]:
    """Return capacities that were given, each once and ascending, shape (k,), or raise."""
    found = validation.numbers("capacities", capacities, dimensions=1, minimum=0)
    if not len(found):
        raise ValueError("capacities must be one or more; got none")
    return np.unique(found)


def spread(problem: Knapsack, resource: int, points: int, sizes: NDArray[np.int64] | None = None) -> NDArray[Any]:
    """Return capacities from what the cheapest useful item takes to what all items take, or the problem's own.

    Parameters
    ----------
    problem, resource, points
        What is asked for.
    sizes
        Number of items of each type that are worth anything, where that is known and nothing is forced, shape (T,).

    Returns
    -------
    NDArray
        Shape (k,), ascending; fewer than `points` where there are fewer whole numbers.
    """
    least, most = _range(problem, resource, sizes)
    high = max(least, min(most, problem.limits[resource]))
    found = np.linspace(float(least), float(high), points) if points > 1 else np.array([float(high)])
    if problem.integer_weights:
        return np.unique(np.append(np.floor(found[:-1]).astype(np.int64), np.int64(high)))
    return np.unique(np.minimum(found, problem.capacities[resource]))


def _range(problem: Knapsack, resource: int, sizes: NDArray[np.int64] | None) -> tuple[Any, Any]:
    """Return what the cheapest useful selection takes of a resource, and what all useful items do.

    What must be in is in any selection, and what is worth nothing is in none that is useful.
    """
    limit = problem.limits[resource]
    if sizes is not None and problem.type_weights is not None:
        use = problem.type_weights[resource]
        useful = (sizes > 0) & (use <= limit)
        return use[useful].min(initial=limit), (use * sizes)[useful].sum()
    use, free = problem.weights[resource], np.ones(problem.n, np.bool_)
    inside = np.zeros(0, np.int64) if problem.fixed_in is None else problem.fixed_in
    free[inside] = False
    if problem.fixed_out is not None:
        free[problem.fixed_out] = False
    useful = free & (problem.values > 0) & (use <= limit)
    staying = use[inside].sum()
    return min(staying + use[useful].min(initial=limit), limit), staying + use[useful].sum()
