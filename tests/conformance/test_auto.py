"""`solve` with "auto" runs the families too: the same rules, with presolve and the final check in between."""

import numpy as np
import pytest

from knapsolve import Knapsack, Status, solve
from knapsolve.testing import FAMILIES, best_value


@pytest.mark.parametrize("family", FAMILIES)
def test_auto_proves_what_brute_force_finds(family: str) -> None:
    random = np.random.default_rng(list(family.encode()))
    for _ in range(25):
        problem = FAMILIES[family](random)
        best, solution = best_value(problem), solve(problem)
        if best is None:
            assert solution.status is Status.INFEASIBLE, problem
        else:
            assert solution.status is Status.OPTIMAL, (problem, solution)
            assert solution.value == pytest.approx(best, rel=1e-9)


def test_forced_items_are_kept_and_forbidden_ones_left_out() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        weights = random.integers(0, 9, (2, 7))
        inside, outside = np.split(random.permutation(7)[:3], [1])
        capacities = weights.sum(axis=1) // 2
        problem = Knapsack(random.integers(-3, 9, 7), weights, capacities, fixed_in=inside, fixed_out=outside)
        best, solution = best_value(problem), solve(problem)
        assert (solution.status is Status.INFEASIBLE) == (best is None)
        assert best is None or solution.value == best
