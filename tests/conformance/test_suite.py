"""The conformance suite itself: it must catch the mistakes that solvers make."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from knapsolve.backends.cpsat import CpSat
from knapsolve.problem import Knapsack
from knapsolve.solver import Answer, Capabilities, Options
from knapsolve.testing import ConformanceError, best_value, check_solver

pytestmark = pytest.mark.needs("ortools")


class Wrong:
    """CP-SAT with a mistake made after it."""

    name = "wrong"
    capabilities = Capabilities(exact=True, choices=True, requires=True)

    def __init__(self, mistake: Callable[[Knapsack, Answer], Answer]) -> None:
        self._mistake = mistake

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        return self._mistake(problem, CpSat().solve(problem, options))


def everything(problem: Knapsack, answer: Answer) -> Answer:
    return replace(answer, selected=np.ones(problem.n, dtype=bool))


def nothing(problem: Knapsack, answer: Answer) -> Answer:
    return replace(answer, selected=np.zeros(problem.n, dtype=bool))


def low_bound(problem: Knapsack, answer: Answer) -> Answer:
    return replace(answer, bound=answer.bound - 1)


def high_bound(problem: Knapsack, answer: Answer) -> Answer:
    return replace(answer, bound=answer.bound + 1)


def indices(problem: Knapsack, answer: Answer) -> Answer:
    return answer if answer.selected is None else replace(answer, selected=np.flatnonzero(answer.selected))


def never_infeasible(problem: Knapsack, answer: Answer) -> Answer:
    return replace(answer, infeasible=False)


def always_infeasible(problem: Knapsack, answer: Answer) -> Answer:
    return Answer(None, -np.inf, infeasible=True)


def whim(problem: Knapsack, answer: Answer) -> Answer:
    """Of two items that are worth the same, take either."""
    whim.calls += 1
    twins = problem.n == 2 and len(set(problem.values)) == 1 and not answer.infeasible
    flip = twins and answer.selected.sum() == 1 and problem.choices is None and problem.requires is None
    swapped = answer.selected[::-1] if flip and whim.calls % 2 else answer.selected
    fits = swapped is not None and (problem.weights @ swapped <= problem.limits).all()
    return replace(answer, selected=swapped) if fits else answer


whim.calls = 0


@pytest.mark.parametrize(
    "mistake", [everything, nothing, low_bound, high_bound, indices, never_infeasible, always_infeasible, whim]
)
def test_the_suite_catches(mistake: Callable[[Knapsack, Answer], Answer]) -> None:
    with pytest.raises(ConformanceError):
        check_solver(Wrong(mistake), count=60)


def test_a_failure_prints_code_that_makes_the_problem_again() -> None:
    with pytest.raises(ConformanceError, match=r"Knapsack\(\[.*\], \[\[.*\]\], \[.*\]\)"):
        check_solver(Wrong(low_bound))


def test_brute_force_knows_every_constraint() -> None:
    values, weights = [5, 4, 3, 2], [1, 1, 1, 1]
    assert best_value(Knapsack(values, weights, 2)) == 9
    assert best_value(Knapsack(values, weights, 2, choices=[0, 0, -1, -1])) == 8
    assert best_value(Knapsack(values, weights, 2, requires=[[0, 3]])) == 7
    assert best_value(Knapsack(values, weights, 2, fixed_in=[3])) == 7
    assert best_value(Knapsack(values, weights, 2, fixed_out=[0, 1])) == 5
    assert best_value(Knapsack(values, weights, 1, choices=[0, 0, 1, 1], exactly_one=True)) is None


def test_brute_force_refuses_what_it_cannot_enumerate() -> None:
    with pytest.raises(ValueError, match="at most 16 items"):
        best_value(Knapsack(np.ones(17), np.ones(17), 3))
