"""Branch and bound over several resources."""

from __future__ import annotations

import time

import numpy as np
import pytest

from knapsolve import Knapsack, solve
from knapsolve.exact.branch_and_bound import BranchAndBound
from knapsolve.files import reading as files
from knapsolve.relaxation.dual import dual_bound, minimise_dual
from knapsolve.relaxation.fixing import core_of, program_of, relax_program
from knapsolve.solution import Status, evaluate
from knapsolve.solver import Options, Progress
from knapsolve.testing import check_solver

MKNAP1 = [3800, 8706.1, 4015, 6120, 12400, 10618, 16537]


def correlated(n: int, m: int, seed: int) -> Knapsack:
    """Values near the sum of the weights, half of every capacity: the shape of Chu and Beasley's problems."""
    random = np.random.default_rng(seed)
    weights = random.integers(1, 1000, (m, n))
    values = (weights.sum(axis=0) / m + 500 * random.random(n)).astype(np.int64)
    return Knapsack(values, weights, weights.sum(axis=1) // 2)


@pytest.mark.slow
def test_it_passes_the_conformance_suite():
    """Every family of small problems: equal to brute force, bounds valid, deterministic."""
    check_solver(BranchAndBound(), count=200)


@pytest.mark.parametrize(
    ("problem", "best"),
    [
        (Knapsack([19, 11, -8, -6, 8], [[9, 2, 17, 4, 0]], [9]), 27),
        (Knapsack([5, 1, 16, 23], [[0, 14, 4, 12], [9, 12, 7, 9]], [12, 29]), 28),
    ],
)
def test_a_row_met_exactly_by_the_last_item_is_not_called_infeasible(problem, best):
    """The dual simplex meets the row by rounding a hair short."""
    solution = BranchAndBound().solve(problem, Options())
    assert evaluate(problem, solution.selected)[0] == best


@pytest.mark.parametrize("seed", range(4))
def test_it_agrees_with_highs(seed):
    """A general solver finds the same optimum."""
    problem = correlated(40, 2 + seed, seed)
    ours = solve(problem, BranchAndBound())
    assert ours.status is Status.OPTIMAL
    assert ours.value == solve(problem, "highs").value


def test_float_values_and_weights_agree_with_integers():
    """Dividing values and weights by powers of two changes nothing but the unit."""
    problem = correlated(50, 4, 9)
    scaled = Knapsack(problem.values / 64, problem.weights / 8, problem.capacities / 8)
    assert solve(scaled, BranchAndBound()).value == solve(problem, BranchAndBound()).value / 64


def test_no_decided_item_is_decided_wrongly():
    """Every selection better than the cutoff agrees with the core's decided items."""
    problem = correlated(40, 3, 2)
    best = solve(problem, BranchAndBound())
    relaxed = relax_program(program_of(problem))
    core = core_of(relaxed, best.value - 1)
    decided = np.ones(40, np.bool_)
    decided[core.items] = False
    assert (best.selected[decided] == core.inside[decided]).all()


def test_a_row_met_to_the_last_unit_is_not_called_infeasible():
    """The optimum uses the whole third capacity; a third of an item, rounded, once hid it from the simplex."""
    weights = [
        [5, 1, 0, 5, 11, 0, 10, 0],
        [10, 10, 0, 3, 8, 6, 9, 0],
        [3, 10, 0, 4, 4, 4, 1, 0],
        [6, 4, 0, 11, 0, 11, 3, 0],
    ]
    problem = Knapsack([13, 18, 12, 19, 25, 27, 8, 3], weights, [22, 29, 7, 25])
    assert solve(problem, BranchAndBound()).value == 55


@pytest.mark.parametrize("m", [13, 30])
def test_both_simplexes_reach_the_same_bound(m):
    """Few resources take passes over all items, many take the trees' simplex: the relaxation is one."""
    program = program_of(correlated(200, m, m))
    ours = relax_program(program)
    dual = minimise_dual(program.values, program.columns.T, program.limits)
    bound = dual_bound(program.values, program.columns.T, program.limits, dual.prices)
    assert ours.bound == pytest.approx(bound, rel=1e-12)
    assert (ours.dual.prices >= 0.0).all()


def test_a_time_limit_stops_it_with_a_valid_bound():
    """A problem far beyond proof ends in time, and reports never contradict each other."""
    problem = correlated(300, 20, 5)
    BranchAndBound().solve(correlated(60, 20, 1), Options(time_limit=0.5))
    reports: list[Progress] = []
    started = time.perf_counter()
    answer = BranchAndBound().solve(problem, Options(time_limit=1.0, on_progress=reports.append))
    assert time.perf_counter() - started < 1.5
    assert evaluate(problem, answer.selected)[0] <= answer.bound
    assert max(report.value for report in reports) <= min(report.bound for report in reports)


def test_a_gap_ends_the_search_early():
    """With one percent allowed, the answer is within one percent and says so."""
    problem = correlated(100, 5, 3)
    answer = BranchAndBound().solve(problem, Options(gap=0.01))
    value = evaluate(problem, answer.selected)[0]
    assert value <= answer.bound <= value * 1.01 + 1


def test_a_known_selection_is_never_lost():
    """The start is returned where nothing better exists."""
    problem = correlated(40, 3, 4)
    best = solve(problem, BranchAndBound())
    answer = BranchAndBound().solve(problem, Options(start=best.selected, time_limit=1e-9))
    assert evaluate(problem, answer.selected)[0] == best.value


def test_weights_beyond_exact_floats_are_declined():
    """Sums past 2**53 would not be exact: it says so instead of guessing."""
    problem = Knapsack([1, 2], [[2**53, 2**53], [1, 1]], [2**53, 2])
    assert "declined" in BranchAndBound().solve(problem, Options()).trace[0]


@pytest.mark.compiled
def test_mknap1_is_proved(data_folder):
    """The seven problems of Petersen, to their published optima."""
    path = data_folder / "knapsack" / "orlib" / "mknap1.txt"
    solutions = [solve(files.read(path, index), BranchAndBound()) for index in range(7)]
    assert all(solution.status is Status.OPTIMAL for solution in solutions)
    assert [solution.value for solution in solutions] == pytest.approx(MKNAP1, rel=1e-12)


@pytest.mark.compiled
def test_sac94_is_proved(data_folder):
    """All 54 problems."""
    paths = sorted((data_folder / "knapsack" / "sac94").rglob("*.dat"))
    assert len(paths) == 54
    for path in paths:
        assert solve(files.read(path), BranchAndBound()).status is Status.OPTIMAL, path.name
