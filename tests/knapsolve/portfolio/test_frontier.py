"""The frontier: at every capacity what a solve of its own finds, and nothing that the others contradict."""

from __future__ import annotations

import numpy as np
import pytest

from knapsolve import Answer, Capabilities, Knapsack, Status, frontier, solve
from knapsolve.exact.few_types.ranked import ranked, relax_ranked
from knapsolve.exact.few_types.relaxation import relax
from knapsolve.portfolio.frontier import tracing
from knapsolve.relaxation.dual import dual_bound
from knapsolve.solution import evaluate
from knapsolve.testing.brute_force import best_value

TABLE = np.array([[4, 1, 9, 2, 0, 16], [1, 0, 2, 1, 1, 4]])


def typed(n, seed=0, values=None):
    random = np.random.default_rng(seed)
    kinds = random.integers(0, 6, n).astype(np.uint8)
    values = random.exponential(size=n) if values is None else values(random, n)
    return Knapsack.from_types(values, kinds, TABLE, TABLE @ np.bincount(kinds, minlength=6) // 2)


def small(seed):
    """A random problem of at most ten items, with whole numbers or others, and with each of the other constraints."""
    random = np.random.default_rng(seed)
    n, m, types = (int(random.integers(low, high)) for low, high in ((1, 11), (1, 4), (1, 4)))
    table, kinds = random.integers(0, 6, (m, types)) * (1 if seed % 3 else 0.5), random.integers(0, types, n)
    values = random.integers(-2, 12, n) if seed % 2 else random.normal(size=n) + 0.5
    others = [
        {},
        {"choices": random.integers(-1, 3, n)},
        {"requires": random.integers(0, n, (3, 2))},
        {"fixed_in": [0], "fixed_out": [n - 1]} if n > 1 else {},
    ][seed % 4]
    return Knapsack.from_types(values, kinds, table, table[:, kinds].sum(axis=1) * 0.6, **others)


@pytest.mark.parametrize("seed", range(24))
def test_every_capacity_has_the_value_of_the_best_of_all_selections(seed):
    problem = small(seed)
    row = seed % problem.m
    capacities = np.arange(int(np.ceil(problem.weights[row].sum())) + 2)
    found = frontier(problem, row, capacities=capacities)
    assert [point.capacity for point in found.points] == capacities.tolist()
    for place, point in enumerate(found.points):
        best = best_value(found.problem_at(place))
        if best is None:
            assert point.status is Status.INFEASIBLE
            continue
        assert point.status is Status.OPTIMAL
        assert point.value == pytest.approx(best, rel=1e-12, abs=1e-12)
        assert point.bound == point.value
        value, usage = evaluate(problem, found.solution(place).selected)
        assert value == pytest.approx(best, rel=1e-12, abs=1e-12)
        assert usage == pytest.approx(point.usage)
        assert (usage <= found.problem_at(place).limits).all()


TIED = {
    "all different": None,
    "five values": lambda random, n: random.integers(1, 6, n).astype(float),
    "whole numbers": lambda random, n: random.integers(-5, 1000, n),
    "close together, and one far off": lambda random, n: np.append(1 + 1e-3 * random.random(n - 1), 1e6),
}


@pytest.mark.parametrize("values", TIED.values(), ids=TIED)
def test_many_items_have_the_values_of_separate_solves(values):
    problem = typed(30_000, 3, values)
    found = frontier(problem, points=9)
    assert len(found) == 9
    assert found.points[0].capacity == 0
    assert found.points[-1].capacity == problem.capacities[0]
    for place in (0, 1, 4, 8):
        alone, point = solve(found.problem_at(place), "few-types"), found.points[place]
        assert (point.status, alone.status) == (Status.OPTIMAL, Status.OPTIMAL)
        assert point.value == pytest.approx(alone.value, rel=1e-12)
        own = found.solution(place)
        assert own.value == pytest.approx(evaluate(problem, own.selected)[0], rel=1e-12)
        assert (own.usage == evaluate(problem, own.selected)[1]).all()


def test_values_never_fall_and_prices_never_rise_with_capacity():
    """The linear relaxation is concave in one capacity."""
    found = frontier(typed(5000), points=40)
    values, prices = [point.value for point in found.points], [point.price for point in found.points]
    assert values == sorted(values)
    assert prices == sorted(prices, reverse=True)
    rises = np.diff(values) / np.diff([point.capacity for point in found.points])
    assert (rises <= np.array(prices[:-1]) * (1 + 1e-9) + 1e-6).all()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
def test_ranked_items_have_the_relaxation_of_all_items(share):
    problem = typed(40_000, 5)
    limits = (problem.capacities * share).astype(np.int64)
    items = ranked(problem.values, problem.item_type, 6)
    assert items.cells > 1
    ours = relax_ranked(items, TABLE, limits)
    theirs = relax(problem.values, problem.item_type, TABLE, limits, 0, np.inf)
    # Prices may differ where counts fill a capacity; their bounds do not.
    ends = [dual_bound(problem.values, problem.weights, limits, own.prices) for own in (ours, theirs)]
    assert ends[0] == pytest.approx(ends[1], rel=1e-12)
    assert (ours.counts == theirs.counts).all()


class Recorder:
    """Greedy's answers, or what is claimed in their place; it keeps what it is told."""

    name = "recorder"
    capabilities = Capabilities(exact=True)

    def __init__(self, claim=None):
        self.starts, self.claim = {}, claim

    def solve(self, problem, options):
        capacity = int(problem.capacities[0])
        self.starts[capacity] = options.start
        if self.claim is not None:
            return self.claim(problem, capacity)
        return Answer(np.zeros(problem.n, np.bool_), 100, None)


def test_a_point_begins_with_the_selection_of_a_smaller_capacity():
    problem = Knapsack([5, 4, 3], [1, 1, 1], 3)
    best = {1: [True, False, False]}
    recorder = Recorder(lambda p, c: Answer(np.array(best.get(c, [False] * 3)), 100))
    found = frontier(problem, capacities=[1, 2, 3], solver=recorder)
    assert recorder.starts[3] is None
    assert recorder.starts[2].tolist() == [True, False, False]
    # What was found with one unit is feasible with more, whatever the solver made of that.
    assert [point.value for point in found.points] == [5, 5, 5]
    assert [point.bound for point in found.points] == [5, 9, 12]  # by the prices of the linear relaxation
    assert [point.status for point in found.points] == [Status.OPTIMAL, Status.FEASIBLE, Status.FEASIBLE]


def test_the_bound_of_a_larger_capacity_holds_for_a_smaller_one():
    problem = Knapsack([5, 4, 3], [1, 1, 1], 3)
    bounds = {1: 100, 2: 5, 3: 12}
    takes = {1: [True, False, False], 2: [True, False, False], 3: [True, True, True]}
    found = frontier(problem, capacities=[1, 2, 3], solver=Recorder(lambda p, c: Answer(np.array(takes[c]), bounds[c])))
    assert [point.status for point in found.points] == [Status.OPTIMAL] * 3


def test_a_proof_that_a_smaller_capacity_contradicts_is_an_error():
    problem = Knapsack([5, 4, 3], [1, 1, 1], 3)

    def claim(p, capacity):
        return Answer(np.array([capacity == 1, False, capacity == 2]), 5 if capacity == 1 else 3)

    with pytest.raises(RuntimeError, match="'recorder' says OPTIMAL of 3 under capacity 2, but 5 is possible under 1"):
        frontier(problem, capacities=[1, 2], solver=Recorder(claim))


def test_without_a_proof_bounds_hold():
    problem = typed(400, 2)
    found, proved = frontier(problem, points=8, solver="greedy"), frontier(problem, points=8)
    for quick, best in zip(found.points, proved.points, strict=True):
        assert quick.value <= best.value * (1 + 1e-12)
        assert quick.bound >= best.value * (1 - 1e-12)
    assert found.proved < len(found)


def test_ctrl_c_leaves_what_is_known_of_each_point(monkeypatch):
    """Those that were not come to have the selection of a smaller capacity, and a bound."""
    monkeypatch.setattr(tracing, "interrupted", lambda: True)
    problem = Knapsack([5, 4, 3], [1, 2, 3], 6)
    found = frontier(problem, capacities=[1, 3, 6], solver="bellman")
    assert {point.status for point in found.points} == {Status.NO_SOLUTION}
    assert all(point.bound >= 12 for point in found.points)
    assert found.trace


PROBLEM = Knapsack([10, 13, 7], [[3, 4, 2], [1, 1, 1]], [9, 3])


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"problem": [1, 2]}, TypeError, "problem must be a Knapsack; got list"),
        ({"resource": "dsp"}, TypeError, "resource must be the number of a resource, 0 to 1; got 'dsp'"),
        ({"resource": True}, TypeError, "resource must be the number"),
        ({"resource": 0.5}, TypeError, "resource must be the number"),
        ({"resource": 2}, ValueError, "resource must be the number of a resource, 0 to 1; got 2"),
        ({"resource": -1}, ValueError, "got -1"),
        ({"points": 0}, ValueError, "points must be a whole number, 1 or more; got 0"),
        ({"points": -3}, ValueError, "got -3"),
        ({"points": 2.5}, TypeError, "points must be a whole number, 1 or more; got 2.5"),
        ({"points": True}, TypeError, "points must be"),
        ({"points": None}, TypeError, "points must be"),
        ({"capacities": []}, ValueError, "capacities must be one or more; got none"),
        ({"capacities": [3, -1]}, ValueError, "capacities"),
        ({"capacities": [3, np.nan]}, ValueError, "capacities"),
        ({"capacities": [3, np.inf]}, ValueError, "capacities"),
        ({"capacities": 5}, ValueError, "capacities must have 1 axis"),
        ({"capacities": ["a"]}, TypeError, "capacities must hold real numbers"),
        ({"solver": "gredy"}, ValueError, "solver must be one of"),
        ({"solver": "bellman"}, ValueError, "cannot handle 2 resources"),
        ({"time_limit": 0}, ValueError, "time_limit must be"),
        ({"time_limit": np.nan}, ValueError, "time_limit must be"),
        ({"time_limit": "1"}, TypeError, "time_limit must be"),
        ({"seed": -1}, ValueError, "seed must be"),
        ({"gap": 0.1}, TypeError, "gap"),
    ],
)
def test_wrong_arguments_are_refused_by_name(arguments, error, words):
    with pytest.raises(error, match=words.replace("(", r"\(")):
        frontier(**{"problem": PROBLEM, **arguments})


def test_capacities_are_spread_from_the_cheapest_item_to_all_items():
    free = Knapsack([5, 4, 0], [2.5, 3.0, 1.0], 100.0)
    assert [point.capacity for point in frontier(free, points=3).points] == pytest.approx([2.5, 4.0, 5.5])
    assert [point.capacity for point in frontier(PROBLEM, points=100).points] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert [point.capacity for point in frontier(PROBLEM, points=1).points] == [9]
    assert [point.capacity for point in frontier(PROBLEM, 1, capacities=[3, 1, 1]).points] == [1, 3]
    forced = Knapsack([5, 4, 7], [2, 3, 4], 100, fixed_in=[0], fixed_out=[2])
    assert [point.capacity for point in frontier(forced, points=2).points] == [5]
    nothing = Knapsack([-1], [2], 5)
    assert [point.value for point in frontier(nothing).points] == [0]


def test_a_frontier_is_shown_in_ten_lines_and_as_tables():
    found = frontier(typed(300), points=30)
    assert len(repr(found).splitlines()) <= 10
    assert "30 proved" in repr(found)
    assert found._repr_html_().count("<tr>") == 30
    frame = found.to_frame()
    assert list(frame.columns) == ["capacity", "value", "bound", "gap", "status", "price", "usage_0", "usage_1"]
    assert frame["value"].tolist() == [point.value for point in found.points]
    assert (frame["usage_0"] <= frame["capacity"]).all()
