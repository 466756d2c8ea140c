"""Greedy by dual prices."""

from __future__ import annotations

import numpy as np

from knapsolve import Knapsack, solve


def test_an_item_that_does_not_fit_does_not_end_the_search():
    """The second best item is too heavy; the third still goes in."""
    solution = solve(Knapsack([10, 8, 1], [5, 5, 1], 6), "greedy")
    assert solution.selected.tolist() == [True, False, True]


def test_items_that_cost_nothing_are_always_taken():
    """No cost, no reason to leave it."""
    assert solve(Knapsack([1, 1], [0, 9], 3), "greedy").selected.tolist() == [True, False]


def test_it_comes_within_a_percent_of_the_bound_on_many_items():
    """With many small items the dual-price order loses next to nothing."""
    random = np.random.default_rng(0)
    weights = random.random((2, 5000))
    solution = solve(Knapsack(random.random(5000), weights, weights.sum(axis=1) / 3), "greedy")
    assert solution.gap < 0.01


def test_float_weights_never_pass_a_capacity():
    """Sums of tenths stay within the limits that the check enforces."""
    solution = solve(Knapsack(np.ones(30), np.full(30, 0.1), 2.0), "greedy")
    assert solution.value == 20
