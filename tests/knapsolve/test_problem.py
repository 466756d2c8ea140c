"""Bad input is refused at the door, by name, before any work."""

from __future__ import annotations

import numpy as np
import pytest

from knapsolve import Knapsack, Status, solve
from knapsolve.testing import best_value

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, NAN], [1, 1], 1), r"values must be finite; got nan at index 1"),
        (([1, 2], [1, INF], 1), r"weights must be finite; got inf at index \(0, 1\)|weights must be finite; got inf"),
        (([1, 2], [1, -1], 1), r"weights must not be below 0; got -1 at index 1"),
        (([1, 2], [1, 1], -1), r"capacities must not be below 0; got -1"),
        (([1, 2], [1, 1], NAN), r"capacities must be finite; got nan"),
        (([1, 2], [1, 1, 1], 1), r"weights must have shape \(m, n\).*got \(1, 3\)"),
        (([1, 2], [[1, 2]], [1, 2]), r"capacities must have shape \(m,\).*got \(2,\)"),
        (([[1, 2]], [1, 2], 1), r"values must have 1 axis; got shape \(1, 2\)"),
        (([1, 2], [[1, 2], [1]], [1, 1]), r"weights must be a rectangular array"),
        (([2**62, 2**62], [1, 1], 1), r"values must sum to at most 2\*\*62"),
        (([1, 1], [2**62, 2**62], 1), r"weights must sum to at most 2\*\*62"),
        (([2**70], [1], 1), r"values must fit 64-bit integers"),
        (([1e308, 1e308], [1, 1], 1), r"values must have a finite sum"),
    ],
)
def test_bad_numbers_are_refused_by_name(arguments, message):
    """The error names the argument, what came and what was expected."""
    with pytest.raises(ValueError, match=message):
        Knapsack(*arguments)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"choices": [0]}, ValueError, r"choices must have shape \(n,\)"),
        ({"choices": [0, -2]}, ValueError, r"choices must be at least -1; got -2"),
        ({"requires": [[0, 2]]}, ValueError, r"requires must hold item indices in 0..1; got 2"),
        ({"fixed_in": [2]}, ValueError, r"fixed_in must be item indices in 0..1; got 2"),
        ({"fixed_in": [0.5]}, TypeError, r"fixed_in must hold item indices; got dtype float64"),
        ({"fixed_in": [0], "fixed_out": [0]}, ValueError, r"must not overlap; both hold item 0"),
        ({"exactly_one": 1}, TypeError, r"exactly_one must be True or False"),
    ],
)
def test_bad_structure_is_refused_by_name(options, error, message):
    """Labels, pairs and indices are checked like numbers."""
    with pytest.raises(error, match=message):
        Knapsack([1, 2], [1, 2], 3, **options)


def test_text_is_not_a_number():
    """A list of strings is a type error, not a conversion."""
    with pytest.raises(TypeError, match=r"values must hold real numbers"):
        Knapsack(["1"], [1], 1)


def test_a_type_out_of_range_is_refused():
    """An item's type must be a column of the table."""
    with pytest.raises(ValueError, match=r"item_type must be in 0..1; got 2"):
        Knapsack.from_types([1, 2], [0, 2], [[1, 2]], 3)


def test_types_and_dense_weights_describe_the_same_problem():
    """The dense view of a typed problem has each item's own weights."""
    problem = Knapsack.from_types([5, 3, 4], np.array([0, 0, 1], np.int8), [[2, 1], [0, 3]], [3, 3])
    assert problem.weights.tolist() == [[2, 2, 1], [0, 0, 3]]
    assert (problem.n, problem.m) == (3, 2)


def test_the_callers_array_is_neither_copied_nor_locked():
    """Freezing the problem must not freeze what the user passed."""
    values = np.ones(3)
    problem = Knapsack(values, [1.0, 1.0, 1.0], 2)
    assert np.shares_memory(problem.values, values)
    values[0] = 2.0
    with pytest.raises(ValueError, match="read-only"):
        problem.values[0] = 3.0


def test_a_fractional_capacity_of_whole_weights_is_rounded_down():
    """With whole weights 7.9 holds no more than 7; 8 written as 7.9999999999 is 8."""
    assert Knapsack([1], [1], 7.9).limits.tolist() == [7]
    assert Knapsack([1], [1], 8 - 1e-10).limits.tolist() == [8]


def test_an_empty_problem_is_a_problem():
    """Nothing to choose from is allowed."""
    assert Knapsack([], [[], []], [1, 2]).n == 0


@pytest.mark.parametrize("m", [1, 2])
@pytest.mark.parametrize("seed", range(5))
def test_values_over_24_orders_of_magnitude_are_solved_and_the_tolerance_stated(seed: int, m: int) -> None:
    random = np.random.default_rng(seed)
    weights = random.integers(1, 20, (m, 14))
    problem = Knapsack(10 ** random.uniform(-12, 12, 14), weights, weights.sum(axis=1) // 2)
    solution, best = solve(problem), best_value(problem)
    assert solution.status is Status.OPTIMAL
    assert 0 < solution.tolerance <= 1e-9
    assert abs(solution.value - best) <= solution.tolerance * best


def test_a_table_that_does_not_fit_is_refused_before_it_is_made_and_auto_takes_another_solver() -> None:
    problem = Knapsack([1, 2], [10**12, 10**12 + 1], 10**12 + 5)
    with pytest.raises(MemoryError, match=r"'bellman' needs 40000.0 GB .* use solver='auto'"):
        solve(problem, "bellman")
    assert solve(problem).value == 2
