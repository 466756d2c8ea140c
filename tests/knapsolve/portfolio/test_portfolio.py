"""What `solve` promises whatever the solver: a checked selection, a valid bound, errors that help."""

from __future__ import annotations

import json

import numpy as np
import pytest

from knapsolve import Answer, Capabilities, Knapsack, MissingPackageError, Progress, Status, solve, solvers
from knapsolve.limits.interruption import OverdueError
from knapsolve.portfolio.stand_in import solve_interruptibly
from knapsolve.solver import AUTO, Options, installed, load
from knapsolve.testing import best_value


class Careless:
    """Returns what it is told to, right or wrong."""

    name = "careless"
    capabilities = Capabilities(exact=False, choices=True, requires=True)

    def __init__(self, selected, bound):
        self.answer = Answer(None if selected is None else np.array(selected), bound)

    def solve(self, problem, options):
        return self.answer


PROBLEM = Knapsack([10, 13, 7], [3, 4, 2], 6)


def test_a_selection_over_capacity_is_never_returned():
    """Every answer is recomputed and checked before a user sees it; another's stands in for one that is refused."""
    with pytest.warns(RuntimeWarning, match=r"solver 'careless': a selection was refused: resource 0 is over its"):
        solution = solve(PROBLEM, Careless([True, True, True], 11))
    assert (solution.status, solution.solver, solution.value) == (Status.FEASIBLE, "greedy", 17)
    assert solution.bound >= 20
    assert any("careless" in line for line in solution.trace)


def test_optimal_needs_a_bound_that_meets_the_value():
    """A solver cannot claim more than it proves."""
    assert solve(PROBLEM, Careless([True, False, True], 20)).status is Status.FEASIBLE
    assert solve(PROBLEM, Careless([True, False, True], 17.9)).status is Status.OPTIMAL
    assert solve(PROBLEM, Careless([True, False, True], 20)).gap == pytest.approx(0.15)


def test_no_selection_still_has_a_bound():
    """A solver stopped early leaves its bound."""
    solution = solve(PROBLEM, Careless(None, 30))
    assert (solution.status, solution.bound, solution.value) == (Status.NO_SOLUTION, 30, -np.inf)


def test_an_unknown_solver_is_answered_with_the_list():
    """The error names every solver there is."""
    with pytest.raises(ValueError, match=r"must be one of .*few-types.*auto; got 'simplex'"):
        solve(PROBLEM, "simplex")


@pytest.mark.parametrize(
    ("problem", "solver", "message"),
    [
        (Knapsack([1], [[1], [1]], [1, 1]), "bellman", r"cannot handle 2 resources \(it takes 1\); .*few-types"),
        (Knapsack([1], [0.5], 1), "bellman", r"cannot handle weights that are not whole numbers; .*highs"),
        (Knapsack([1, 2], [1, 1], 1, choices=[0, 0]), "few-types", r"cannot handle choices; .*highs"),
        (Knapsack([1, 2], [1, 1], 1, requires=[[0, 1]]), "greedy", r"cannot handle requires; .*highs"),
    ],
)
def test_an_incapable_solver_names_one_that_can(problem, solver, message):
    """What is missing is said before any work, with the remedy."""
    with pytest.raises(ValueError, match=message):
        solve(problem, solver)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"time_limit": 0}, "time_limit"), ({"gap": -1}, "gap"), ({"seed": -1}, "seed"), ({"time_limit": np.nan}, "time")],
)
def test_bad_options_are_refused_by_name(options, message):
    """Options are checked like data."""
    with pytest.raises(ValueError, match=message):
        solve(PROBLEM, **options)


def test_forced_items_that_do_not_fit_are_infeasible_and_the_trace_says_why():
    """An infeasible forced-in set is a result with a reason, not an exception."""
    solution = solve(Knapsack([1, 1], [4, 4], 6, fixed_in=[0, 1]))
    assert solution.status is Status.INFEASIBLE
    assert "items forced in need 8 of resource 0, whose capacity is 6" in solution.trace[0]


@pytest.mark.parametrize(
    "solver",
    ["few-types", "bellman", "greedy", "highs", pytest.param("cpsat", marks=pytest.mark.needs("ortools")), "auto"],
)
def test_forced_items_are_respected_by_every_solver(solver):
    """Fixed items are resolved before the solver, so each handles them."""
    problem = Knapsack([1, 9, 5, 4], [3, 3, 2, 2], 7, fixed_in=[0], fixed_out=[1])
    solution = solve(problem, solver)
    assert solution.selected.tolist() == [True, False, True, True]
    assert solution.value == 10
    assert solution.bound >= 10


def test_requirements_and_choices_are_propagated_from_forced_items():
    """What is forced forces more: the required item comes in, its rivals go out."""
    problem = Knapsack([1, 1, 9, 1], [1, 1, 1, 1], 9, fixed_in=[0], requires=[[0, 1]], choices=[-1, 0, 0, -1])
    solution = solve(problem)
    assert solution.selected.tolist() == [True, True, False, True]
    assert solution.status is Status.OPTIMAL


def test_a_solution_turns_into_json():
    """`to_dict` holds only what JSON knows, infinities as null."""
    assert json.loads(json.dumps(solve(PROBLEM).to_dict()))["selected"] == [1, 2]
    assert json.loads(json.dumps(solve(PROBLEM, Careless(None, 30)).to_dict()))["value"] is None


def test_integer_values_give_an_integer_value_and_bound():
    """Integers stay exact from end to end."""
    large = 2**60
    solution = solve(Knapsack([large, large + 1], [1, 1], 1), "bellman")
    assert solution.value == solution.bound == large + 1
    assert isinstance(solution.value, int)


def test_integers_too_large_for_floats_are_left_to_an_exact_solver():
    """2**60 and 2**60 + 1 are the same float; auto must not confuse them."""
    large = 2**60
    solution = solve(Knapsack([large, large + 1, large - 1], [2, 2, 2], 4))
    assert solution.status is Status.OPTIMAL
    assert solution.value == 2 * large + 1


def test_progress_is_reported_with_a_bound_above_the_value():
    """The callback sees value and bound as the solver goes."""
    random = np.random.default_rng(0)
    seen: list[Progress] = []
    kinds = random.integers(0, 3, 500)
    problem = Knapsack.from_types(random.random(500), kinds, [[3, 5, 7]], 500)
    solve(problem, "few-types", on_progress=seen.append)
    assert seen
    assert all(report.value <= report.bound + 1e-9 for report in seen)


def test_every_name_in_the_list_solves():
    """`solvers()` lists what `solve` accepts, and says of the others what they need."""
    for name in solvers():
        if name == AUTO or installed(load(name)):
            assert solve(PROBLEM, name).value <= 20
        else:
            with pytest.raises(MissingPackageError, match="not installed: pip install"):
                solve(PROBLEM, name)


@pytest.mark.parametrize(
    ("problem", "reasons"),
    [
        (Knapsack([10, 13, 7], [3, 4, 2], 6), ["core, for one resource"]),
        (Knapsack([10, 13], [[3, 4], [1, 2]], [6, 2]), ["branch-and-bound, for several resources"]),
        (Knapsack([10, 13], [3, 4], 6, choices=[0, 0]), ["choice, for multiple choice"]),
        (Knapsack([10, 13], [3, 4], 7, requires=[[0, 1]]), ["closure, for items that require others"]),
        pytest.param(
            Knapsack([10, 13], [3, 4], 7, requires=[[0, 1]], choices=[0, -1]),
            ["cpsat, for what no other solver takes"],
            marks=pytest.mark.needs("ortools"),
        ),
        (Knapsack([10, 13], [3, 4], 6, requires=[[0, 1]]), ["core, for one resource"]),
        (Knapsack([10, 13], [3, 4], 6, fixed_out=[0, 1]), ["presolve: every item is fixed"]),
        (Knapsack.from_types([5] * 8, [0] * 8, [[2]], 9), ["few-types, for weights of few types"]),
    ],
)
def test_the_trace_says_why_each_solver_was_asked(problem, reasons):
    """Every way through auto leaves its reason."""
    trace = "\n".join(solve(problem).trace)
    assert all(reason in trace for reason in reasons), trace


def test_the_trace_names_what_was_not_tried_in_time():
    """A time limit that strikes between two solvers is told."""
    random = np.random.default_rng(0)
    weights = random.integers(1, 1000, (3, 400))
    values = weights.sum(axis=0) + random.integers(0, 50, 400)
    problem = Knapsack(values, weights, weights.sum(axis=1) // 2)
    solve(PROBLEM)
    solution = solve(problem, time_limit=0.3)
    assert "auto: time is up before " in solution.trace[-1]


@pytest.mark.parametrize("through", [SystemError("a callback returned a result with an exception set"), None])
def test_a_solver_that_is_left_while_numba_loads_a_kernel_is_left_all_the_same(through):
    """C code turns the exception that leaves it into another one, whose cause it is."""

    class Deaf:
        name = "deaf"
        capabilities = Capabilities(exact=False, choices=True, requires=True)

        def solve(self, problem, options):
            try:
                raise OverdueError
            except OverdueError as error:
                raise through or SystemError("of its own") from (error if through else None)

    if through is None:
        with pytest.raises(SystemError, match="of its own"):
            solve_interruptibly(Deaf(), PROBLEM, Options())
        return
    answer = solve_interruptibly(Deaf(), PROBLEM, Options())
    assert answer.selected is not None
    assert "deaf: interrupted, and did not stop" in answer.trace[0]


@pytest.mark.parametrize(
    "problem",
    [
        Knapsack([10, 13, 7], [[3, 4, 2], [1, 1, 1]], [6, 3]),
        Knapsack([10.5, 13, 7], [3, 4, 2], 7, requires=[[0, 1]]),
    ],
)
def test_ctrl_c_in_a_solver_leaves_a_selection_and_a_bound(problem, monkeypatch):
    """Whatever was found before counts; where that is nothing, greedy's selection or the empty one."""

    def interrupted(self, problem, options):
        raise OverdueError

    for name in ("branch-and-bound", "closure"):
        monkeypatch.setattr(type(load(name)), "solve", interrupted)
    solution = solve(problem)
    assert solution.status is Status.FEASIBLE
    assert any("did not stop" in line for line in solution.trace)
    assert solution.bound >= best_value(problem)
