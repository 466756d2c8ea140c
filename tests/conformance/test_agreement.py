"""Every exact solver of the first slice against brute force, and against each other, on random small problems."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from knapsolve import Knapsack, Status, solve
from knapsolve.solution import violation
from knapsolve.testing import best_value

PROBLEMS = 2000


@st.composite
def problems(draw, most_resources=4, whole_weights=False):
    """Small problems with ties, zero costs, zero capacities, values or weights that are whole or not."""
    m, n = draw(st.integers(1, most_resources)), draw(st.integers(1, 9))
    whole = st.integers(0, draw(st.sampled_from([1, 3, 20])))
    fraction = st.floats(0, 10, width=16)
    weight = whole if whole_weights else draw(st.sampled_from([whole, whole, fraction]))
    value = draw(st.sampled_from([st.integers(-2, 9), st.integers(1, 2), fraction]))
    capacity = draw(st.sampled_from([st.just(0), st.integers(0, 10), st.integers(0, 100)]))
    values = draw(arrays.arrays(np.float64, n, elements=value))
    capacities = draw(arrays.arrays(np.int64, m, elements=capacity))
    as_given = (lambda a: a.astype(np.int64)) if (values == np.floor(values)).all() and draw(st.booleans()) else None
    values = values if as_given is None else as_given(values)
    if draw(st.booleans()):
        types = draw(st.integers(1, 4))
        table = draw(arrays.arrays(np.float64, (m, types), elements=weight))
        table = table.astype(np.int64) if weight is whole else table
        return Knapsack.from_types(
            values, draw(arrays.arrays(np.int8, n, elements=st.integers(0, types - 1))), table, capacities
        )
    table = draw(arrays.arrays(np.float64, (m, n), elements=weight))
    return Knapsack(values, table.astype(np.int64) if weight is whole else table, capacities)


def agree(problem, solver):
    best = best_value(problem)
    solution = solve(problem, solver)
    scale = 1e-9 * float(np.abs(problem.values).sum())
    assert solution.status is Status.OPTIMAL, solution
    assert violation(problem, solution.selected, solution.usage) is None
    assert solution.value == pytest.approx(best, abs=scale, rel=1e-9)
    assert solution.bound >= best - scale


every_problem = settings(
    max_examples=PROBLEMS, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "solver",
    ["few-types", "branch-and-bound", "highs", pytest.param("cpsat", marks=pytest.mark.needs("ortools")), "auto"],
)
def test_an_exact_solver_equals_brute_force_with_up_to_four_resources(solver):
    """Proved, feasible, and worth what the best of all selections is worth."""

    @every_problem
    @given(problems())
    @example(Knapsack([1, 1], [[0, 0]], [0]))
    @example(Knapsack([0.1, 0.1, 0.1], [0.1, 0.1, 0.1], 0.3))
    @example(Knapsack([7, 6, 7, 3], [[2, 1, 2, 3], [0, 3, 1, 0], [2, 1, 0, 4]], [2, 3, 8]))
    def check(problem):
        agree(problem, solver)

    check()


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["bellman", "core"])
def test_an_exact_solver_equals_brute_force_with_one_resource(solver):
    """The problems that Bellman takes: one resource, whole weights."""

    @every_problem
    @given(problems(most_resources=1, whole_weights=True))
    def check(problem):
        agree(problem, solver)

    check()


@pytest.mark.slow
def test_greedy_is_always_feasible_and_below_its_bound():
    """Greedy proves nothing but keeps every capacity, and its bound holds for the optimum."""

    @every_problem
    @given(problems())
    def check(problem):
        solution, best = solve(problem, "greedy"), best_value(problem)
        slack = 1e-9 * float(np.abs(problem.values).sum())
        assert violation(problem, solution.selected, solution.usage) is None
        assert (solution.usage <= problem.limits).all()
        assert solution.value <= best + slack <= solution.bound + 2 * slack

    check()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
def test_few_types_equals_highs_on_two_thousand_items(seed):
    """Two independent proofs of the same optimum at a size no brute force reaches."""
    random = np.random.default_rng(seed)
    m, types = 1 + seed % 3, 3 + seed % 5
    table = random.integers(0, 12, (m, types))
    kinds = random.integers(0, types, 2000)
    values = random.random(2000) if seed % 2 else random.integers(1, 1000, 2000)
    capacities = table[:, kinds].sum(axis=1) * random.uniform(0.1, 0.9, m)
    problem = Knapsack.from_types(values, kinds, table, np.floor(capacities).astype(int))
    ours, theirs = solve(problem, "few-types"), solve(problem, "highs", time_limit=60)
    assert ours.status is Status.OPTIMAL
    assert ours.value == pytest.approx(theirs.value, rel=1e-9)
    assert theirs.status is Status.OPTIMAL
