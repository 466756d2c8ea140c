"""Nested knapsacks against enumeration, stopped at any time, and what is refused at the door."""

import _thread
import itertools
import signal
import threading
import time

import numpy as np
import pytest

from knapsolve import Answer, Capabilities, Status
from knapsolve.exact.choice.classes import Classes
from knapsolve.limits import clock
from knapsolve.limits.interruption import interrupted
from knapsolve.nested import search
from knapsolve.nested.items import Items
from knapsolve.nested.master import best_mix
from knapsolve.nested.problem import NestedKnapsack, Option
from knapsolve.nested.search import solve_nested
from knapsolve.solver import load

LATE = 1e9
"""A time after every deadline."""
ITEMS = Items(np.array([1.0, 2.0]), np.array([0, 1]), np.array([[1, 2]]))


def items(**changed):
    return Items(**{**vars(ITEMS), **changed})


def random_option(random, m, most_items, whole):
    fixed = random.integers(0, 8, m) * (random.random(m) < 0.7)
    value = float(random.integers(-5, 6)) if whole else random.normal()
    n = int(random.integers(0, most_items + 1))
    if n == 0 and random.random() < 0.5:
        return Option(value, fixed)
    types = int(random.integers(1, 4))
    values = random.integers(-1, 10, n).astype(float) if whole else random.normal(2, 2, n)
    choice = None
    if random.random() < 0.5:
        runs = np.sort(random.integers(0, 3, n))
        choice = np.where(random.random(3)[runs] < 0.3, -1, runs)
    return Option(value, fixed, Items(values, random.integers(0, types, n), random.integers(0, 7, (m, types)), choice))


def random_problem(random, groups=3, options=3, most_items=4):
    m, whole = int(random.integers(1, 4)), bool(random.random() < 0.5)
    own = [
        [random_option(random, m, most_items, whole) for _ in range(random.integers(1, options + 1))]
        for _ in range(random.integers(1, groups + 1))
    ]
    return NestedKnapsack(own, random.integers(0, 9 * len(own), m))


def selections(option):
    """Return every selection of an option's items, their values and their uses."""
    if option.items is None:
        return [()], np.array([option.value]), option.fixed[None]
    items = option.items
    taken = []
    for bits in itertools.product([False, True], repeat=len(items.values)):
        labels = [] if items.choice is None else [label for label in items.choice[list(bits)] if label >= 0]
        if len(labels) == len(set(labels)):
            taken.append(bits)
    matrix = np.array(taken, dtype=bool).reshape(len(taken), len(items.values))
    return taken, option.value + matrix @ items.values, option.fixed + matrix @ items.type_weights[:, items.item_type].T


def best_of_all(problem):
    """Enumerate every choice; minus infinity where none keeps the capacities."""
    values, uses = np.zeros(1), np.zeros((1, problem.m), dtype=np.int64)
    for options in problem.groups:
        own = [selections(option)[1:] for option in options]
        value, use = np.concatenate([value for value, _ in own]), np.concatenate([use for _, use in own])
        values = (values[:, None] + value).ravel()
        uses = (uses[:, None] + use).reshape(-1, problem.m)
        fits = (uses <= problem.capacities).all(axis=1)
        values, uses = values[fits], uses[fits]
    return float(values.max(initial=-np.inf))


def check_kept(problem, answer):
    """Recompute value and usage of a choice, and see that it keeps all there is to keep."""
    chosen = [options[number] for options, number in zip(problem.groups, answer.taken, strict=True)]
    ends = np.cumsum([0 if option.items is None else len(option.items.values) for option in chosen])
    assert len(answer.solution.selected) == ends[-1]
    value, usage = 0.0, np.zeros(problem.m, dtype=np.int64)
    for option, selected in zip(chosen, np.split(answer.solution.selected, ends[:-1]), strict=True):
        taken, values, uses = selections(option)
        (row,) = [row for row, bits in enumerate(taken) if list(bits) == selected.tolist()]
        value, usage = value + values[row], usage + uses[row]
    assert (usage <= problem.capacities).all()
    assert answer.solution.usage.tolist() == usage.tolist()
    assert answer.solution.slack.tolist() == (problem.capacities - usage).tolist()
    assert answer.solution.value == pytest.approx(value, rel=1e-12, abs=1e-12)
    assert answer.solution.bound >= answer.solution.value


def check_bounded(problem, answer, best):
    """See that what was returned is what its status says, and that its bound holds for the best of all choices."""
    status = answer.solution.status
    if status is Status.INFEASIBLE:
        assert best == -np.inf
    elif status is Status.NO_SOLUTION:
        assert answer.taken.tolist() == []
        assert answer.solution.bound >= best - 1e-9
    else:
        check_kept(problem, answer)
        assert answer.solution.bound >= best - 1e-9 * max(abs(best), 1.0)
        if status is Status.OPTIMAL:
            assert answer.solution.value == pytest.approx(best, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_the_choice_is_the_best_of_all(seed):
    random, statuses = np.random.default_rng(seed), []
    for _ in range(25):
        problem = random_problem(random)
        answer = solve_nested(problem)
        check_bounded(problem, answer, best_of_all(problem))
        statuses.append(answer.solution.status)
    assert set(statuses) == {Status.OPTIMAL, Status.INFEASIBLE}


def hard(seed=0, groups=4):
    """Options that the relaxation mixes: each of some use, with items of much the same worth for what they use."""
    random = np.random.default_rng(seed)
    own = []
    for _ in range(groups):
        options = []
        for scale in (2, 3, 5, 7):
            weights = random.integers(1, 4, (2, 3)) * scale
            kind = random.integers(0, 3, 6)
            values = weights.sum(axis=0)[kind] + random.random(6)
            options.append(Option(0.0, random.integers(0, 4 * scale, 2), Items(values, kind, weights)))
        own.append(options)
    return NestedKnapsack(own, [31 * groups, 29 * groups])


def test_a_hard_choice_takes_many_nodes_and_is_the_best_of_all():
    problem = hard(groups=2)
    answer = solve_nested(problem)
    assert answer.solution.status is Status.OPTIMAL
    check_bounded(problem, answer, best_of_all(problem))


def numbers_of_steps():
    """Yield every number at first, and then ever fewer."""
    steps = 0.0
    while True:
        yield int(steps)
        steps = max(steps + 1, steps * 1.1)


class Clock:
    """A clock that stands at 0 until it has been looked at so many times; then it is late, or Ctrl-C is pressed."""

    def __init__(self, looks, presses):
        self.left, self.presses = looks, presses

    def __call__(self):
        self.left -= 1
        if self.left == 0 and self.presses:
            signal.raise_signal(signal.SIGINT)
        return LATE if self.left <= 0 and not self.presses else 0.0


@pytest.mark.parametrize("stop", ["time", "Ctrl-C"])
@pytest.mark.parametrize("seed", range(3))
def test_a_choice_stopped_after_any_number_of_steps_is_bounded(stop, seed, monkeypatch):
    problem = hard(seed)
    best = solve_nested(problem).solution
    assert best.status is Status.OPTIMAL
    statuses = set()
    # The first look starts the clock.
    for steps in numbers_of_steps():
        watched = Clock(2 + steps, presses=stop == "Ctrl-C")
        with monkeypatch.context() as patch:
            patch.setattr(clock, "now", watched)
            answer = solve_nested(problem, time_limit=1.0)
        statuses.add(answer.solution.status)
        check_bounded(problem, answer, best.value)
        if watched.left > 0:
            break
        assert ("stopped by Ctrl-C" in answer.solution.trace) == (stop == "Ctrl-C")
    assert {Status.FEASIBLE, Status.OPTIMAL} <= statuses


@pytest.mark.parametrize("seconds", [1e-9, 1e-4, 1e-3, 1e-2])
def test_hardly_any_time_is_enough_for_a_choice_with_a_bound(seconds):
    random = np.random.default_rng(1)
    for _ in range(20):
        problem = random_problem(random)
        started = clock.now()
        answer = solve_nested(problem, time_limit=seconds)
        assert clock.now() - started < 5.0  # a limit of a first choice, whatever else the machine does
        check_bounded(problem, answer, best_of_all(problem))


def pressing(times, then=0.0):
    """Split as the search does, but press Ctrl-C first, and take some time."""

    def split(*arguments):
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
        end = time.perf_counter() + then
        while time.perf_counter() < end:
            time.sleep(0.01)
        return kept(*arguments)

    kept = search.split
    return split


def test_ctrl_c_in_the_middle_of_a_choice_returns_the_best_so_far_with_its_bound(monkeypatch):
    problem = hard()
    best = solve_nested(problem).solution
    monkeypatch.setattr(search, "split", pressing(1))
    answer = solve_nested(problem)
    assert answer.solution.status is Status.FEASIBLE
    assert "stopped by Ctrl-C" in answer.solution.trace
    assert answer.solution.trace[-1].startswith("nested: 1 nodes")
    check_bounded(problem, answer, best.value)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_ends_a_choice(monkeypatch):
    monkeypatch.setattr(search, "split", pressing(2))
    with pytest.raises(KeyboardInterrupt):
        solve_nested(hard())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert not interrupted()


def test_a_search_that_does_not_notice_ctrl_c_is_left_with_the_best_so_far(monkeypatch):
    problem = hard()
    best = solve_nested(problem).solution
    monkeypatch.setattr(search, "split", pressing(1, then=60.0))
    started = time.perf_counter()
    answer = solve_nested(problem)
    assert time.perf_counter() - started < 10.0
    assert answer.solution.status is Status.FEASIBLE
    assert "auto: interrupted, and did not stop within 1 s" in answer.solution.trace
    check_bounded(problem, answer, best.value)


class Waiting:
    """A solver that is at work until Ctrl-C is pressed; one that is deaf goes on for as long as it is let."""

    name = "waiting"
    capabilities = Capabilities(exact=True, choices=True)

    def __init__(self, deaf):
        self.deaf, self.handlers, self.begun = deaf, [], threading.Event()

    def solve(self, problem, options):
        self.handlers.append(signal.getsignal(signal.SIGINT))
        if len(self.handlers) == 1:
            return load("choice").solve(problem, options)
        self.begun.set()
        end = time.perf_counter() + 60.0
        while time.perf_counter() < end and (self.deaf or not interrupted()):
            time.sleep(0.01)
        return Answer(np.zeros(problem.n, np.bool_), float(problem.values.clip(0).sum()))


@pytest.mark.parametrize("deaf", [False, True])
def test_ctrl_c_is_heard_within_a_selection_of_items(deaf):
    problem = hard(7)
    best = solve_nested(problem).solution
    solver = Waiting(deaf)

    def press():
        solver.begun.wait(30.0)
        _thread.interrupt_main()

    presser = threading.Thread(target=press, daemon=True)
    presser.start()
    started = time.perf_counter()
    answer = solve_nested(problem, solver)
    assert time.perf_counter() - started < 10.0
    presser.join()
    assert len(solver.handlers) == 2
    assert len(set(solver.handlers)) == 1, "one listener for the whole search"
    assert answer.solution.status is Status.FEASIBLE
    check_bounded(problem, answer, best.value)


def test_a_solver_that_proves_nothing_gives_a_choice_with_a_bound():
    for problem in map(hard, range(3)):
        best = solve_nested(problem).solution.value
        answer = solve_nested(problem, "greedy")
        check_bounded(problem, answer, best)
        assert answer.solution.value > 0.8 * best


def test_a_solver_that_cannot_handle_choices_among_items_is_refused():
    problem = NestedKnapsack([[Option(0, [0], items(choice=[0, 0]))]], [3])
    with pytest.raises(ValueError, match="'greedy' cannot handle choices"):
        solve_nested(problem, "greedy")


@pytest.mark.parametrize("seed", range(100))
def test_the_best_mix_is_the_linear_program_s(seed):
    optimize = pytest.importorskip("scipy.optimize")
    random = np.random.default_rng(seed)
    m, groups = random.integers(1, 5), random.integers(1, 6)
    start = np.concatenate([[0], np.cumsum(random.integers(1, 8, groups))])
    n = start[-1]
    weight, value = random.integers(0, 50, (n, m)).astype(float), random.normal(0, 10, n)
    limits = np.floor(weight.mean(axis=0) * groups * random.uniform(0.3, 1.2))
    if seed % 3 == 0:  # kept exactly by the least use, or not by much more
        limits = np.minimum.reduceat(weight, start[:-1]).sum(axis=0) + random.integers(0, 9, m) * random.integers(0, 2)
    mix = best_mix(Classes(start, np.arange(n), value, weight, limits))
    belongs = np.repeat(np.eye(groups), np.diff(start), axis=1)
    program = optimize.linprog(-value, weight.T, limits, belongs, np.ones(groups), method="highs")
    assert mix.infeasible == (program.status == 2)
    if not mix.infeasible:
        assert mix.value == pytest.approx(-program.fun, rel=1e-9, abs=1e-9)
        assert belongs @ mix.shares == pytest.approx(1.0)
        assert value @ mix.shares == pytest.approx(-program.fun, rel=1e-6, abs=1e-6)
        assert (mix.shares @ weight <= limits + 1e-6).all()
        assert (mix.prices >= 0).all()


@pytest.mark.parametrize(
    ("groups", "capacities", "error", "message"),
    [
        ([], [1], ValueError, "groups must have at least one option each; got \\[\\]"),
        ([[Option(1, [0])], []], [1], ValueError, "groups must have at least one option each; got \\[1, 0\\]"),
        ([[Option(1, [0])]], [], ValueError, "capacities must hold at least one"),
        ([[Option(1, [0])]], [-1], ValueError, "capacities must not be below 0; got -1"),
        ([[Option(1, [0])]], [1.5], TypeError, "capacities must hold integers; got dtype float64"),
        ([[Option(1, [0]), "b"]], [1], TypeError, "groups\\[0\\]\\[1\\] must be an Option; got str"),
        ([[Option(np.nan, [0])]], [1], ValueError, "groups\\[0\\]\\[0\\].value must be finite"),
        ([[Option(1, [0, 0])]], [1], ValueError, "groups\\[0\\]\\[0\\].fixed must have shape"),
        ([[Option(1, [-1])]], [1], ValueError, "groups\\[0\\]\\[0\\].fixed must be at least 0; got -1"),
        ([[Option(1, [2**62])]] * 2, [1], ValueError, "groups\\[0\\]\\[0\\].fixed must sum to at most"),
        ([[Option(1, [0], [3])]], [1], TypeError, "groups\\[0\\]\\[0\\].items must be Items or None; got list"),
        ([[Option(1, [0], items(values=[1.0]))]], [1], ValueError, "items.item_type must have shape"),
        ([[Option(1, [0], items(values=["a", "b"]))]], [1], TypeError, "items.values must hold real numbers"),
        ([[Option(1, [0], items(item_type=[0, 2]))]], [1], ValueError, "items.item_type must be in 0..1; got 2"),
        ([[Option(1, [0], items(type_weights=[[1, -1]]))]], [1], ValueError, "items.type_weights must not be below 0"),
        ([[Option(1, [0], items(type_weights=[[1, 0.5]]))]], [1], TypeError, "type_weights must hold whole numbers"),
        ([[Option(1, [0], ITEMS)]], [1, 1], ValueError, "fixed must have shape"),
        ([[Option(1, [0, 0], ITEMS)]], [1, 1], ValueError, "items.type_weights must have shape \\(m, T\\)"),
        ([[Option(1, [0], items(choice=[0, -2]))]], [1], ValueError, "items.choice must be at least -1; got -2"),
        (
            [[Option(1, [0], Items(np.ones(3), np.zeros(3, int), np.ones((1, 1), int), np.array([4, -1, 4])))]],
            [1],
            ValueError,
            "items.choice must hold each label in one run; got label 4 in 2 runs",
        ),
    ],
)
def test_what_is_no_nested_knapsack_is_refused_by_name(groups, capacities, error, message):
    with pytest.raises(error, match=message):
        NestedKnapsack(groups, capacities)


def test_arguments_of_a_solve_are_checked_before_anything_is_done():
    problem = hard()
    with pytest.raises(TypeError, match="problem must be a NestedKnapsack; got list"):
        solve_nested([])
    with pytest.raises(ValueError, match="solver must be one of"):
        solve_nested(problem, "no-such-solver")
    with pytest.raises(ValueError, match="time_limit must be a positive, finite number; got 0"):
        solve_nested(problem, time_limit=0)
