"""Every backend through its worker, on problems that have tripped one of them."""

import itertools
import time

import numpy as np
import pytest

from knapsolve.backends.cpsat import CpSat
from knapsolve.backends.cvxpy import Cvxpy
from knapsolve.backends.highs import Highs
from knapsolve.backends.scip import Scip
from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate, violation
from knapsolve.solver import Options, Progress
from knapsolve.testing import best_value

needs_cvxpy, needs_ortools = pytest.mark.needs("cvxpy"), pytest.mark.needs("ortools")
BACKENDS = [Highs(), *(pytest.param(one, marks=needs_ortools) for one in (CpSat(), Scip()))]
BACKENDS.append(pytest.param(Cvxpy(), marks=needs_cvxpy))
each = pytest.mark.parametrize("solver", BACKENDS, ids=lambda solver: solver.name)


def hard_problem(n: int = 2000, m: int = 5) -> Knapsack:
    random = np.random.default_rng(0)
    weights = random.integers(1, 1000, (m, n))
    return Knapsack(weights.sum(axis=0) + random.integers(0, 100, n), weights, weights.sum(axis=1) // 2)


@each
def test_a_gap_of_a_hundred_thousandth_is_not_called_optimal(solver) -> None:
    """HiGHS stops at a relative gap of 1e-4 by default."""
    random = np.random.default_rng(1)
    weights = random.integers(100, 1000, 40)
    problem = Knapsack(weights * 1000 + random.integers(0, 9, 40), weights, int(weights.sum()) // 2)
    answer = solver.solve(problem, Options())
    assert evaluate(problem, answer.selected)[0] == answer.bound


@each
@pytest.mark.parametrize(("seed", "optimum"), [(6, 633), (84, 641)])
def test_choices_among_weights_near_1e11_are_proved_right(solver, seed: int, optimum: int) -> None:
    """CP-SAT's presolve lost the optimum of the second; SCIP, given the weights unscaled, that of both."""
    random = np.random.default_rng(seed)
    weights = random.integers(1, 10**11, (2, 20))
    values = random.integers(1, 99, 20)
    problem = Knapsack(values, weights, weights.sum(axis=1) // 2, choices=random.integers(-1, 7, 20))
    answer = solver.solve(problem, Options())
    assert evaluate(problem, answer.selected)[0] == answer.bound == optimum


@each
@pytest.mark.parametrize("unit", [1e-9, 1e-3, 1e9])
def test_the_optimum_does_not_depend_on_the_unit(solver, unit: float) -> None:
    random = np.random.default_rng(2)
    values, weights = random.random(30), random.random((2, 30))
    one = solver.solve(Knapsack(values, weights, weights.sum(axis=1) / 3), Options())
    other = solver.solve(Knapsack(values * unit, weights * unit, weights.sum(axis=1) * unit / 3), Options())
    assert np.array_equal(one.selected, other.selected)
    assert other.bound == pytest.approx(one.bound * unit, rel=1e-9)


@each
def test_float_bounds_are_close_and_never_below_the_optimum(solver) -> None:
    random = np.random.default_rng(3)
    for _ in range(20):
        values, weights = random.random(10), random.random((2, 10))
        problem = Knapsack(values, weights, weights.sum(axis=1) / 2)
        fits = [np.array(s) for s in itertools.product([False, True], repeat=10)]
        best = max(values[s].sum() for s in fits if (weights[:, s].sum(axis=1) <= problem.limits).all())
        answer = solver.solve(problem, Options())
        assert best * (1 - 1e-15) <= answer.bound <= best * (1 + 1e-9)


@each
def test_a_time_limit_gives_the_best_so_far_and_a_bound(solver) -> None:
    problem = hard_problem()
    solver.solve(Knapsack([1], [1], [1]), Options())
    begun = time.monotonic()
    answer = solver.solve(problem, Options(time_limit=1.0))
    assert time.monotonic() - begun < 2.5
    value, usage = evaluate(problem, answer.selected)
    assert violation(problem, answer.selected, usage) is None
    assert value < answer.bound < problem.values.sum()


@each
def test_a_kill_in_the_middle_keeps_what_the_solver_had_reported(solver, monkeypatch: pytest.MonkeyPatch) -> None:
    from knapsolve.backends import process

    problem = hard_problem()
    solver.solve(Knapsack([1], [1], [1]), Options())
    # The worker is told of no limit, so that only the kill can end it.
    send = process.messages.send
    monkeypatch.setattr(process.messages, "send", lambda pipe, message: send(pipe, _without_limit(message)))
    answer = solver.solve(problem, Options(time_limit=2.0))
    assert "killed" in answer.trace[0]
    value, usage = evaluate(problem, answer.selected)
    assert violation(problem, answer.selected, usage) is None
    assert 0 < value < answer.bound < problem.values.sum()


def _without_limit(message):
    from dataclasses import replace

    number, job = message
    return number, replace(job, time_limit=None)


@each
def test_progress_only_improves(solver) -> None:
    seen: list[Progress] = []
    solver.solve(Knapsack([1], [1], [1]), Options())  # the limit below is not for starting a process
    solver.solve(hard_problem(500), Options(time_limit=1.5, on_progress=seen.append))
    assert len(seen) > 1
    for before, after in itertools.pairwise(seen):
        assert after.value >= before.value
        assert after.bound <= before.bound
        assert after.seconds >= before.seconds


@each
def test_a_start_is_never_lost(solver) -> None:
    problem = hard_problem()
    start = solver.solve(problem, Options(time_limit=1.0)).selected
    answer = solver.solve(problem, Options(time_limit=0.05, start=start))
    assert evaluate(problem, answer.selected)[0] >= evaluate(problem, start)[0]


@each
def test_the_same_seed_gives_the_same_selection(solver) -> None:
    problem = hard_problem(60, 2)
    first, second = (solver.solve(problem, Options(seed=7)) for _ in range(2))
    assert np.array_equal(first.selected, second.selected)


@each
def test_a_capacity_that_tenths_fill_exactly_is_filled(solver) -> None:
    problem = Knapsack([1, 1, 1], [0.1, 0.1, 0.1], 0.3)
    assert solver.solve(problem, Options()).selected.all()


@each
def test_an_impossible_choice_is_infeasible(solver) -> None:
    problem = Knapsack([1, 2], [5, 6], 4, choices=[0, 0], exactly_one=True)
    answer = solver.solve(problem, Options())
    assert answer.infeasible
    assert answer.selected is None


@each
def test_values_too_far_apart_for_a_proof_are_solved_with_the_tolerance_stated(solver) -> None:
    problem = Knapsack([1e15, 1.0, 2.0, 1e-3], [1, 1, 1, 1], 3)
    answer = solver.solve(problem, Options())
    assert answer.selected[0]
    assert answer.tolerance > 0
    assert answer.bound >= 1e15 + 3


@needs_ortools
def test_whole_floats_are_solved_as_integers_by_cpsat() -> None:
    answer = CpSat().solve(Knapsack([1e15, 1.0, 2.0], [1, 1, 1], 2), Options())
    assert answer.selected.tolist() == [True, False, True]
    assert answer.bound == 1e15 + 2
    assert answer.tolerance == 0


def test_a_selection_that_tolerances_let_through_is_forbidden_and_the_optimum_still_proved() -> None:
    """An item of a large weight, taken but for a millionth, makes room for a small one."""
    values = [2, 29, 25, 29, 12, 2, 10]
    weights = [559.8785076400954, 0.49598588239799246, 384.0785138170733, 6994.390063278583, 6343.332149198098]
    weights += [0.0006220673692795171, 0.0008378219962929157]
    problem = Knapsack(values, [weights], [7938.843908440146], requires=[[3, 5], [1, 6]])
    answer = Highs().solve(problem, Options())
    assert evaluate(problem, answer.selected)[0] == answer.bound == best_value(problem)
