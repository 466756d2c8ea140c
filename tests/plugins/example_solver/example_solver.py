"""A solver plugin in one file: the best single item, or items by density, whichever is worth more."""

from __future__ import annotations

import numpy as np

from knapsolve import Answer, Capabilities, Knapsack, Options


class Density:
    """Fill the knapsack with items in the order of value per relative weight."""

    name = "density"
    capabilities = Capabilities(exact=False, anytime=True)

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Return a feasible selection and the least of the one-resource LP bounds."""
        values = problem.values.astype(float)
        relative = problem.weights / np.maximum(problem.limits, 1)[:, None]
        useful = np.flatnonzero((values > 0) & (problem.weights <= problem.limits[:, None]).all(axis=0))
        with np.errstate(divide="ignore"):
            order = useful[np.argsort(-values[useful] / relative[:, useful].sum(axis=0), kind="stable")]
        filled = np.zeros(problem.n, dtype=bool)
        left = problem.limits.copy()
        for item in order:
            if (problem.weights[:, item] <= left).all():
                filled[item] = True
                left = left - problem.weights[:, item]
        single = np.zeros(problem.n, dtype=bool)
        if len(useful):
            single[useful[values[useful].argmax()]] = True
        selected = single if values[single].sum() > values[filled].sum() else filled
        bounds = [_bound(values[useful], problem.weights[i, useful], problem.limits[i]) for i in range(problem.m)]
        return Answer(selected, min(bounds), trace=(f"density: {len(order)} items in order",))


def _bound(values: np.ndarray, weights: np.ndarray, limit: float) -> float:
    """Dantzig's bound of one resource, items taken by density and the last one in part, rounded up a little."""
    with np.errstate(divide="ignore"):
        order = np.argsort(-values / weights, kind="stable")
    total, left = 0.0, float(limit)
    for value, weight in zip(values[order], weights[order], strict=True):
        part = 1.0 if weight <= left else left / weight
        total += part * value
        left -= part * weight
    return total * (1 + 1e-9)
