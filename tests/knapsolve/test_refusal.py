"""A search that offers what cannot be an answer costs a warning: no exception, no wrong answer and no wrong bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from knapsolve import Answer, Knapsack, Status, solve
from knapsolve.exact.choice.budget import Budget
from knapsolve.exact.choice.pairs import Pair
from knapsolve.exact.core import solver as core_solver
from knapsolve.exact.core.deepening import Deepened
from knapsolve.exact.core.residues import Residues
from knapsolve.exact.core.search import ListSearch
from knapsolve.exact.core.solver import Stage
from knapsolve.exact.few_types import solver as few_types
from knapsolve.exact.few_types.deviations import OutOfRoomError
from knapsolve.portfolio.automatic import Automatic
from knapsolve.solution import evaluate, violation
from knapsolve.solver import Options, load
from knapsolve.testing import best_value

needs_ortools = pytest.mark.needs("ortools")
REFUSED = "a selection was refused"
RANDOM = np.random.default_rng(0)
WEIGHTS = RANDOM.integers(20, 90, (2, 14))
VALUES = WEIGHTS.sum(axis=0) + RANDOM.integers(0, 30, 14)
CAPACITIES = WEIGHTS.sum(axis=1) // 2

ONE = Knapsack(VALUES, WEIGHTS[0], CAPACITIES[0])
SEVERAL = Knapsack(VALUES, WEIGHTS, CAPACITIES)
TYPED = Knapsack.from_types(VALUES, np.arange(14) % 3, WEIGHTS[:, :3], 2 * WEIGHTS[:, :3].sum(axis=1))
CHOICE = Knapsack(VALUES, WEIGHTS, CAPACITIES // 2, choices=np.arange(14) // 2)
ORDERED = Knapsack(VALUES - 60, WEIGHTS, CAPACITIES, requires=[(item, item // 2) for item in range(1, 14)])


def check(problem: Knapsack, answer: Answer, best: float | None = None) -> None:
    """An answer that fits, with a bound that holds; optimal only where it is."""
    best = best_value(problem) if best is None else best
    assert answer.selected is not None
    value, usage = evaluate(problem, answer.selected)
    assert violation(problem, answer.selected, usage) is None
    assert value <= best <= answer.bound
    assert any(REFUSED in line for line in answer.trace)


class Returns:
    """A solver that returns what it is told to."""

    def __init__(self, like: str, selected: Any, bound: float) -> None:
        self.name, self.capabilities = "broken", load(like).capabilities
        self.answer = Answer(selected, bound)

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        return self.answer


@pytest.mark.parametrize(
    ("problem", "stands_in"),
    [(ONE, "greedy"), (SEVERAL, "greedy"), (TYPED, "greedy"), (CHOICE, "choice"), (ORDERED, "broken")],
    ids=["one", "several", "typed", "choice", "ordered"],
)
@pytest.mark.parametrize("selected", [np.ones(14, np.bool_), np.ones(13, np.bool_), np.ones(14), [True] * 14])
def test_another_answer_stands_in_for_one_that_breaks_a_constraint(
    problem: Knapsack, stands_in: str, selected: Any
) -> None:
    """Whatever is wrong with it; where nobody quick takes the problem it is the empty selection."""
    with pytest.warns(RuntimeWarning, match=f"'broken': {REFUSED}"):
        solution = solve(problem, Returns("highs", selected, 0))
    assert solution.solver == stands_in
    assert solution.status in (Status.FEASIBLE, Status.OPTIMAL)
    assert solution.value <= best_value(problem) <= solution.bound
    assert violation(problem, solution.selected, solution.usage) is None


def test_what_stands_in_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where those are broken as well, the empty selection is left, with the sum of all values as its bound."""
    for name in ("greedy", "choice"):
        monkeypatch.setattr(type(load(name)), "solve", lambda self, problem, options: everything(problem))
    with pytest.warns(RuntimeWarning, match=REFUSED) as warned:
        solution = solve(ONE, Returns("highs", np.ones(14, np.bool_), 0))
    assert len(warned) == 3
    assert (solution.value, solution.bound, solution.status) == (0, ONE.values.sum(), Status.FEASIBLE)


def everything(problem: Knapsack) -> Answer:
    """Return the claim that everything can be taken."""
    return Answer(np.ones(problem.n, np.bool_), 1)


@pytest.mark.parametrize(
    ("problem", "broken", "finder"),
    [
        (ONE, "core", "bellman"),
        pytest.param(SEVERAL, "branch-and-bound", "cpsat", marks=needs_ortools),
        (TYPED, "few-types", "branch-and-bound"),
        pytest.param(CHOICE, "choice", "cpsat", marks=needs_ortools),
        (ORDERED, "closure", "highs"),
    ],
)
def test_auto_goes_on_without_a_solver_whose_answer_is_refused(
    problem: Knapsack, broken: str, finder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one proves the optimum; the bound of the broken one is not believed."""
    monkeypatch.setattr(type(load(broken)), "solve", lambda self, problem, options: everything(problem))
    with pytest.warns(RuntimeWarning, match=f"'{broken}': {REFUSED}"):
        solution = solve(problem)
    assert (solution.status, solution.solver) == (Status.OPTIMAL, finder)
    assert solution.value == best_value(problem)


@needs_ortools
def test_auto_keeps_what_was_found_before_a_broken_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    """The selection of the first and its bound, where the second and the third are broken."""
    first = load("few-types").solve(TYPED, Options()).selected
    monkeypatch.setattr(type(load("few-types")), "solve", lambda *_: Answer(first, 10**6))
    for name in ("branch-and-bound", "cpsat"):
        monkeypatch.setattr(type(load(name)), "solve", lambda self, problem, options: everything(problem))
    with pytest.warns(RuntimeWarning, match=REFUSED):
        solution = solve(TYPED)
    assert solution.selected.tolist() == first.tolist()
    assert (solution.status, solution.bound, solution.solver) == (Status.FEASIBLE, 10**6, "few-types")


@needs_ortools
def test_auto_has_an_answer_where_every_solver_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Greedy's, with the bound of the linear relaxation."""
    for name in ("core", "bellman", "cpsat"):
        monkeypatch.setattr(type(load(name)), "solve", lambda self, problem, options: everything(problem))
    with pytest.warns(RuntimeWarning, match=REFUSED):
        solution = solve(ONE)
    assert solution.solver == "greedy"
    assert 0 < solution.value <= best_value(ONE) <= solution.bound < ONE.values.sum()


def taken_too_much(core: list[Any]) -> dict[int, int]:
    return {position: int(curve.ends[-1]) for position, curve in enumerate(core)}


def all_taken(nearby: Any, *rest: Any, **more: Any) -> Pair:
    """Return a pair of lists that is said to lose nothing by taking the last option of every class."""
    last = np.flatnonzero(np.diff(nearby.class_of, append=-1))
    return Pair(7, 0.0, last)


def too_good(*arguments: Any) -> float:
    """Take the last option of every class, whatever it weighs; what it is worth is invented."""
    start, best = arguments[2], arguments[-1]
    best[:] = start[1:] - 1
    return 1e6


BROKEN: dict[str, tuple[str, Knapsack, dict[str, Callable[..., Any]]]] = {
    "few-types": (
        "few-types",
        TYPED,
        {"exact.few_types.solver.best_deviation": lambda space, core, *_: taken_too_much(core)},
    ),
    "few-types, rounding": (
        "few-types",
        TYPED,
        {"exact.few_types.solver.rounded": lambda core, counts, *_: np.array([c.ends[-1] for c in core])},
    ),
    "bellman": ("bellman", ONE, {"exact.bellman.solve_block": lambda values, *_: np.ones(len(values), np.bool_)}),
    "branch and bound": (
        "branch-and-bound",
        SEVERAL,
        {"exact.branch_and_bound.spread": lambda *arguments: np.ones(arguments[-1], np.bool_)},
    ),
    "local search": (
        "local-search",
        SEVERAL,
        {"heuristics.beam.spread": lambda *arguments: np.ones(arguments[-1], np.bool_)},
    ),
    "closure": (
        "closure",
        ORDERED,
        {"exact.closure.core.Core.selection": lambda self, chosen, n: np.ones(n, np.bool_)},
    ),
    "choice, combinations": ("choice", CHOICE, {"exact.choice.budget.best_pair": all_taken}),
    "choice, neighbourhoods": (
        "choice",
        CHOICE,
        {
            "exact.choice.solver.grow": lambda classes, relaxation, options, *_: Budget(options, np.inf),
            "exact.choice.neighbourhood.best_pair": all_taken,
        },
    ),
    "choice, rounding": ("choice", CHOICE, {"exact.choice.solver.multistart": too_good}),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_solver_refuses_what_a_broken_search_of_its_own_offers(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps what it had, and claims no more than the rest of it proves."""
    name, problem, parts = BROKEN[kind]
    for place, part in parts.items():
        monkeypatch.setattr(f"knapsolve.{place}", part)
    with pytest.warns(RuntimeWarning, match=REFUSED):
        answer = load(name).solve(problem, Options())
    check(problem, answer)


def hard() -> Knapsack:
    """Return a problem that core's first stages do not prove."""
    random = np.random.default_rng(9)
    large = np.concatenate((np.repeat(10**5 // 2 ** np.arange(1, 7), 23), np.zeros(62, np.int64)))
    return Knapsack(large + random.integers(1, 201, 200), large + random.integers(1, 201, 200), 10**5)


HARD = hard()


def offered(base: Any, fault: str) -> tuple[NDArray[np.int64], Any]:
    """Return flips that are too heavy, or said to be worth more than they are."""
    flips = np.flatnonzero(~base.chosen)[:5] if fault == "weight" else np.flatnonzero(base.chosen)[:1]
    gain = np.where(base.chosen[flips], -base.values[flips], base.values[flips]).sum()
    return flips, gain if fault == "weight" else 10**6


def faulty_search(fault: str, base: Any, *_: Any) -> ListSearch:
    search = ListSearch(base.room, base.bound, base.best, base.unit, base.price, 64, None)
    search.flipped, search.best = offered(base, fault)
    return search


def faulty_levels(fault: str, search: ListSearch, base: Any) -> bool:
    """Claim a proof of what is not so."""
    search.flipped, search.best = offered(base, fault)
    return True


def faulty_residues(fault: str, base: Any, _: Any) -> Residues:
    flips, gain = offered(base, fault)
    return Residues(0.0, gain, flips, 1)


CORE: dict[str, tuple[str, Callable[..., Any]]] = {
    "short list": ("solver.search_levels", faulty_levels),
    "deepening list": ("deepening.search_levels", faulty_levels),
    "samples": ("solver.match_samples", faulty_search),
    "two halves": ("solver.match_halves", faulty_search),
    "residues": ("solver.search_residues", faulty_residues),
}


@pytest.mark.compiled
@pytest.mark.parametrize("fault", ["weight", "value"])
@pytest.mark.parametrize("stage", CORE)
def test_core_refuses_what_a_broken_stage_hands_on(stage: str, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what is too heavy nor what is worth less than it says, and no proof that comes with it."""
    best = solve(HARD, "bellman").value
    place, faulty = CORE[stage]
    only = next(one for one in core_solver.STAGES if one.name == stage)
    monkeypatch.setattr(core_solver, "STAGES", (replace(only, divisors=None if stage == "short list" else ()),))
    monkeypatch.setattr(f"knapsolve.exact.core.{place}", partial(faulty, fault))
    sentence = "it weighs .* more than fits" if fault == "weight" else "it is worth .*, not 1000000"
    with pytest.warns(RuntimeWarning, match=f"core, {stage}: {REFUSED}: {sentence}"):
        answer = load("core").solve(HARD, Options())
    check(HARD, answer, best)


@pytest.mark.compiled
def test_core_goes_on_after_a_broken_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stages behind it prove the optimum all the same."""
    best = solve(HARD, "bellman").value
    monkeypatch.setattr(core_solver, "STAGES", core_solver.STAGES[2:])
    monkeypatch.setattr(core_solver, "match_samples", partial(faulty_search, "weight"))
    with pytest.warns(RuntimeWarning, match=REFUSED):
        solution = solve(HARD, "core")
    assert (solution.value, solution.status) == (best, Status.OPTIMAL)


@pytest.mark.compiled
def test_core_never_gives_up_a_better_selection_for_a_worse_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage is told what was found since the constraints that it uses, and what it finds below that is left."""
    optimal = solve(HARD, "bellman")
    told = []

    def deepen(base: Any, current: Any, *_: Any) -> Deepened:
        base.adopt(base, np.flatnonzero(optimal.selected != base.chosen), optimal.value - base.value, "a test")
        return Deepened(False, current.bound + float(current.value - base.value), 1, 1)

    def match_halves(current: Any, *_: Any) -> ListSearch:
        told.append(current.value + current.best)
        worse = faulty_search("value", current)
        worse.best = -current.values[worse.flipped].sum()
        return worse

    monkeypatch.setattr(core_solver, "deepen", deepen)
    monkeypatch.setattr(core_solver, "match_halves", match_halves)
    stages = (Stage("deepening list", 64, divisors=(), method="deepening"), Stage("two halves", 64, method="halves"))
    monkeypatch.setattr(core_solver, "STAGES", stages)
    answer = load("core").solve(HARD, Options())
    assert told == [optimal.value] == [evaluate(HARD, answer.selected)[0]]
    assert answer.bound >= optimal.value


def test_core_begins_with_its_break_solution_where_filling_up_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """So does it where the enumeration of small problems is."""
    monkeypatch.setattr("knapsolve.exact.core.base.fill", lambda weights, room: np.arange(len(weights)))
    monkeypatch.setattr(
        "knapsolve.exact.core.solver.enumerate_selections", lambda values, *_: (np.ones(len(values), np.bool_), 1.0)
    )
    with pytest.warns(RuntimeWarning, match=REFUSED):
        answer = load("core").solve(ONE, Options())
    check(ONE, answer)
    assert evaluate(ONE, answer.selected)[0] == answer.bound


@pytest.mark.parametrize(
    ("problem", "name"),
    [
        (SEVERAL, "branch-and-bound"),
        (SEVERAL, "local-search"),
        (CHOICE, "choice"),
        (ORDERED, "closure"),
        (SEVERAL, "highs"),
        (ONE, "auto"),
    ],
)
def test_a_start_that_breaks_a_constraint_is_not_begun_with(problem: Knapsack, name: str) -> None:
    """Nothing of it is left in the answer."""
    solver = Automatic() if name == "auto" else load(name)
    with pytest.warns(RuntimeWarning, match=r"Options.start: a selection was refused"):
        answer = solver.solve(problem, Options(start=np.ones(problem.n, np.bool_)))
    value, usage = evaluate(problem, answer.selected)
    assert violation(problem, answer.selected, usage) is None
    assert value <= best_value(problem) <= answer.bound


def test_few_types_keeps_what_it_had_where_it_widens_its_band(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new relaxation whose counts are not rounded in time must not cost the selection before it."""
    random = np.random.default_rng(0)
    kind, weights = random.integers(0, 4, 5000), random.integers(1, 30, (2, 4))
    problem = Knapsack.from_types(random.random(5000), kind, weights, weights[:, kind].sum(axis=1) // 2)
    relax, rounded = few_types.relax, few_types.rounded
    calls: list[tuple[Any, ...]] = []

    def narrow(*arguments: Any) -> Any:
        calls.append(arguments)
        return replace(relax(*arguments), radius=1e-12) if len(calls) == 1 else relax(*arguments)

    def out_of_room(*_: Any) -> None:
        if len(calls) > 1:
            raise OutOfRoomError

    monkeypatch.setattr(few_types, "relax", narrow)
    monkeypatch.setattr(few_types, "rounded", lambda *arguments: rounded(*arguments) if len(calls) == 1 else None)
    monkeypatch.setattr(few_types, "best_deviation", out_of_room)
    answer = load("few-types").solve(problem, Options())
    assert "few-types: band widened to all items" in answer.trace
    value, usage = evaluate(problem, answer.selected)
    assert violation(problem, answer.selected, usage) is None
    monkeypatch.undo()
    best = load("few-types").solve(problem, Options())
    assert 0 < value <= evaluate(problem, best.selected)[0] <= answer.bound < problem.values.sum()
