"""Multiple choice: classes with options of their own, and thousands of classes that share the costs of theirs."""

from __future__ import annotations

import numpy as np

from knapsolve import Knapsack


def own_options(
    n: int, m: int, rng: np.random.Generator, *, correlated: bool, options: int = 10, coefficients: int = 1000
) -> Knapsack:
    """Return classes of options, exactly one to be chosen of each.

    Weights are uniform in 1..R; values too, or, correlated, the mean weight plus up to R/10 either way. Capacities lie
    halfway between the lightest and the heaviest choice.
    """
    classes = max(n // options, 1)
    weights = rng.integers(1, coefficients + 1, (m, classes, options))
    if correlated:
        noise = rng.integers(-(coefficients // 10), coefficients // 10 + 1, (classes, options))
        values = np.maximum(weights.mean(axis=0).astype(np.int64) + noise, 1)
    else:
        values = rng.integers(1, coefficients + 1, (classes, options))
    capacities = (weights.min(axis=2).sum(axis=1) + weights.max(axis=2).sum(axis=1)) // 2
    labels = np.repeat(np.arange(classes), options)
    return Knapsack(values.ravel(), weights.reshape(m, -1), capacities, choices=labels, exactly_one=True)


def shared_options(
    n: int, m: int, rng: np.random.Generator, *, options: int = 5, capacity: float = 0.5, levels: int | None = None
) -> Knapsack:
    """Return classes that all offer the same few costs, at most one option each; values grow with the costs.

    This is the shape of BRAM words shared by DSP rows, and of reuse factor, bits and keep-count by layer.
    """
    classes = max(n // options, 1)
    table = np.array([np.arange(1, options + 1) // (i + 1) for i in range(m)])
    shape = (classes, options)
    values = np.sort(rng.random(shape) if levels is None else rng.integers(1, levels + 1, shape), axis=1)
    item_type = np.tile(np.arange(options, dtype=np.uint8), classes)
    labels = np.repeat(np.arange(classes), options)
    capacities = np.floor(capacity * classes * table[:, -1]).astype(np.int64)
    return Knapsack.from_types(values.ravel(), item_type, table, capacities, choices=labels)
