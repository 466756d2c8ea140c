"""Large neighbourhood search for several resources."""

from __future__ import annotations

import numpy as np
import pytest

from knapsolve import Knapsack, solve
from knapsolve.exact.branch_and_bound import BranchAndBound
from knapsolve.heuristics.greedy import Greedy
from knapsolve.heuristics.local_search import LocalSearch
from knapsolve.solution import evaluate
from knapsolve.solver import Options
from knapsolve.testing import check_solver


def random_problem(n: int, m: int, seed: int) -> Knapsack:
    random = np.random.default_rng(seed)
    weights = random.integers(1, 1000, (m, n))
    return Knapsack(weights.sum(axis=0) // m + random.integers(0, 500, n), weights, weights.sum(axis=1) // 2)


@pytest.mark.compiled
def test_it_passes_the_conformance_suite():
    """Feasible, bounds valid, the same answer for the same seed."""
    check_solver(LocalSearch(), count=20)


@pytest.mark.compiled
@pytest.mark.parametrize("seed", range(3))
def test_it_finds_the_optimum_of_middling_problems(seed):
    """What branch and bound proves, the neighbourhoods find."""
    problem = random_problem(60, 5, seed)
    assert solve(problem, LocalSearch()).value == solve(problem, BranchAndBound()).value


@pytest.mark.compiled
def test_it_beats_greedy_within_a_second():
    """Where no proof is near, it improves on the rounded relaxation and keeps to its limit."""
    problem = random_problem(300, 10, 1)
    answer = LocalSearch().solve(problem, Options(time_limit=1.0))
    greedy = Greedy().solve(problem, Options())
    assert evaluate(problem, answer.selected)[0] > evaluate(problem, greedy.selected)[0]
