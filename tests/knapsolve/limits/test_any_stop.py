"""Stopped after any number of steps, not at any time: what a solver hands back fits, and its bound holds."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.solvers.generators import files
from knapsolve import Knapsack, Progress, Status, solve
from knapsolve.exact.core import base, pairs, residues, search, solver
from knapsolve.exact.core.list import Steps
from knapsolve.exact.core.search import ListSearch
from knapsolve.exact.core.solver import Core
from knapsolve.limits import clock, interruption
from knapsolve.solution import evaluate, violation
from knapsolve.solver import Answer, Options, load
from shared.solvers import by_name

LATE = 1e9
"""A time after every deadline."""
CAPACITY = 10**5
SHORT, LONG = 64, 256
"""States of the lists that are to be cut, and of the others."""
MOST_LOOKS = 60
"""Looks at the clock after which a search that has no end of its own is stopped for the last time."""
FILE = "jooken/n_1200_c_100000000_g_14_f_0.3_eps_0_s_200.in"


class Looks:
    """A clock that stands at 0 until it has been looked at so many times, and then is late, and later by the look."""

    def __init__(self, allowed: float) -> None:
        self.allowed, self.seen = allowed, 0

    def __call__(self) -> float:
        self.seen += 1
        return LATE + self.seen if self.late else 0.0

    @property
    def late(self) -> bool:
        """Whether it has been looked at more often."""
        return self.seen > self.allowed

    @property
    def made(self) -> bool:
        """Whether Ctrl-C has been pressed, for a request that is looked at instead of the clock."""
        return self() > 0.0


def stop_after(steps: float, stop: str, patch: pytest.MonkeyPatch) -> Looks:
    """Have a solver find the time up, or Ctrl-C pressed, when it looks once more than so many times."""
    # The first look at the clock starts it.
    looks = Looks(steps + 1 if stop == "time" else steps)
    if stop == "time":
        patch.setattr(clock, "now", looks)
    if stop == "Ctrl-C":
        patch.setattr(interruption, "_current", looks)
    return looks


def numbers_of_steps() -> Iterator[int]:
    """Yield every number at first, and then ever fewer."""
    steps = 0.0
    while True:
        yield int(steps)
        steps = max(steps + 1, steps * 1.03)


def stopped_list(stop: str, steps: int, patch: pytest.MonkeyPatch) -> tuple[ListSearch, Steps]:
    """Run a short list over 200 items until it is stopped after so many steps, or has ended."""
    random = np.random.default_rng(7)
    weight, value = random.integers(1, 50, 200), random.integers(1, 50, 200)
    sign = np.where(random.random(200) < 0.5, 1, -1)
    items = Steps(np.arange(200), sign * weight, sign * value, np.sort(random.random(200)))
    patch.setattr(search, "FIRST_SIZE", 8)
    patch.setattr(search, "WORK", 1)
    patch.setattr(search, "ARCHIVE_ENTRIES", 60)
    stop_after(steps, stop, patch)
    found = ListSearch(
        40, 1e3, 0, 0.5, 0.02, 8 + 4 * steps if stop == "memory" else 32, 1.0 if stop == "time" else None,
        beam=stop != "memory", most_work=40 * steps if stop == "work" else np.inf,
    )  # fmt: skip
    found.run(items, 0.0, 0.0)
    return found, items


@pytest.mark.parametrize("stop", ["time", "Ctrl-C", "work", "memory"])
def test_every_state_of_a_stopped_list_is_what_its_flips_are(stop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its weight and value are those of the items that are read off the archive, wherever in a block it stopped."""
    filed = 0
    for steps in range(400 if stop != "memory" else 150):
        with monkeypatch.context() as patch:
            found, items = stopped_list(stop, steps, patch)
        weights, values = found.current()
        for state in range(0, found.count, max(found.count // 32, 1)):
            flips = found.flips_of(state)
            assert items.weight[flips].sum() == weights[state]
            assert items.value[flips].sum() == values[state]
        if found.flipped is not None:
            assert items.value[found.flipped].sum() == found.best
            assert items.weight[found.flipped].sum() <= found.room
        filed += bool(found.stopped) and found._offset == search.BLOCK * len(found._archive) > 0
        if not found.stopped:
            break
    # The very place: a block has been filed, and the first step of the next one has not been taken.
    assert filed


@cache
def in_steps(seed: int) -> Knapsack:
    """Return a problem of Jooken et al.'s kind: items of half the capacity, of a quarter and so on, and small ones.

    "A new class of hard problem instances for the 0-1 knapsack problem", Eur. J. Oper. Res. 301, 2022.
    """
    random = np.random.default_rng(seed)
    large = np.concatenate((np.repeat(CAPACITY // 2 ** np.arange(1, 7), 23), np.zeros(62, np.int64)))
    return Knapsack(large + random.integers(1, 201, 200), large + random.integers(1, 201, 200), CAPACITY)


@cache
def copies() -> Knapsack:
    """Return a problem of many copies of few kinds of items, which residues solve."""
    random = np.random.default_rng(4)
    weights = random.integers(5, 40, 8)
    kind = random.integers(0, 8, 400)
    values = weights + random.integers(0, 9, 8)
    return Knapsack(values[kind], weights[kind], int(weights[kind].sum() // 2))


@cache
def optimum(problem: Knapsack) -> int | float:
    solution = solve(problem)
    assert solution.status is Status.OPTIMAL
    return solution.value


def checked(problem: Knapsack, answer: Answer, least: float) -> int | float:
    """Return the value of an answer, recomputed, once it is known to fit and to be bounded, as is a known value."""
    assert answer.selected is not None
    value, usage = evaluate(problem, answer.selected)
    assert violation(problem, answer.selected, usage) is None
    slack = answer.tolerance * abs(value) if problem.integer_values else 1e-9 * abs(value)
    assert answer.bound >= max(value, least) - slack
    return value


def shrink(patch: pytest.MonkeyPatch) -> None:
    """Have the core's lists full after a few steps, look at the clock often, and start from nothing."""
    patch.setattr(solver, "enumerate_selections", lambda *_: None)
    patch.setattr(solver, "SHORT_LIST", SHORT)
    patch.setattr(search, "FIRST_SIZE", 16)
    patch.setattr(search, "WORK", 100)
    patch.setattr(residues, "CELLS", 1)
    patch.setattr(pairs, "PAIR_STEPS", 1000)
    patch.setattr(base, "fill", lambda *_: np.empty(0, np.int64))
    patch.setattr(base, "_swap", lambda *_: None)


def small(stage: solver.Stage) -> solver.Stage:
    """Return a stage with short lists and little work, and its constraints where it needs those of an earlier one."""
    divisors = () if stage.divisors is None and stage.method in ("samples", "halves", "deepening") else stage.divisors
    cut = stage.states == solver.SHORT_LIST or stage.method in ("samples", "halves")
    return replace(stage, states=SHORT if cut else LONG, work=min(stage.work, 2e5), divisors=divisors)


SMALL = {stage.name: small(stage) for stage in solver.STAGES}


def solve_stopped(
    problem: Knapsack, least: float, stages: tuple[solver.Stage, ...], stop: str, steps: int, patch: pytest.MonkeyPatch
) -> bool:
    """Solve by some of the core's stages, stopped after so many steps; check the answer, return whether it stopped."""
    shrink(patch)
    if stop == "work":
        stages = tuple(replace(stage, work=min(stage.work, 300.0 * steps)) for stage in stages)
    if stop == "memory":
        stages = tuple(replace(stage, states=stage.states if stage.states == SHORT else 16 + steps) for stage in stages)
    patch.setattr(solver, "STAGES", stages)
    looks = stop_after(steps, stop, patch)
    reports: list[Progress] = []
    limit = 1.0 if stop == "time" else None
    answer = Core().solve(problem, Options(time_limit=limit, on_progress=reports.append))
    value = checked(problem, answer, least)
    assert [report.value for report in reports] == sorted(report.value for report in reports)
    assert all(report.bound >= least * (1 - 1e-12) for report in reports)
    assert not reports or reports[-1].value == pytest.approx(value, rel=1e-12)
    return looks.late if stop in ("time", "Ctrl-C") else steps < 100


@pytest.mark.compiled
@pytest.mark.parametrize("stop", ["time", "Ctrl-C", "work", "memory"])
@pytest.mark.parametrize("stage", SMALL)
def test_a_stage_of_core_stopped_after_any_number_of_steps_answers(
    stage: str, stop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each stage alone, from the break solution."""
    steps, stopped = 0, True
    while stopped:
        with monkeypatch.context() as patch:
            problem = copies() if stage == "residues" else in_steps(9)
            stopped = solve_stopped(problem, optimum(problem), (SMALL[stage],), stop, steps, patch)
        steps += 1


def test_core_refuses_what_is_read_off_the_wrong_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it once was: the answer is the one before it, its value is right, and so is the bound."""

    def flips_of(found: ListSearch, state: int) -> NDArray[np.int64]:
        filed = found._archive
        if found._offset == search.BLOCK * len(filed) > 0:
            found._archive = filed[:-1]
        flips = right(found, state)
        found._archive = filed
        return flips

    right, refused = ListSearch.flips_of, 0
    for steps in range(60):
        with monkeypatch.context() as patch, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            patch.setattr(ListSearch, "flips_of", flips_of)
            solve_stopped(in_steps(9), optimum(in_steps(9)), (SMALL["two halves"],), "time", steps, patch)
        refused += any("core, two halves: a selection was refused: it " in str(one.message) for one in caught)
    assert refused


@pytest.mark.compiled
@pytest.mark.parametrize("real", [False, True])
def test_core_stopped_after_any_number_of_steps_answers(real: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """All stages in turn, each from what those before it found."""
    problem = in_steps(5)
    if real:
        problem = Knapsack(problem.values * 0.1, problem.weights * 0.1, problem.capacities * 0.1)
    for steps in numbers_of_steps():
        with monkeypatch.context() as patch:
            if not solve_stopped(problem, optimum(problem), tuple(SMALL.values()), "time", steps, patch):
                return


def several() -> Knapsack:
    random = np.random.default_rng(1)
    weights = random.integers(1, 1000, (3, 25))
    return Knapsack(weights.sum(axis=0) + random.integers(0, 100, 25), weights, weights.sum(axis=1) // 2)


def one_resource() -> Knapsack:
    random = np.random.default_rng(1)
    weights = random.integers(1, 100, 40)
    return Knapsack(weights + 10, weights, int(weights.sum() // 2))


def few_types() -> Knapsack:
    random = np.random.default_rng(2)
    kind, weights = random.integers(0, 12, 200), random.integers(1, 30, (2, 12))
    return Knapsack.from_types(random.random(200), kind, weights, weights[:, kind].sum(axis=1) // 2)


def alternatives(exactly_one: bool) -> Knapsack:
    random = np.random.default_rng(3)
    weights = random.integers(1, 1000, (3, 50))
    values = weights.sum(axis=0) + random.integers(0, 300, 50)
    return Knapsack(values, weights, weights.sum(axis=1) // 6, choices=np.arange(50) // 5, exactly_one=exactly_one)


def ordered() -> Knapsack:
    random = np.random.default_rng(4)
    requires = [(item, random.integers(0, item)) for item in range(1, 30)]
    weights = random.integers(1, 100, (2, 30))
    return Knapsack(random.integers(-50, 100, 30), weights, weights.sum(axis=1) // 3, requires=requires)


PROBLEMS = {
    "bellman": one_resource(),
    "few-types": few_types(),
    "branch-and-bound": several(),
    "local-search": several(),
    "choice": alternatives(False),
    "choice, exactly one": alternatives(True),
    "closure": ordered(),
    "greedy": several(),
}
OFTEN = {
    "exact.bellman.BLOCK_BITS": 2**12,
    "exact.bellman.CHUNK_CELLS": 2**12,
    "exact.few_types.deviations.ALLOWANCE": 64,
    "exact.branch_and_bound.SLICE_WORK": 1e4,
    "exact.branch_and_bound.TINY_PIVOTS": 50,
    "exact.branch_and_bound.EASY_PIVOTS": 200,
    "exact.branch_and_bound.WARM_ROUNDS": 3,
    "heuristics.beam.CHUNK_WORK": 1e4,
    "heuristics.neighbourhood.SLICE_WORK": 1e4,
    "exact.choice.pairs.WORK": 2**8,
    "exact.choice.relaxation.WORK": 2**6,
    "exact.closure.solver.SLICE_WORK": 1000,
    "exact.closure.solver.EASY_WORK": 2000,
    "exact.closure.tree.NODE_ARCS": 1000,
    "exact.closure.neighbourhood.ROUND_WORK": 1000,
}
"""Shares of work between two looks at the clock, and before another way is tried, that make both frequent."""


@pytest.mark.parametrize("stop", ["time", "Ctrl-C"])
@pytest.mark.parametrize("kind", by_name(PROBLEMS))
def test_every_solver_stopped_after_any_number_of_steps_answers(
    kind: str, stop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A class that must have an item may have none by then: no selection, but a bound."""
    problem, name = PROBLEMS[kind], kind.split(",")[0]
    least = optimum(problem)
    for steps in numbers_of_steps():
        with monkeypatch.context() as patch:
            for constant, often in OFTEN.items():
                patch.setattr(f"knapsolve.{constant}", often)
            looks = stop_after(steps, stop, patch)
            answer = load(name).solve(problem, Options(time_limit=1.0 if stop == "time" else None))
        if answer.selected is None:
            assert problem.exactly_one
            assert answer.bound >= least
        else:
            checked(problem, answer, least)
        if not looks.late or (name == "local-search" and steps > MOST_LOOKS):
            return


@pytest.mark.compiled
@pytest.mark.parametrize("kind", ["bellman", "few-types", "branch-and-bound", "choice", "closure"])
def test_auto_stopped_after_any_number_of_steps_answers(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Presolving, one solver or two in turn, and the check of the answer."""
    problem = PROBLEMS[kind]
    least = optimum(problem)
    for steps in numbers_of_steps():
        with monkeypatch.context() as patch:
            for constant, often in OFTEN.items():
                patch.setattr(f"knapsolve.{constant}", often)
            looks = stop_after(steps, "time", patch)
            solution = solve(problem, time_limit=1.0)
        value, usage = evaluate(problem, solution.selected)
        assert violation(problem, solution.selected, usage) is None
        assert solution.value == value
        assert solution.bound >= least * (1 - 1e-9)
        assert (solution.status is Status.OPTIMAL) == (value == pytest.approx(least) == solution.bound)
        if not looks.late:
            return


def filings(problem: Knapsack, patch: pytest.MonkeyPatch) -> list[int]:
    """Return after how many steps a list is full just where a block has been filed."""
    looks = stop_after(np.inf, "time", patch)
    enlarge, found = ListSearch._enlarge, []

    def watched(full: ListSearch, cost: float) -> bool:
        if full._offset == search.BLOCK * len(full._archive) > 0:
            found.append(looks.seen - 1)
        return enlarge(full, cost)

    patch.setattr(ListSearch, "_enlarge", watched)
    Core().solve(problem, Options(time_limit=10.0))
    return found


@pytest.mark.slow
def test_a_hard_file_stopped_where_a_block_has_been_filed_is_answered(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was once answered with a selection over the capacity; stopped right before and after, too."""
    problem = files.problem(0, 0, np.random.default_rng(0), path=FILE)
    least = files.best_known(FILE, 0)
    monkeypatch.setattr(solver, "STAGES", solver.STAGES[:10])
    with monkeypatch.context() as patch:
        moments = filings(problem, patch)
    assert moments
    for steps in sorted({moment + by for moment in moments for by in (-1, 0, 1)}):
        with monkeypatch.context() as patch:
            stop_after(steps, "time", patch)
            answer = Core().solve(problem, Options(time_limit=10.0))
        checked(problem, answer, least)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["short list", "samples", "two halves", "medium list"])
def test_a_hard_file_stopped_after_any_number_of_steps_of_a_stage_is_answered(
    stage: str, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same with shorter lists, so that every step can be tried."""
    problem = files.problem(0, 0, np.random.default_rng(0), path=FILE)
    least = files.best_known(FILE, 0)
    for steps in count():
        with monkeypatch.context() as patch:
            if not solve_stopped(problem, least, (SMALL[stage],), "time", steps, patch):
                return
