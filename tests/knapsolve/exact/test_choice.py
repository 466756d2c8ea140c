"""choice: exact multiple choice, at most one or exactly one of each class, under any number of resources."""

from __future__ import annotations

import itertools
import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knapsolve import Knapsack, Options, Status, solve
from knapsolve.exact.choice import budget, pairs
from knapsolve.exact.choice.branching import Found
from knapsolve.exact.choice.classes import classes_of
from knapsolve.exact.choice.lattice import fill
from knapsolve.exact.choice.list import Losses
from knapsolve.exact.choice.neighbourhood import search_neighbourhoods
from knapsolve.exact.choice.relaxation import SAMPLE, minimise, relax
from knapsolve.exact.choice.solver import Choice, round_off
from knapsolve.files.reading import read
from knapsolve.testing import check_solver

LAST_KHAN = 6


def random_choices(classes, size, m, seed, *, exactly_one=True, real=False):
    random = np.random.default_rng(seed)
    n = classes * size
    weights = random.random((m, n)) if real else random.integers(0, 100, (m, n))
    values = random.random(n) if real else random.integers(1, 100, n)
    capacities = weights.sum(axis=1) / size * 0.7
    labels = np.repeat(np.arange(classes), size)
    return Knapsack(values, weights, capacities, choices=labels, exactly_one=exactly_one)


@pytest.mark.slow
def test_it_keeps_every_rule_of_the_conformance_suite():
    """Small problems of every family, ties, zeros and impossible ones among them."""
    check_solver(Choice(), count=200)


@pytest.mark.slow
def test_it_keeps_every_rule_without_lists_of_combinations(monkeypatch):
    """Where the lists have no room, branch and bound finds the same optima."""
    monkeypatch.setattr(pairs, "MOST_EXTENSIONS", -1)
    check_solver(Choice(), count=20, seed=1)


@pytest.mark.parametrize("m", [1, 2, 5])
@pytest.mark.parametrize("exactly_one", [True, False])
@pytest.mark.parametrize("real", [True, False])
def test_it_agrees_with_highs_on_medium_problems(m, exactly_one, real):
    """Two unlike methods, one optimum."""
    problem = random_choices(15, 4, m, seed=m, exactly_one=exactly_one, real=real)
    ours, theirs = solve(problem, Choice()), solve(problem, "highs")
    assert ours.status is theirs.status
    assert ours.value == pytest.approx(theirs.value, rel=1e-9)


@pytest.mark.compiled
@pytest.mark.parametrize("m", [1, 2, 3])
def test_the_sampled_prices_are_those_of_the_whole(m):
    """A box of prices from a sample must not change the dual's minimum."""
    classes = classes_of(random_choices(5 * SAMPLE, 4, m, seed=m, real=True))
    relaxation = relax(classes, seed=0)
    prices, _ = minimise(classes)
    assert relaxation.prices == pytest.approx(prices, rel=1e-9)


@pytest.mark.compiled
@pytest.mark.parametrize(("count", "size"), [(2000, 2), (3000, 2), (100, 90)])
def test_a_first_selection_is_found_however_many_options_are_looked_at(count, size):
    """One a class is among them whatever its number: 6,000 options in 3,000 classes are fewer than are looked at."""
    classes = classes_of(random_choices(count, size, 2, seed=0, real=True, exactly_one=False))
    relaxation = relax(classes, seed=0)
    found = Found(classes.limits, relaxation.bound)
    round_off(found, classes, relaxation, 0)
    assert found.value == pytest.approx(classes.value[found.options].sum(), rel=1e-12)
    assert relaxation.bound * 0.99 < found.value <= relaxation.bound


def test_classes_that_cannot_all_be_served_are_infeasible():
    """Every option of two classes weighs more than half of the capacity."""
    problem = Knapsack([1, 2, 3, 4], [6, 7, 8, 6], 10, choices=[0, 0, 1, 1], exactly_one=True)
    assert solve(problem, Choice()).status is Status.INFEASIBLE


def test_twenty_thousand_classes_of_shared_weights_are_proved():
    """Keep-counts of many alike blocks: few option types, two resources."""
    random = np.random.default_rng(2)
    values = np.sort(random.random((20_000, 5)), axis=1)
    weights = np.tile([[0, 3, 5, 9, 12], [0, 1, 4, 6, 11]], 20_000)
    labels = np.repeat(np.arange(20_000), 5)
    problem = Knapsack(values.ravel(), weights, weights.sum(axis=1) // 10, choices=labels, exactly_one=True)
    assert solve(problem, Choice()).status is Status.OPTIMAL


def test_labels_need_not_be_in_order_nor_without_gaps():
    """Scattered labels name the same classes."""
    problem = random_choices(30, 5, 2, seed=3)
    order = np.random.default_rng(4).permutation(problem.n)
    scattered = Knapsack(
        problem.values[order],
        problem.weights[:, order],
        problem.capacities,
        choices=problem.choices[order] * 10**12,
        exactly_one=True,
    )
    assert solve(scattered, Choice()).value == solve(problem, Choice()).value


def test_a_time_limit_stops_it_with_a_valid_bound():
    """A problem too hard for the time gives its best selection and a bound above it."""
    problem = random_choices(100, 10, 10, seed=5, exactly_one=False)
    answer = Choice().solve(problem, Options(time_limit=0.2))
    assert answer.selected is not None
    assert problem.values[answer.selected].sum() <= answer.bound


@pytest.mark.slow
@pytest.mark.parametrize("number", range(1, LAST_KHAN + 1))
def test_khan_problems_are_proved(data_folder, number):
    """The classic multi-resource multiple-choice set, against its published optima."""
    name = f"I{number:02d}"
    folder = data_folder / "knapsack" / "mmkp"
    solution = solve(read(folder / name), Choice())
    assert solution.status is Status.OPTIMAL
    assert solution.value == pytest.approx(json.loads((folder / "optima.json").read_text())[name])


@st.composite
def tied(draw):
    """A few small classes of few values and weights: most options tie."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=5))
    n, m = sum(sizes), draw(st.integers(1, 2))
    values = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    weights = draw(st.lists(st.lists(st.integers(0, 3), min_size=n, max_size=n), min_size=m, max_size=m))
    capacities = draw(st.lists(st.integers(0, 10), min_size=m, max_size=m))
    labels = np.repeat(np.arange(len(sizes)), sizes)
    scale = draw(st.sampled_from([1, 0.1]))
    return Knapsack(
        np.array(values) * scale, np.array(weights), capacities, choices=labels, exactly_one=draw(st.booleans())
    )


def brute_force(problem):
    """The best value by looking at every selection of one option a class, or None."""
    classes = [np.flatnonzero(problem.choices == label).tolist() for label in np.unique(problem.choices)]
    if not problem.exactly_one:
        classes = [[*options, None] for options in classes]
    best = None
    for selection in itertools.product(*classes):
        items = [item for item in selection if item is not None]
        if (problem.weights[:, items].sum(axis=1) <= problem.capacities).all():
            value = problem.values[items].sum()
            best = value if best is None else max(best, value)
    return best


@settings(max_examples=100, derandomize=True)
@given(tied())
def test_ties_are_proved_by_kinds_of_swaps_as_by_brute_force(problem):
    """Heavy ties, with kinds of swaps looked at first however few there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(budget, "TIES", 0)
        solution = solve(problem, Choice())
    best = brute_force(problem)
    assert solution.status is (Status.INFEASIBLE if best is None else Status.OPTIMAL)
    assert best is None or solution.value == pytest.approx(best, rel=1e-12)


@settings(max_examples=100, derandomize=True)
@given(tied())
def test_a_shortest_path_never_loses_more_than_the_best_selection(problem):
    """The relaxation's bound holds."""
    best = brute_force(problem)
    classes = classes_of(problem)
    if best is None or len(classes.start) == 1:
        return
    relaxation = relax(classes, 0)
    filled = fill(classes, relaxation, np.inf, 1e-9)
    assert filled is None or filled.bound <= relaxation.bound - best + 1e-9


@settings(max_examples=30, derandomize=True)
@given(tied())
def test_neighbourhoods_keep_to_the_capacities(problem):
    """What the search returns fits and takes one option a class."""
    classes = classes_of(problem)
    if len(classes.start) == 1 or (np.diff(classes.start) == 0).any():
        return
    relaxation = relax(classes, 0)
    if relaxation.infeasible:
        return
    options = search_neighbourhoods(classes, relaxation, None, 0.0, 3, None, 0, [])
    if options is not None:
        assert (classes.weight[options].sum(axis=0) <= classes.limits).all()
        assert ((options >= classes.start[:-1]) & (options < classes.start[1:])).all()


@pytest.mark.compiled
@pytest.mark.parametrize("levels", [1, 3, 20])
def test_massive_ties_of_whole_values_are_proved(levels):
    """Thousands of classes alike, with the values few enough that nearly all options tie."""
    random = np.random.default_rng(levels)
    values = np.sort(random.integers(1, levels + 1, (30_000, 5)), axis=1)
    item_type = np.tile(np.arange(5, dtype=np.uint8), 30_000)
    problem = Knapsack.from_types(
        values.ravel(), item_type, [[1, 2, 3, 4, 5], [0, 1, 1, 2, 2]], [75_001, 29_999],
        choices=np.repeat(np.arange(30_000), 5),
    )  # fmt: skip
    assert solve(problem, Choice()).status is Status.OPTIMAL


def test_a_list_by_cells_finds_what_a_scan_finds():
    """Real weights: the joins by cells and by scanning agree on the best pair."""
    random = np.random.default_rng(8)
    nearby = pairs.Nearby(np.repeat(np.arange(12), 2), random.random(24), random.normal(size=(24, 2)))
    left, prices = np.array([0.5, 0.4]), np.array([1.0, 2.0])
    found = pairs.best_pair(nearby, left, prices, Losses(3.0, np.inf, 0.0), None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "neighbouring_cells", lambda *_: None)
        scanned = pairs.best_pair(nearby, left, prices, Losses(3.0, np.inf, 0.0), None)
    assert found.taken is not None
    assert found.loss == scanned.loss


@pytest.mark.compiled
def test_it_stops_within_the_limit_on_a_million_options():
    """Time that is up in the middle of the relaxation still gives a selection and a bound."""
    problem = random_choices(100_000, 10, 3, seed=9, exactly_one=False, real=True)
    Choice().solve(random_choices(50, 4, 3, seed=9, exactly_one=False, real=True), Options())
    started = time.perf_counter()
    answer = Choice().solve(problem, Options(time_limit=0.05))
    assert time.perf_counter() - started < 5.0
    assert answer.selected is not None
    assert problem.values[answer.selected].sum() <= answer.bound
    assert answer.trace


def test_what_no_selection_can_use_of_a_capacity_stands_in_no_proofs_way():
    """Weights that share a divisor leave a rest of the capacity; a bound that fills it would be above every value."""
    random = np.random.default_rng(0)
    classes, taken = 200_000, 91_234
    values = random.random(classes)
    types = np.array([[4142, 999]])  # nothing has the second
    problem = Knapsack.from_types(
        values, np.zeros(classes, int), types, [4142 * taken + 4141], choices=np.arange(classes)
    )
    answer = Choice().solve(problem, Options(time_limit=20.0))
    best = np.sort(values)[-taken:].sum()
    assert problem.values[answer.selected].sum() == pytest.approx(best, rel=1e-12)
    assert answer.bound == pytest.approx(best, rel=1e-12)
    assert np.count_nonzero(answer.selected) == taken
