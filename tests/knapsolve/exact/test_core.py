"""The core's list dynamic programme: exact on every family, valid when stopped, lean with memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from knapsolve import Knapsack, read
from knapsolve.exact.bellman import Bellman
from knapsolve.exact.core import break_solution, search, solver
from knapsolve.exact.core.break_solution import find_break
from knapsolve.exact.core.pairs import best_pair
from knapsolve.exact.core.rows import rounded
from knapsolve.exact.core.solver import Core
from knapsolve.solution import evaluate, violation
from knapsolve.solver import Options
from knapsolve.testing import check_solver

RANGE = 1000


def weakly_correlated(random, w):
    return np.maximum(w + random.integers(-RANGE // 10, RANGE // 10 + 1, len(w)), 1)


FAMILIES = {
    "uncorrelated": lambda random, w: random.integers(1, RANGE + 1, len(w)),
    "weakly correlated": weakly_correlated,
    "strongly correlated": lambda _, w: w + RANGE // 10,
    "inverse strongly correlated": lambda _, w: np.maximum(w - RANGE // 10, 1),
    "almost strongly correlated": lambda random, w: w + random.integers(98, 103, len(w)),
    "subset sum": lambda _, w: w,
    "multiple strongly correlated": lambda _, w: w + np.where(w % 6 == 0, 3, 2) * RANGE // 10,
    "profit ceiling": lambda _, w: 3 * ((w + 2) // 3),
    "circle": lambda _, w: (2 / 3 * np.sqrt(4.0 * RANGE**2 - (w - 2.0 * RANGE) ** 2)).astype(np.int64),
    "all equal": lambda _, w: np.full(len(w), 7),
}


def made(family, n, seed, share=0.5):
    random = np.random.default_rng(seed)
    weights = random.integers(1, RANGE + 1, n)
    return Knapsack(FAMILIES[family](random, weights), weights, int(weights.sum() * share))


def proved_value(problem, answer):
    """Return the value, having checked that it is feasible and meets the bound."""
    value, usage = evaluate(problem, answer.selected)
    assert violation(problem, answer.selected, usage) is None
    assert answer.bound == pytest.approx(value, rel=1e-12)
    return value


def solved(problem):
    return proved_value(problem, Core().solve(problem, Options()))


def test_it_does_what_every_solver_must():
    """The conformance suite, against brute force."""
    check_solver(Core(), count=30)


@pytest.mark.compiled
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("family", FAMILIES)
def test_it_agrees_with_bellman_on_pisingers_families(family, share):
    """Whole and real values of the same problem, beyond the reach of brute force."""
    problem = made(family, 150, 1, share)
    assert solved(problem) == evaluate(problem, Bellman().solve(problem, Options()).selected)[0]
    real = Knapsack(problem.values * 0.1, problem.weights, problem.capacities)
    assert solved(real) == pytest.approx(evaluate(real, Bellman().solve(real, Options()).selected)[0], rel=1e-12)


@pytest.mark.needs("ortools")
@pytest.mark.parametrize("family", ["uncorrelated", "weakly correlated", "strongly correlated"])
def test_it_agrees_with_or_tools(family):
    """Another code, another method."""
    from ortools.algorithms.python import knapsack_solver

    problem = made(family, 60, 2)
    peer = knapsack_solver.KnapsackSolver(knapsack_solver.SolverType.KNAPSACK_DYNAMIC_PROGRAMMING_SOLVER, "peer")
    peer.init(problem.values.tolist(), problem.weights.tolist(), problem.capacities.tolist())
    assert solved(problem) == peer.solve()


def test_sums_near_2_to_the_62_are_exact():
    """No float decides: neighbours that doubles cannot tell apart are told apart."""
    big = 2**58
    problem = Knapsack([big + 1, big + 2, big + 3, big], [big, big, big, big], 2 * big + 5)
    assert solved(problem) == 2 * big + 5
    random = np.random.default_rng(3)
    weights = random.integers(2**50, 2**51, 14)
    values = weights + random.integers(0, 50, 14)
    problem = Knapsack(values, weights, int(weights.sum() // 2))
    takes = (np.arange(2**14)[:, None] >> np.arange(14)) & 1
    assert solved(problem) == (takes @ values)[takes @ weights <= problem.capacities[0]].max()


def test_float_weights_keep_the_limit_as_the_final_check_sums_them():
    """Tenths fill a capacity that floats cannot hold."""
    assert solved(Knapsack([1.5, 1.0, 1.0], [0.1, 0.1, 0.1], 0.3)) == pytest.approx(3.5)
    random = np.random.default_rng(4)
    weights = random.random(5000)
    assert solved(Knapsack(random.random(5000), weights, weights.sum() / 3)) > 0


def test_the_break_item_is_found_without_a_sort():
    """It is the item at which a full sort by efficiency passes the capacity, ties by index."""
    random = np.random.default_rng(5)
    for n, kinds in ((10, 3), (5000, 10**6), (5000, 2), (5000, 1), (40000, 30)):
        weights = random.integers(1, 50, n)
        efficiency = random.integers(1, kinds + 1, n).astype(float)
        for share in (0.001, 0.3, 0.999):
            capacity = int(weights.sum() * share)
            order = np.argsort(-efficiency, kind="stable")
            expected = order[np.searchsorted(np.cumsum(weights[order]), capacity, side="right")]
            band, position = find_break(efficiency, weights, capacity, 0)
            assert band[position] == expected
            assert n <= break_solution.SAMPLE or len(band) <= break_solution.SAMPLE


@pytest.mark.compiled
@pytest.mark.parametrize("family", ["strongly correlated", "subset sum", "uncorrelated"])
def test_ten_thousand_items_are_proved(family):
    """Sizes at which collecting in levels, cuts and the archive of decisions all come into play."""
    solved(made(family, 10_000, 6))


@pytest.mark.compiled
def test_dropping_unreachable_decisions_changes_nothing(monkeypatch):
    """A tidied archive recovers the same selection."""
    problem = made("almost strongly correlated", 2000, 7)
    expected = solved(problem)
    monkeypatch.setattr(search, "ARCHIVE_ENTRIES", 1)
    assert evaluate(problem, Core().solve(problem, Options(time_limit=20)).selected)[0] <= expected


@pytest.mark.parametrize("states", [2**12, 2**13])
def test_a_list_that_outgrows_its_memory_leaves_a_valid_bound(monkeypatch, states):
    """Memory runs out, the bound holds."""
    monkeypatch.setattr(solver, "STAGES", (solver.Stage("tiny list", states + 1),))
    random = np.random.default_rng(8)
    weights = 2 * random.integers(10**5, 10**6, 60)
    problem = Knapsack(weights, weights, int(weights.sum() // 4) * 2 + 1)
    answer = Core().solve(problem, Options())
    value, _ = evaluate(problem, answer.selected)
    assert value <= answer.bound <= problem.capacities[0]


def test_a_gap_that_is_accepted_is_stated():
    """The bound is at most the accepted gap above the value, and holds."""
    problem = made("weakly correlated", 500, 9)
    answer = Core().solve(problem, Options(gap=0.01))
    value, _ = evaluate(problem, answer.selected)
    best = solved(problem)
    assert value <= best <= answer.bound <= value * 1.0101


def test_progress_tells_value_and_bound():
    """Every report brackets the optimum."""
    problem = made("circle", 1000, 10)
    reports = []
    best = proved_value(problem, Core().solve(problem, Options(on_progress=reports.append)))
    assert reports
    assert all(report.value <= best <= report.bound + 1e-6 for report in reports)


def test_rounded_constraints_hold_for_every_selection_that_fits():
    """Chvatal-Gomory: no selection within the capacity breaks one, whole or real weights."""
    random = np.random.default_rng(11)
    weights = random.integers(1, 100, 10)
    takes = (np.arange(2**10)[:, None] >> np.arange(10)) & 1
    for unit in (1, 0.1):
        scaled, capacity = weights * unit, 230 * unit
        fitting = takes[takes @ scaled <= capacity]
        for divisor in range(2, 40):
            assert (fitting @ rounded(scaled, capacity, divisor)).max() <= divisor - 1


def test_the_best_pair_of_two_lists_is_found():
    """One walk over both gives what all pairs give."""
    random = np.random.default_rng(12)
    one, other = (np.sort(random.choice(1000, 30, replace=False)) for _ in range(2))
    pairs = one[:, None] + other
    value, i, j = best_pair(one, 2 * one, other, 2 * other, 700)
    assert value == 2 * pairs[pairs <= 700].max() == 2 * (one[i] + other[j])


def test_kernels_run_without_the_compiler():
    """The kernels are plain Python as well."""
    code = (
        "from knapsolve.exact.core.solver import Core; from knapsolve.testing import check_solver, check_family; "
        "[check_family(Core(), name, count=5) for name in ('integers', 'float_values', 'ties', 'zero_weights')]"
    )
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=120)


def test_published_optima_are_met(data_folder):
    """Pisinger's 21 files."""
    folder = data_folder / "knapsack" / "knapPI"
    for name, optimum in json.loads((folder / "optima.json").read_text()).items():
        assert solved(read(folder / name)) == optimum
