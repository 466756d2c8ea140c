"""Bellman's table, its memory-lean recovery, and its limits."""

from __future__ import annotations

import numpy as np
import pytest

from knapsolve import Knapsack, Status, solve
from knapsolve.exact import bellman


def subset(seed, n=200, whole=True):
    random = np.random.default_rng(seed)
    values = random.integers(1, 1000, n) if whole else random.random(n)
    weights = random.integers(1, 1000, n)
    return Knapsack(values, weights, int(weights.sum() // 2))


@pytest.mark.parametrize("whole", [True, False])
def test_halving_recovers_the_same_value_as_one_block(monkeypatch, whole):
    """Divide and conquer down to blocks of a few bits loses nothing."""
    problem = subset(0, whole=whole)
    once = solve(problem, "bellman")
    monkeypatch.setattr(bellman, "BLOCK_BITS", 1)
    halved = solve(problem, "bellman")
    assert once.status is halved.status is Status.OPTIMAL
    assert halved.value == pytest.approx(once.value, rel=1e-12)


def test_a_common_factor_of_the_weights_shrinks_the_table():
    """Weights in steps of a million need no table of millions."""
    problem = Knapsack([3, 4, 5], np.array([2, 3, 4]) * 10**12, 5 * 10**12 + 17)
    assert solve(problem, "bellman").value == 7


def test_a_table_that_does_not_fit_is_refused_with_the_need(monkeypatch):
    """Memory is checked before it is taken."""
    monkeypatch.setattr(bellman, "free_memory", lambda: 10**6)
    with pytest.raises(MemoryError, match=r"needs .* GB for a capacity of .*use solver='auto'"):
        solve(subset(1), "bellman")


def test_auto_chooses_another_solver_where_the_table_does_not_fit(monkeypatch):
    """Auto looks at the need first."""
    monkeypatch.setattr(bellman, "free_memory", lambda: 10**3)
    assert solve(subset(2, n=30)).status is Status.OPTIMAL


def test_out_of_time_leaves_the_greedy_selection_and_a_bound():
    """A table cut short still answers."""
    problem = subset(3, n=3000)
    stopped = solve(problem, "bellman", time_limit=1e-6)
    assert stopped.status is Status.FEASIBLE
    assert 0 < stopped.value <= stopped.bound
