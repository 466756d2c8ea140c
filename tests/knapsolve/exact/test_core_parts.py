"""The parts of the core solver: constraints that hold, relaxations that bound, searches that find what there is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from knapsolve import Knapsack
from knapsolve.exact.bellman import Bellman
from knapsolve.exact.core import enumeration, relaxation, residues, solver
from knapsolve.exact.core.base import break_solution
from knapsolve.exact.core.cuts import strengthen
from knapsolve.exact.core.deepening import deepen
from knapsolve.exact.core.enumeration import enumerate_selections
from knapsolve.exact.core.levels import balanced_order
from knapsolve.exact.core.pairs import match_samples
from knapsolve.exact.core.relaxation import Program
from knapsolve.exact.core.residues import search_residues
from knapsolve.exact.core.rows import excess, mixed, most_and_least
from knapsolve.exact.core.solver import Core
from knapsolve.solution import evaluate
from knapsolve.solver import Options

TAKES = (np.arange(2**10)[:, None] >> np.arange(10)) & 1


def optimum(problem):
    return evaluate(problem, Bellman().solve(problem, Options()).selected)[0]


def based(problem):
    """Return the break solution of a problem in integers."""
    return break_solution(problem.values, problem.weights[0], problem.limits[0], problem.integer_values, Options())


def copies(kinds, n, seed, low=5, high=40):
    """Return a problem of many copies of few kinds of items."""
    random = np.random.default_rng(seed)
    weights = random.integers(low, high, kinds)
    which = random.integers(0, kinds, n)
    values = weights + random.integers(0, 9, kinds)
    return Knapsack(values[which], weights[which], int(weights[which].sum() // 2))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("real", [False, True])
def test_what_fits_and_what_is_needed_bound_every_better_selection(seed, real):
    """No selection that fits and reaches the target breaks a row, whatever the row counts."""
    random = np.random.default_rng(seed)
    weights, values = random.integers(1, 60, 10), random.integers(1, 60, 10)
    row = np.ones(10, np.int64) if seed % 2 else random.integers(0, 5, 10)
    capacity, target = weights.sum() // 2, values.sum() // 2
    better = TAKES[(TAKES @ weights <= capacity) & (TAKES @ values >= target)]
    scale = 0.1 if real else 1
    found = most_and_least(row, values * scale, weights * scale, capacity * scale, target * scale)
    assert found
    for coefficients, limit in found:
        assert (better @ coefficients).max() <= limit


@pytest.mark.parametrize("seed", range(8))
def test_mixed_integer_rounding_holds_for_every_selection_that_fits(seed):
    """Around any selection, for any divisor, and it says something for some."""
    random = np.random.default_rng(seed)
    weights = random.integers(1, 60, 10)
    capacity = int(weights.sum() // 2)
    chosen = random.random(10) < 0.5
    fitting = TAKES[TAKES @ weights <= capacity]
    told = 0
    for divisor in range(2, 60):
        found = mixed(weights, chosen, capacity - int(weights[chosen].sum()), divisor)
        if found is not None:
            assert (fitting @ found[0]).max() <= found[1]
            told += (TAKES @ found[0]).max() > found[1]
    assert told


def test_an_excess_over_a_multiple_of_the_weight_is_seen():
    """Multiples of a tenth of the range above the weight are counted in such tenths; unrelated values have none."""
    random = np.random.default_rng(0)
    weights = random.integers(1, 10**6, 500)
    counts = random.integers(2, 4, 500)
    assert excess(3 * weights + 10**5 * counts, weights).tolist() == counts.tolist()
    assert excess(3 * weights - 10**5 * counts, weights).tolist() == (3 - counts).tolist()
    assert excess(random.integers(1, 10**6, 500), weights) is None
    assert excess(weights * 1.5, weights) is None


@pytest.mark.parametrize("kind", ["strongly", "random", "similar"])
def test_sifting_bounds_as_the_whole_relaxation_does(monkeypatch, kind):
    """Prices from samples and few items give the least bound as well, ties or not."""
    random = np.random.default_rng(1)
    weights = random.integers(1, 1000, 4000) + (10_000 if kind == "similar" else 0)
    values = weights + 100 if kind == "strongly" else random.integers(1, 1000, 4000)
    chosen = values * weights.sum() > 1.1 * weights * values.sum()
    capacity = weights[chosen].sum() + 123
    ones = np.ones(4000, np.int64)
    program = Program(np.arange(4000), values, weights, capacity).with_row(ones, int(chosen.sum()))
    whole = program.relaxed(chosen)
    monkeypatch.setattr(relaxation, "FEW_ITEMS", 500)
    few = program.relaxed(chosen)
    total = float(whole.value) + whole.bound
    assert float(few.value) + few.bound == pytest.approx(total, rel=1e-3)
    assert float(few.value) + few.bound >= total * (1 - 1e-12)


@pytest.mark.compiled
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [60, 3000])
def test_residues_bound_the_optimum_and_find_it_where_copies_are_plenty(seed, n):
    """The bound never lies; with hundreds of copies a kind it is met."""
    problem = copies(8, n, seed)
    base = based(problem)
    found = search_residues(base, None)
    if found is None:
        assert n == 60 or base.bound - float(base.best) < base.unit
        return
    best = optimum(problem)
    assert float(base.value) + found.bound >= best - 1e-6
    if found.flipped is not None:
        base.flips = found.flipped
        value, usage = evaluate(problem, base.selection())
        assert value == base.value + found.best
        assert usage[0] <= problem.capacities[0]
    if n == 3000:
        assert base.value + max(base.best, found.best) == best


def test_residues_are_not_searched_where_items_differ(monkeypatch):
    """Too many kinds, or no kind with copies enough: None, and the lists go on."""
    problem = copies(8, 3000, 1)
    monkeypatch.setattr(residues, "TABLE", 4)
    assert search_residues(based(problem), None) is None
    random = np.random.default_rng(2)
    weights = random.integers(1, 10**6, 500)
    problem = Knapsack(random.integers(1, 10**6, 500), weights, int(weights.sum() // 2))
    monkeypatch.undo()
    assert search_residues(based(problem), None) is None


@pytest.mark.compiled
def test_few_kinds_are_proved_with_real_values():
    """Real values of few kinds go the same way as whole ones."""
    problem = copies(12, 2000, 3)
    real = Knapsack(problem.values * 0.37, problem.weights, problem.capacities)
    answer = Core().solve(real, Options())
    assert evaluate(real, answer.selected)[0] == pytest.approx(0.37 * optimum(problem), rel=1e-12)
    assert answer.bound == pytest.approx(0.37 * optimum(problem), rel=1e-12)


@pytest.mark.compiled
@pytest.mark.parametrize("most_work", [10**7, 0])
def test_deepening_proves_or_lowers_the_bound(most_work):
    """With work enough the optimum is proved; without, the bound holds."""
    random = np.random.default_rng(4)
    weights = random.integers(1, 10**4, 200)
    values = weights + random.integers(900, 1100, 200)
    problem = Knapsack(values, weights, int(weights.sum() // 2))
    base = based(problem)
    current = strengthen(base, None)
    base.best, base.flips = base.best * 0, base.flips[:0]
    deep = deepen(base, current, None, 2**16, most_work)
    best = optimum(problem)
    assert float(base.value) + deep.bound >= best - 1e-6
    if deep.proved:
        assert base.value + base.best == best
    assert deep.proved == (most_work == 10**7)


def test_samples_fill_the_capacity():
    """Equal values by weight, where only an exactly full capacity is best: found without a proof of its own."""
    random = np.random.default_rng(5)
    weights = random.integers(10**5, 10**6, 300)
    problem = Knapsack(weights, weights, int(weights.sum() // 2))
    base = based(problem)
    current = strengthen(replace(base, best=base.best * 0, flips=base.flips[:0]), None)
    search = match_samples(current, None, 2**12, 10**8, 0)
    assert current.value + search.best == problem.capacities[0]


@pytest.mark.parametrize("family", ["circle", "multiple", "ceiling"])
def test_structured_values_of_a_large_range_are_proved(family):
    """Weights up to a million: no table, no copies, a proof by constraints."""
    random = np.random.default_rng(6)
    r = 10**6
    weights = random.integers(1, r, 2000)
    values = {
        "circle": np.maximum((2 / 3 * np.sqrt(4.0 * r * r - (weights - 2.0 * r) ** 2)).astype(np.int64), 1),
        "multiple": weights + np.where(weights % 6 == 0, 3, 2) * (r // 10),
        "ceiling": 3 * -(-weights // 3),
    }[family]
    problem = Knapsack(values, weights, int(weights.sum() // 2))
    answer = Core().solve(problem, Options())
    value, usage = evaluate(problem, answer.selected)
    assert usage[0] <= problem.capacities[0]
    assert answer.bound == value


@pytest.mark.compiled
def test_every_stage_alone_is_right(monkeypatch):
    """Each stage, followed by a full list, gives the optimum."""
    problems = [copies(6, 300, 7), copies(200, 300, 8, 1, 300)]
    best = [optimum(problem) for problem in problems]
    last = solver.STAGES[-1]
    for stage in solver.STAGES[:-1]:
        first = stage if stage.method in ("list", "residues") else replace(stage, divisors=())
        monkeypatch.setattr(solver, "STAGES", (first, last))
        for problem, expected in zip(problems, best, strict=True):
            answer = Core().solve(problem, Options())
            assert evaluate(problem, answer.selected)[0] == expected == answer.bound


@pytest.mark.parametrize("seed", range(20))
def test_small_problems_are_enumerated_or_left_alone(monkeypatch, seed):
    """The optimum within the steps allowed, else nothing is said."""
    random = np.random.default_rng(seed)
    weights, values = random.integers(1, 30, 25), random.integers(1, 30, 25)
    problem = Knapsack(values, weights, int(weights.sum() * random.uniform(0.2, 0.9)))
    selected, price = enumerate_selections(values, weights, problem.limits[0]) or (None, 0.0)
    assert selected is not None
    assert evaluate(problem, selected)[0] == optimum(problem)
    assert weights[selected].sum() <= problem.limits[0]
    assert price == pytest.approx(based(problem).price)
    monkeypatch.setattr(enumeration, "MOST_STEPS", 10)
    assert enumerate_selections(values, weights, problem.limits[0]) is None


def test_items_of_equal_cost_take_turns():
    """Chosen and other items alternate within a level of cost, each side in its own order."""
    chosen = np.array([True, True, True, False, False, False, True, False])
    cost = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 5.0, 5.0, 1.0])
    assert balanced_order(chosen, cost, 10.0).tolist() == [0, 3, 1, 4, 2, 7, 5, 6]
