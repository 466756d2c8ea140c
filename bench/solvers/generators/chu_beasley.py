"""Chu and Beasley's correlated problems of several dimensions.

Source: Chu and Beasley, "A genetic algorithm for the multidimensional knapsack problem", J. Heuristics 4, 1998.
"""

from __future__ import annotations

import numpy as np

from knapsolve import Knapsack


def problem(n: int, m: int, rng: np.random.Generator, *, tightness: float = 0.5) -> Knapsack:
    """Return n items on m resources: weights in 1..1000, value the mean weight and up to 500 on top."""
    weights = rng.integers(1, 1001, (m, n))
    values = (weights.sum(axis=0) / m + 500 * rng.random(n)).astype(np.int64)
    return Knapsack(values, weights, (tightness * weights.sum(axis=1)).astype(np.int64))
