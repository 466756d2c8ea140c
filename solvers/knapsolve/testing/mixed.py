"""Random small problems in which every feature meets every other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from knapsolve.problem import Knapsack

LARGEST_SIZE = 9
LARGE, HUGE = 10**6, 10**12
"""Largest whole numbers: what an external solver still tells apart in floats, and what takes exact arithmetic."""


def mixed(random: Generator, largest: int = LARGE) -> Knapsack:
    """Values, weights, capacities, types, choices and requirements of every kind, each drawn by itself.

    Parameters
    ----------
    random
        Source of all randomness.
    largest
        Largest whole number that is drawn.

    Returns
    -------
    Knapsack
        A problem of 1 to 9 items and 1 to 4 resources, infeasible now and then.
    """
    n, m = int(random.integers(1, LARGEST_SIZE + 1)), int(random.choice([1, 1, 2, 3, 4]))
    values = _values(random, n, largest)
    extras = _constraints(random, n)
    if random.random() < 0.3:
        types = int(random.integers(1, 5))
        item_type, table = random.integers(0, types, n), _weights(random, m, types, largest)
        capacities = _capacities(random, table[:, item_type])
        return Knapsack.from_types(values, item_type, table, capacities, **extras)
    weights = _weights(random, m, n, largest)
    return Knapsack(values, weights, _capacities(random, weights), **extras)


def mixed_and_forced(random: Generator) -> Knapsack:
    """Return a `mixed` problem in which, as often as not, items are forced in or out.

    Parameters
    ----------
    random
        Source of all randomness.

    Returns
    -------
    Knapsack
        The problem. Only `knapsolve.solve` takes forced items; a solver never sees them.
    """
    problem = mixed(random, HUGE)
    if problem.n < 3 or random.random() < 0.5:
        return problem
    order = random.permutation(problem.n)
    inside, outside = order[: random.integers(0, 2)], order[-random.integers(1, 3) :]
    costs = (problem.weights,) if problem.type_weights is None else (problem.item_type, problem.type_weights)
    build: Any = Knapsack if problem.type_weights is None else Knapsack.from_types
    forced: Knapsack = build(
        problem.values,
        *costs,
        problem.capacities,
        choices=problem.choices,
        exactly_one=problem.exactly_one,
        requires=problem.requires,
        fixed_in=inside,
        fixed_out=outside,
    )
    return forced


def _values(random: Generator, n: int, largest: int) -> NDArray[Any]:
    kind = random.integers(8)
    if kind == 0:
        return np.full(n, random.integers(0, 3))
    if kind == 1:
        return random.integers(-9, 20, n)
    if kind == 2:
        return random.integers(0, largest, n)
    if kind == 3:
        return random.exponential(1.0, n)
    if kind == 4:
        return random.integers(-5, 50, n) / 10
    if kind == 5:
        spread: NDArray[np.float64] = 10 ** random.uniform(-8, 8, n)
        return spread
    return random.integers(1, 30, n)


def _weights(random: Generator, m: int, n: int, largest: int) -> NDArray[Any]:
    kind = random.integers(8)
    if kind == 0:
        return random.integers(1, 3, (m, n))
    if kind == 1:
        return random.integers(0, 12, (m, n)) * random.integers(0, 2, (m, n))
    if kind == 2:
        return random.integers(0, largest, (m, n))
    if kind == 3:
        return random.integers(0, 30, (m, n)) / 10
    if kind == 4:
        spread: NDArray[np.float64] = 10 ** random.uniform(-4, 4, (m, n))
        return spread
    return random.integers(0, 20, (m, n))


def _capacities(random: Generator, weights: NDArray[Any]) -> NDArray[Any]:
    total = weights.sum(axis=1)
    kind = random.integers(8)
    if kind == 0:
        share = np.zeros(len(total))
    elif kind == 1:
        share = np.ones(len(total))
    elif kind == 2:
        share = random.choice([0.0, 0.3, 1.0, 2.0], len(total))
    else:
        share = random.uniform(0.1, 0.9, len(total))
    if weights.dtype == np.int64:
        whole: NDArray[np.int64] = np.floor(share * total).astype(np.int64)
        return whole
    # What some items fill exactly, as far as floats go.
    filled: NDArray[np.float64] = weights[:, random.random(weights.shape[1]) < 0.5].sum(axis=1)
    capacities: NDArray[np.float64] = filled if kind == 3 else share * total
    return capacities


def _constraints(random: Generator, n: int) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if random.random() < 0.35:
        extras["choices"] = random.integers(-1, max(2, n // 2), n)
        extras["exactly_one"] = bool(random.random() < 0.4)
    if random.random() < 0.25:
        extras["requires"] = random.integers(0, n, (int(random.integers(1, n + 1)), 2))
    return extras
