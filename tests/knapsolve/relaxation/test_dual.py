"""The dual simplex finds the linear relaxation's optimum."""

from __future__ import annotations

import numpy as np
import pytest

from knapsolve.relaxation.dual import SLACK, dual_bound, minimise_dual


@pytest.mark.parametrize("seed", range(60))
def test_no_prices_nearby_give_a_lower_bound(seed):
    """The dual is convex: a point no neighbour beats, at any scale, is its minimum."""
    random = np.random.default_rng(seed)
    n, m = int(random.integers(1, 60)), int(random.integers(1, 6))
    whole = seed % 2
    values = random.integers(1, 6, n).astype(float) if whole else random.random(n)
    weights = random.integers(0, 5, (m, n)).astype(float) if whole else random.random((m, n))
    limits = np.floor(weights.sum(axis=1) * random.random(m))
    prices = minimise_dual(values, weights, limits).prices
    best = dual_bound(values, weights, limits, prices)
    assert (prices >= 0).all()
    for scale in (1e-6, 1e-3, 1e-1, 1.0):
        for _ in range(50):
            other = np.maximum(prices + scale * random.normal(size=m), 0.0)
            assert dual_bound(values, weights, limits, other) >= best - 1e-9 * max(best, 1.0)


def test_primal_and_dual_meet():
    """The basic solution is feasible and worth the bound: a certificate of optimality for the relaxation."""
    random = np.random.default_rng(0)
    values, weights = random.random(500), random.random((3, 500))
    limits = weights.sum(axis=1) * [0.3, 0.5, 0.9]
    dual = minimise_dual(values, weights, limits)
    columns = np.column_stack([weights[:, b] if b >= 0 else np.eye(3)[SLACK - b] for b in dual.basis])
    basic = np.linalg.solve(columns, limits - weights[:, dual.at_one].sum(axis=1))
    fractional = dual.basis >= 0
    assert (basic >= -1e-9).all()
    assert (basic[fractional] <= 1 + 1e-9).all()
    worth = values[dual.at_one].sum() + values[dual.basis[fractional]] @ basic[fractional]
    assert worth == pytest.approx(dual_bound(values, weights, limits, dual.prices), rel=1e-12)


def test_capacities_that_do_not_bind_have_no_price():
    """What is not scarce costs nothing."""
    assert minimise_dual(np.ones(3), np.ones((2, 3)), np.array([5.0, 2.0])).prices.tolist() == [0.0, 1.0]
