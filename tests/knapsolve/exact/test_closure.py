"""closure: exact knapsacks whose items need other items, and what presolve makes of requirements."""

from __future__ import annotations

import _thread
import threading
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.solvers.generators import precedence
from knapsolve import Knapsack, Options, Status, solve
from knapsolve.exact.closure.core import Closures, core_of
from knapsolve.exact.closure.solver import Closure
from knapsolve.kernels.graph import graph_of
from knapsolve.portfolio.presolve import Reduced, presolve
from knapsolve.solution import evaluate, violation
from knapsolve.testing import best_value, check_solver

FAMILIES = {"pit": precedence.open_pit, "graph": precedence.random_graph, "tree": precedence.tree}


def made(family, n, m, seed=0):
    return FAMILIES[family](n, m, np.random.default_rng(seed))


@st.composite
def problems(draw, choices=False):
    """Small problems with cycles, forced and forbidden items, whole or real numbers, negative values."""
    n, m = draw(st.integers(1, 9)), draw(st.integers(1, 3))
    tenths = draw(st.booleans())
    weight = st.integers(0, 12)
    weights = np.array(draw(st.lists(st.lists(weight, min_size=n, max_size=n), min_size=m, max_size=m)))
    value = draw(st.sampled_from([st.integers(-9, 20), st.floats(-9, 20, width=16), st.integers(-1, 1)]))
    values = np.array(draw(st.lists(value, min_size=n, max_size=n)))
    capacities = np.array(draw(st.lists(st.integers(0, 40), min_size=m, max_size=m)))
    item = st.integers(0, n - 1)
    requires = draw(st.lists(st.tuples(item, item), max_size=2 * n))
    fixed = draw(st.lists(item, max_size=3, unique=True))
    inside = draw(st.integers(0, len(fixed)))
    labels = draw(st.lists(st.integers(-1, 3), min_size=n, max_size=n)) if choices else None
    return Knapsack(
        values,
        weights / 10 if tenths else weights,
        capacities / 10 if tenths else capacities,
        requires=np.array(requires, np.int64).reshape(-1, 2),
        fixed_in=fixed[:inside],
        fixed_out=fixed[inside:],
        choices=labels,
        exactly_one=choices and draw(st.booleans()),
    )


def agree(problem, solver):
    best, solution = best_value(problem), solve(problem, solver)
    if best is None:
        assert solution.status is Status.INFEASIBLE
        return
    scale = 1e-9 * float(np.abs(problem.values).sum())
    assert solution.status is Status.OPTIMAL, solution
    assert violation(problem, solution.selected, solution.usage) is None
    assert solution.value == pytest.approx(best, abs=scale)
    assert solution.bound >= best - scale


def check(solver, examples, choices=False):
    quiet = settings(max_examples=examples, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    quiet(given(problems(choices))(lambda problem: agree(problem, solver)))()


def test_it_equals_brute_force():
    """Cycles, forced and forbidden items, one to three resources, whole and real numbers."""
    check("closure", 60)


@pytest.mark.slow
def test_it_equals_brute_force_many_times():
    """The same, until it hurts."""
    check("closure", 5000)


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["auto", "highs", pytest.param("cpsat", marks=pytest.mark.needs("ortools"))])
def test_merging_is_right_for_solvers_that_know_nothing_of_it(solver):
    """Merged cycles and dropped items leave every optimum as it was, also under choices."""
    check(solver, 300, choices=True)


@pytest.mark.slow
def test_it_passes_the_conformance_suite():
    """Every family of small problems, those without requirements among them."""
    check_solver(Closure(), count=200)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("m", [1, 2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_it_agrees_with_highs(family, m, seed):
    """A general solver proves the same optimum at sizes no brute force reaches."""
    problem = made(family, 150, m, seed)
    ours, theirs = solve(problem, "closure"), solve(problem, "highs")
    assert ours.status is theirs.status is Status.OPTIMAL
    assert ours.value == theirs.value


@pytest.mark.slow
@pytest.mark.needs("ortools")
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("solver", ["cpsat", "scip"])
def test_it_agrees_with_other_solvers(family, solver):
    """Two more unlike methods, one optimum."""
    problem = made(family, 100, 2, 7)
    assert solve(problem, "closure").value == solve(problem, solver).value


def test_real_numbers_agree_with_whole_ones():
    """Dividing values and weights by powers of two changes nothing but the unit."""
    problem = made("tree", 80, 2)
    scaled = Knapsack(problem.values / 64, problem.weights / 8, problem.capacities / 8, requires=problem.requires)
    assert solve(scaled, "closure").value == solve(problem, "closure").value / 64


def test_a_priced_closure_is_the_best_closed_set():
    """Without capacities the bound at prices of zero is what the best of all closed sets is worth."""
    random = np.random.default_rng(3)
    for _ in range(30):
        n = int(random.integers(1, 9))
        pairs = random.integers(0, n, (2 * n, 2))
        problem = Knapsack(random.integers(-9, 9, n), np.zeros((1, n), np.int64), 1, requires=pairs)
        closures = Closures(core_of(problem)[0])
        closures.lower(np.zeros(1), -np.inf, 1)
        assert closures.bound == pytest.approx(best_value(problem))
        inside = closures.flow.level < 0
        assert violation(problem, inside, evaluate(problem, inside)[1]) is None
        assert evaluate(problem, inside)[0] == pytest.approx(closures.bound)


def test_a_flow_left_over_from_other_prices_bounds_all_the_same():
    """Warm starts change the way, not the closure's worth."""
    problem = made("pit", 200, 1)
    core = core_of(problem)[0]
    warm = Closures(core)
    for price in (0.0, 500.0, 50.0, 200.0):
        cold = Closures(core)
        for closures in (warm, cold):
            closures.lower(np.array([price]), -np.inf, 1)
        assert warm.bound == pytest.approx(cold.bound)


def test_both_ways_round_the_graph_holds_the_same_pairs():
    """Each arc is found from either end."""
    pairs = np.random.default_rng(0).integers(0, 20, (60, 2))
    graph = graph_of(pairs, 20)
    forward = [(a, int(graph.needs[k])) for a in range(20) for k in range(graph.start[a], graph.start[a + 1])]
    backward = [(int(graph.needed_by[k]), b) for b in range(20) for k in range(graph.back[b], graph.back[b + 1])]
    assert sorted(forward) == sorted(backward) == sorted(map(tuple, pairs.tolist()))
    assert (graph.needs[graph.arc] == np.repeat(np.arange(20), np.diff(graph.back))).all()


def test_items_that_need_each_other_become_one_and_integers_stay_integers():
    """Sums beyond what floats hold are exact."""
    large = 2**55
    problem = Knapsack([large, 1, 1, 5], [[1, 2, 3, 4]], 9, requires=[[0, 1], [1, 2], [2, 0], [3, 0]])
    reduced = presolve(problem)
    assert isinstance(reduced, Reduced)
    assert reduced.problem.n == 1  # item 3 does not fit with all that it needs
    assert reduced.problem.values.tolist() == [large + 2]
    assert reduced.problem.weights.tolist() == [[6]]
    assert reduced.problem.requires is None
    assert reduced.lift(np.array([True])).tolist() == [True, True, True, False]


def test_a_cycle_with_two_items_of_a_choice_is_out_and_one_of_two_choices_stays():
    """Only one of a choice may be chosen; and no single item could carry two labels."""
    problem = Knapsack(
        np.ones(6), np.ones((1, 6)), 6, requires=[[0, 1], [1, 0], [2, 3], [3, 2]], choices=[0, 0, 1, 2, 1, -1]
    )
    reduced = presolve(problem)
    assert isinstance(reduced, Reduced)
    assert reduced.problem.n == 4
    assert reduced.problem.requires.tolist() == [[0, 1], [1, 0]]
    assert reduced.problem.choices.tolist() == [1, 2, 1, -1]


def test_requirements_that_are_settled_leave_a_problem_for_every_solver():
    """A self-loop asks for nothing, and what only forced items need is in."""
    problem = Knapsack([5, 1, 4], [2, 1, 2], 5, requires=[[0, 0], [0, 1]], fixed_in=[0])
    reduced = presolve(problem)
    assert isinstance(reduced, Reduced)
    assert reduced.problem.requires is None
    assert solve(problem, "auto").selected.tolist() == [True, True, True]


def test_a_long_chain_is_followed_in_one_pass():
    """Forcing the last link of a hundred thousand brings them all."""
    n = 100_000
    chain = np.column_stack((np.arange(1, n), np.arange(n - 1)))
    problem = Knapsack(np.ones(n, np.int64), np.ones(n, np.int64), n, requires=chain, fixed_in=[n - 1])
    assert solve(problem).value == n


@pytest.mark.compiled
@pytest.mark.parametrize("family", FAMILIES)
def test_a_time_limit_holds_and_leaves_a_selection_and_a_bound(family):
    """Stopped after half a second: something is chosen, nothing is worth more than the bound."""
    problem = made(family, 30_000, 3)
    solve(made(family, 100, 3), "closure")
    before = time.perf_counter()
    solution = solve(problem, "closure", time_limit=0.5)
    assert time.perf_counter() - before < 0.5 + 0.5
    assert solution.value > 0
    assert solution.bound >= solution.value


@pytest.mark.compiled
def test_ctrl_c_keeps_what_was_found():
    """The interrupt ends the search, not the answer."""
    problem = made("graph", 3000, 3)
    solve(made("graph", 100, 3), "auto")
    threading.Timer(1.0, _thread.interrupt_main).start()
    solution = solve(problem, "auto")
    assert solution.status is Status.FEASIBLE
    assert solution.value > 0
    assert "stopped by Ctrl-C" in solution.trace


def test_integers_too_large_for_floats_are_declined():
    """2**60 and 2**60 + 1 are the same float: the sums are another solver's business, and its bound is honest."""
    problem = Knapsack([2**60, 2**60 + 1, 1], [1, 1, 0], 1, requires=[[0, 2]])
    assert "declined" in Closure().solve(problem, Options()).trace[0]
    solution = solve(problem)
    assert solution.value == 2**60 + 2 <= solution.bound


def test_a_gap_is_enough():
    """With a tenth allowed the search may stop earlier, and its bound is no more than a tenth away."""
    solution = solve(made("tree", 500, 2), "closure", gap=0.1)
    assert solution.gap <= 0.1
