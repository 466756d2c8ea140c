"""Pisinger's one-dimensional families.

Source: Pisinger, "Where are the hard knapsack problems?", Computers & Operations Research 32, 2005, sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from knapsolve import Knapsack

Integers = NDArray[np.int64]
Family = Callable[[int, int, np.random.Generator], tuple[Integers, Integers]]
"""From n, the coefficient range R and a generator to values and weights, shape (n,) each."""

SPAN_ITEMS, SPAN_MULTIPLE = 2, 10


def problem(
    family: Family, n: int, m: int, rng: np.random.Generator, *, coefficients: int = 1000, capacity: float = 0.5
) -> Knapsack:
    """Return a problem of one family."""
    if m != 1:
        raise ValueError(f"m must be 1 for Pisinger's families; got {m}")
    values, weights = family(n, coefficients, rng)
    return Knapsack(values, weights, max(int(capacity * int(weights.sum())), int(weights.max())))


def uncorrelated(n: int, r: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
    return rng.integers(1, r + 1, n), rng.integers(1, r + 1, n)


def weakly(n: int, r: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
    weights = rng.integers(1, r + 1, n)
    return np.maximum(weights + rng.integers(-(r // 10), r // 10 + 1, n), 1), weights


def strongly(n: int, r: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
    weights = rng.integers(1, r + 1, n)
    return weights + r // 10, weights


def inverse_strongly(n: int, r: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
    values = rng.integers(1, r + 1, n)
    return values, values + r // 10


def almost_strongly(n: int, r: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
    weights = rng.integers(1, r + 1, n)
    return weights + r // 10 + rng.integers(-(r // 500), r // 500 + 1, n), weights


def subset_sum(n: int, r: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
    weights = rng.integers(1, r + 1, n)
    return weights, weights


def similar_weights(n: int, r: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
    return rng.integers(1, r + 1, n), rng.integers(100 * r, 100 * r + r // 10 + 1, n)


def multiple_strongly(n: int, r: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
    """Pisinger's mstr(3R/10, 2R/10, 6)."""
    weights = rng.integers(1, r + 1, n)
    return weights + np.where(weights % 6 == 0, 3 * r // 10, 2 * r // 10), weights


def profit_ceiling(n: int, r: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
    """Pisinger's pceil(3)."""
    weights = rng.integers(1, r + 1, n)
    return 3 * (-(-weights // 3)), weights


def circle(n: int, r: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
    """Pisinger's circle(2/3): values on an arc over the weights."""
    weights = rng.integers(1, r + 1, n)
    arc = np.sqrt(4.0 * r * r - (weights - 2.0 * r) ** 2)
    return np.maximum((2.0 / 3.0 * arc).astype(np.int64), 1), weights


def spanner(base: Family) -> Family:
    """Return the family span(2, 10): all items are multiples of two items of another family."""

    def family(n: int, r: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
        values, weights = base(SPAN_ITEMS, r, rng)
        # Divided by m + 1 and rounded up, so that the multiples stay in the range.
        values, weights = -(-values // (SPAN_MULTIPLE + 1)), -(-weights // (SPAN_MULTIPLE + 1))
        which, multiple = rng.integers(0, SPAN_ITEMS, n), rng.integers(1, SPAN_MULTIPLE + 1, n)
        return values[which] * multiple, weights[which] * multiple

    return family


FAMILIES: dict[str, Family] = {
    "uncorrelated": uncorrelated,
    "weakly": weakly,
    "strongly": strongly,
    "inverse-strongly": inverse_strongly,
    "almost-strongly": almost_strongly,
    "subset-sum": subset_sum,
    "similar-weights": similar_weights,
    "spanner-uncorrelated": spanner(uncorrelated),
    "spanner-weakly": spanner(weakly),
    "spanner-strongly": spanner(strongly),
    "multiple-strongly": multiple_strongly,
    "profit-ceiling": profit_ceiling,
    "circle": circle,
}
