"""Precedence-constrained knapsacks: open pits, project trees and random graphs of requirements.

An open pit is a grid of blocks: a block can be dug only once the nine above it are; ore pays, waste costs, and the
digger's hours are limited (Lerchs, Grossmann, "Optimum design of open-pit mines", CIM Bulletin 58, 1965; MineLib:
Espinoza et al., Annals of Operations Research 206, 2013).
"""

from __future__ import annotations

import numpy as np

from knapsolve import Knapsack


def open_pit(n: int, m: int, rng: np.random.Generator, *, tightness: float = 0.15) -> Knapsack:
    """Return a pit of about n blocks, three times as wide as deep, each of which needs the nine blocks above it."""
    depth = max(2, round((n / 9) ** (1 / 3)))
    side = max(1, int((n / depth) ** 0.5))
    count = depth * side * side
    block = np.arange(count).reshape(depth, side, side)
    pairs = []
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            low = block[1:, max(0, -dy) : side - max(0, dy), max(0, -dx) : side - max(0, dx)]
            high = block[:-1, max(0, dy) : side + min(0, dy), max(0, dx) : side + min(0, dx)]
            pairs.append(np.column_stack((low.ravel(), high.ravel())))
    grade = np.zeros((depth, side, side))
    for centre in rng.uniform(0, (depth, side, side), (max(2, count // 150), 3)):
        near = [np.arange(max(0, int(c) - 6), min(end, int(c) + 7)) for c, end in zip(centre, grade.shape, strict=True)]
        distance = sum(np.square(np.ix_(*near)[axis] - centre[axis]) for axis in range(3))
        grade[np.ix_(*near)] += rng.uniform(100, 400) * np.exp(-distance / rng.uniform(1, 4))
    grade *= rng.uniform(0.7, 1.3, grade.shape)
    weights = rng.integers(50, 101, (m, count))
    values = (grade - rng.uniform(20, 40, grade.shape)).astype(np.int64).ravel()
    return Knapsack(values, weights, (tightness * weights.sum(axis=1)).astype(np.int64), requires=np.concatenate(pairs))


def random_graph(
    n: int, m: int, rng: np.random.Generator, *, needs: float = 2.0, reach: int = 50, tightness: float = 0.3
) -> Knapsack:
    """Return items that need earlier ones at random, values near the weights."""
    weights = rng.integers(1, 1001, (m, n))
    values = (weights.mean(axis=0) + 300 * rng.normal(size=n)).astype(np.int64)
    tail = rng.integers(1, n, int(needs * n)) if n > 1 else np.zeros(0, np.int64)
    head = np.maximum(tail - 1 - (rng.random(len(tail)) * reach).astype(np.int64), 0)
    return Knapsack(
        values, weights, (tightness * weights.sum(axis=1)).astype(np.int64), requires=np.column_stack((tail, head))
    )


def tree(n: int, m: int, rng: np.random.Generator, *, tightness: float = 0.3) -> Knapsack:
    """Return a random recursive tree: every item needs its parent (Johnson, Niemi, MOR 8, 1983)."""
    weights = rng.integers(1, 1001, (m, n))
    values = (weights.mean(axis=0) + rng.integers(-300, 301, n)).astype(np.int64)
    child = np.arange(1, n)
    parent = (rng.random(len(child)) * child).astype(np.int64)
    return Knapsack(
        values, weights, (tightness * weights.sum(axis=1)).astype(np.int64), requires=np.column_stack((child, parent))
    )
