"""Small problems that have broken solvers before: ties, zeros, nothing to choose, nothing that fits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from knapsolve.problem import Knapsack
from knapsolve.testing.mixed import mixed

LARGEST_SIZE = 9
Family = Callable[[Generator], Knapsack]


def _size(random: Generator) -> int:
    return int(random.integers(1, LARGEST_SIZE + 1))


def _resources(random: Generator) -> int:
    return int(random.integers(1, 5))


def _values(random: Generator, n: int) -> NDArray[np.int64]:
    return random.integers(1, 30, n)


def _weights(random: Generator, n: int) -> NDArray[np.int64]:
    return random.integers(0, 12, (_resources(random), n))


def _capacities(random: Generator, weights: NDArray[np.int64]) -> NDArray[np.int64]:
    capacities: NDArray[np.int64] = (weights.sum(axis=1) * random.uniform(0.2, 0.8, len(weights))).astype(np.int64)
    return capacities


def integers(random: Generator) -> Knapsack:
    """Whole numbers throughout."""
    n = _size(random)
    weights = _weights(random, n)
    return Knapsack(_values(random, n), weights, _capacities(random, weights))


def float_values(random: Generator) -> Knapsack:
    """Values as saliencies are: any real number above 0."""
    n = _size(random)
    weights = _weights(random, n)
    return Knapsack(random.exponential(1.0, n), weights, _capacities(random, weights))


def float_weights(random: Generator) -> Knapsack:
    """Weights in tenths, which floats cannot hold, and capacities that they fill exactly."""
    n = _size(random)
    weights = _weights(random, n)
    return Knapsack(_values(random, n), weights / 10, _capacities(random, weights) / 10)


def wide_range(random: Generator) -> Knapsack:
    """Values over six orders of magnitude, weights over five."""
    n = _size(random)
    weights = (10 ** random.uniform(0, 5, (_resources(random), n))).astype(np.int64)
    return Knapsack((10 ** random.uniform(0, 6, n)).astype(np.int64), weights, _capacities(random, weights))


def ties(random: Generator) -> Knapsack:
    """All values equal, and weights from two kinds."""
    n = _size(random)
    weights = random.integers(1, 3, (_resources(random), n))
    return Knapsack(np.full(n, 7), weights, _capacities(random, weights))


def zero_weights(random: Generator) -> Knapsack:
    """Items that cost nothing are always kept."""
    n = _size(random)
    weights = _weights(random, n) * random.integers(0, 2, n)
    return Knapsack(_values(random, n), weights, _capacities(random, weights))


def zero_capacities(random: Generator) -> Knapsack:
    """At least one resource is used up before the start."""
    n = _size(random)
    weights = _weights(random, n)
    capacities = _capacities(random, weights)
    capacities[random.integers(len(capacities))] = 0
    return Knapsack(_values(random, n), weights, capacities)


def not_binding(random: Generator) -> Knapsack:
    """Everything fits."""
    n = _size(random)
    weights = _weights(random, n)
    return Knapsack(_values(random, n), weights, weights.sum(axis=1) + random.integers(0, 3))


def nothing_fits(random: Generator) -> Knapsack:
    """Every item is too big on its own."""
    n = _size(random)
    weights = _weights(random, n) + 5
    return Knapsack(_values(random, n), weights, np.full(len(weights), 4))


def negative_values(random: Generator) -> Knapsack:
    """Some items do harm; none of them may be kept."""
    n = _size(random)
    weights = _weights(random, n)
    return Knapsack(random.integers(-20, 20, n), weights, _capacities(random, weights))


def no_items(random: Generator) -> Knapsack:
    """The empty problem."""
    m = _resources(random)
    return Knapsack(np.zeros(0, dtype=np.int64), np.zeros((m, 0), dtype=np.int64), random.integers(0, 5, m))


def types(random: Generator) -> Knapsack:
    """Items of a few types, as the structures of a network's layers are."""
    n, kinds = _size(random), int(random.integers(1, 4))
    item_type = random.integers(0, kinds, n)
    type_weights = _weights(random, kinds)
    capacities = _capacities(random, type_weights[:, item_type])
    return Knapsack.from_types(random.exponential(1.0, n), item_type, type_weights, capacities)


def choices(random: Generator) -> Knapsack:
    """At most one item of each class; some items are free."""
    n = _size(random)
    weights = _weights(random, n)
    labels = random.integers(-1, 3, n)
    return Knapsack(_values(random, n), weights, _capacities(random, weights), choices=labels)


def exactly_one(random: Generator) -> Knapsack:
    """Exactly one item of each class, which is sometimes impossible."""
    n = _size(random)
    weights = _weights(random, n)
    capacities = (weights.sum(axis=1) * random.uniform(0.1, 0.9)).astype(np.int64)
    values = random.integers(-9, 20, n)
    return Knapsack(values, weights, capacities, choices=random.integers(-1, 3, n), exactly_one=True)


def requires(random: Generator) -> Knapsack:
    """Items that need other items, cycles among them."""
    n = _size(random)
    weights = _weights(random, n)
    pairs = random.integers(0, n, (int(random.integers(1, n + 1)), 2))
    return Knapsack(random.integers(-9, 20, n), weights, _capacities(random, weights), requires=pairs)


FAMILIES: dict[str, Family] = {
    family.__name__: family
    for family in (
        integers,
        float_values,
        float_weights,
        wide_range,
        ties,
        zero_weights,
        zero_capacities,
        not_binding,
        nothing_fits,
        negative_values,
        no_items,
        types,
        choices,
        exactly_one,
        requires,
        mixed,
    )
}
"""Every family by name; each makes a problem from a random generator."""
