"""choice: exact multiple choice, at most one or exactly one of each class, under any number of resources."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from knapsolve import Knapsack, Options, Status, solve
from knapsolve.exact.choice import Choice, pairs
from knapsolve.exact.choice.classes import classes_of
from knapsolve.exact.choice.relaxation import SAMPLE, minimise, relax
from knapsolve.files import read
from knapsolve.testing import check_solver

LAST_KHAN = 6


def random_choices(classes, size, m, seed, *, exactly_one=True, real=False):
    random = np.random.default_rng(seed)
    n = classes * size
    weights = random.random((m, n)) if real else random.integers(0, 100, (m, n))
    values = random.random(n) if real else random.integers(1, 100, n)
    capacities = weights.sum(axis=1) / size * 0.7
    labels = np.repeat(np.arange(classes), size)
    return Knapsack(values, weights, capacities, choices=labels, exactly_one=exactly_one)


def khan():
    root = os.environ.get("KNAPPRUNE_DATA")
    folder = Path(root) / "knapsack" / "mmkp" if root else None
    if folder is None or not folder.is_dir():
        pytest.skip("KNAPPRUNE_DATA does not name a folder that holds knapsack/mmkp")
    return folder


@pytest.mark.slow
def test_it_keeps_every_rule_of_the_conformance_suite():
    """Small problems of every family, ties, zeros and impossible ones among them."""
    check_solver(Choice(), count=200)


@pytest.mark.slow
def test_it_keeps_every_rule_without_lists_of_combinations(monkeypatch):
    """Where the lists have no room, branch and bound finds the same optima."""
    monkeypatch.setattr(pairs, "MOST_EXTENSIONS", -1)
    check_solver(Choice(), count=50, seed=1)


@pytest.mark.parametrize("m", [1, 2, 5])
@pytest.mark.parametrize("exactly_one", [True, False])
@pytest.mark.parametrize("real", [True, False])
def test_it_agrees_with_highs_on_medium_problems(m, exactly_one, real):
    """Two unlike methods, one optimum."""
    problem = random_choices(15, 4, m, seed=m, exactly_one=exactly_one, real=real)
    ours, theirs = solve(problem, Choice()), solve(problem, "highs")
    assert ours.status is theirs.status
    assert ours.value == pytest.approx(theirs.value, rel=1e-9)


@pytest.mark.parametrize("m", [1, 2, 3])
def test_the_sampled_prices_are_those_of_the_whole(m):
    """A box of prices from a sample must not change the dual's minimum."""
    classes = classes_of(random_choices(5 * SAMPLE, 4, m, seed=m, real=True))
    relaxation = relax(classes, seed=0)
    prices, _ = minimise(classes)
    assert relaxation.prices == pytest.approx(prices, rel=1e-9)


def test_classes_that_cannot_all_be_served_are_infeasible():
    """Every option of two classes weighs more than half of the capacity."""
    problem = Knapsack([1, 2, 3, 4], [6, 7, 8, 6], 10, choices=[0, 0, 1, 1], exactly_one=True)
    assert solve(problem, Choice()).status is Status.INFEASIBLE


def test_twenty_thousand_classes_of_shared_weights_are_proved():
    """Keep-counts of many alike blocks: few option types, two resources."""
    random = np.random.default_rng(2)
    values = np.sort(random.random((20_000, 5)), axis=1)
    weights = np.tile([[0, 3, 5, 9, 12], [0, 1, 4, 6, 11]], 20_000)
    labels = np.repeat(np.arange(20_000), 5)
    problem = Knapsack(values.ravel(), weights, weights.sum(axis=1) // 10, choices=labels, exactly_one=True)
    assert solve(problem, Choice()).status is Status.OPTIMAL


def test_labels_need_not_be_in_order_nor_without_gaps():
    """Scattered labels name the same classes."""
    problem = random_choices(30, 5, 2, seed=3)
    order = np.random.default_rng(4).permutation(problem.n)
    scattered = Knapsack(
        problem.values[order],
        problem.weights[:, order],
        problem.capacities,
        choices=problem.choices[order] * 10**12,
        exactly_one=True,
    )
    assert solve(scattered, Choice()).value == solve(problem, Choice()).value


def test_a_time_limit_stops_it_with_a_valid_bound():
    """A problem too hard for the time gives its best selection and a bound above it."""
    problem = random_choices(100, 10, 10, seed=5, exactly_one=False)
    answer = Choice().solve(problem, Options(time_limit=0.2))
    assert answer.selected is not None
    assert problem.values[answer.selected].sum() <= answer.bound


@pytest.mark.slow
@pytest.mark.parametrize("number", range(1, LAST_KHAN + 1))
def test_khan_problems_are_proved(number):
    """The classic multi-resource multiple-choice set, against its published optima."""
    name = f"I{number:02d}"
    folder = khan()
    solution = solve(read(folder / name), Choice())
    assert solution.status is Status.OPTIMAL
    assert solution.value == pytest.approx(json.loads((folder / "optima.json").read_text())[name])
