"""few-types: exact for any number of resources, from two items to a million."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knapsolve import Knapsack, Options, Status, solve
from knapsolve.exact.few_types import bands, deviations, relaxation
from knapsolve.exact.few_types import solver as few_types
from knapsolve.exact.few_types.bands import tally
from knapsolve.exact.few_types.curves import common_step, curves
from knapsolve.exact.few_types.relaxation import relax
from knapsolve.kernels import parallel
from knapsolve.testing.brute_force import best_value

TABLE = np.array([[4, 1, 9, 2, 0, 16], [1, 0, 2, 1, 1, 4]])


def pruning_shaped(n, seed, table=TABLE):
    random = np.random.default_rng(seed)
    kinds = random.integers(0, table.shape[1], n).astype(np.int16)
    capacities = table @ np.bincount(kinds, minlength=table.shape[1]) // 2
    return Knapsack.from_types(random.random(n), kinds, table, capacities)


def test_a_million_items_of_six_types_under_two_resources_are_proved():
    """The promise of the first slice."""
    solution = solve(pruning_shaped(10**6, seed=1), "few-types")
    assert solution.status is Status.OPTIMAL
    assert (solution.slack >= 0).all()


def test_the_sampled_band_gives_the_same_prices_as_all_items():
    """Looking only where the threshold is must not change what is found."""
    problem = pruning_shaped(2**17, seed=2)
    arguments = (problem.values, problem.item_type, problem.type_weights, problem.limits)
    sampled, full = relax(*arguments, seed=0), relax(*arguments, seed=0, spread=np.inf)
    assert len(sampled.band) < problem.n / 4
    assert sampled.prices == pytest.approx(full.prices, rel=1e-9)
    assert (sampled.counts == full.counts).all()


def test_a_rare_precious_type_is_not_lost_by_the_sample():
    """A type that the sample never sees is still decided exactly."""
    problem = pruning_shaped(100_000, seed=3)
    table = np.column_stack((TABLE, [1, 1]))
    kinds = problem.item_type.copy()
    kinds[:2] = 6
    values = problem.values.copy()
    values[:2] = [50.0, 1e-4]
    rare = Knapsack.from_types(values, kinds, table, problem.capacities)
    solution = solve(rare, "few-types")
    assert solution.status is Status.OPTIMAL
    assert solution.selected[:2].tolist() == [True, False]


@pytest.mark.parametrize("values", ["equal", "whole", "few"])
def test_ties_are_proved(values):
    """Equal values make every item of a type interchangeable; the proof must not enumerate them."""
    problem = pruning_shaped(20_000, seed=4)
    random = np.random.default_rng(5)
    chosen = {
        "equal": np.ones(20_000),
        "whole": random.integers(1, 100, 20_000),
        "few": random.choice([0.5, 1.5], 20_000),
    }
    tied = Knapsack.from_types(chosen[values], problem.item_type, TABLE, problem.capacities)
    assert solve(tied, "few-types").status is Status.OPTIMAL


def test_capacities_that_do_not_bind_take_everything_worth_having():
    """No price, no search: all positive values, none of the others."""
    problem = pruning_shaped(1000, seed=6)
    values = problem.values - 0.3
    free = Knapsack.from_types(values, problem.item_type, TABLE, [10**6, 10**6])
    solution = solve(free, "few-types")
    assert solution.status is Status.OPTIMAL
    assert (solution.selected == (values > 0)).all()


def test_zero_capacities_leave_only_what_costs_nothing():
    """With a capacity of zero, only the type without that cost is chosen."""
    problem = pruning_shaped(1000, seed=7)
    solution = solve(Knapsack.from_types(problem.values, problem.item_type, TABLE, [0, 10**6]), "few-types")
    assert solution.status is Status.OPTIMAL
    assert (solution.selected == (problem.item_type == 4)).all()


def test_fractional_weights_are_proved():
    """Nothing depends on whole weights."""
    problem = pruning_shaped(5000, seed=8)
    table = TABLE * np.array([[0.37], [1.91]])
    fractional = Knapsack.from_types(problem.values, problem.item_type, table, problem.capacities * [0.37, 1.91])
    assert solve(fractional, "few-types").status is Status.OPTIMAL


def test_without_room_it_stops_with_a_selection_and_a_bound(monkeypatch):
    """Where the windows explode the answer is FEASIBLE, never wrong and never silent."""
    monkeypatch.setattr(deviations, "STATE_BYTES", 1000)
    random = np.random.default_rng(9)
    problem = Knapsack(random.random(60), random.random((3, 60)), [10.0, 10.0, 10.0])
    stopped = solve(problem, "few-types")
    monkeypatch.undo()
    proved = solve(problem, "highs", time_limit=60)
    assert stopped.status is Status.FEASIBLE
    assert stopped.value <= proved.value <= stopped.bound
    assert any("stopped" in line for line in stopped.trace)


def test_a_time_limit_stops_it_with_a_valid_bound():
    """A deadline that has passed leaves the rounded selection and its bound."""
    problem = pruning_shaped(2000, seed=10)
    answer = few_types.FewTypes().solve(problem, Options(time_limit=1e-9))
    value = problem.values[answer.selected].sum()
    assert 0 < value <= answer.bound
    assert answer.bound >= solve(problem, "few-types").value - 1e-9


def test_dense_weights_are_grouped_into_types():
    """The dense form of a typed problem has the same optimum."""
    problem = pruning_shaped(3000, seed=11)
    dense = solve(Knapsack(problem.values, problem.weights, problem.capacities), "few-types")
    assert dense.status is Status.OPTIMAL
    assert dense.value == pytest.approx(solve(problem, "few-types").value, rel=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_two_halves_find_what_one_programme_finds(monkeypatch, seed):
    """Joining halves where residuals add up is a faster way to the same optimum."""
    random = np.random.default_rng(seed)
    table = random.integers(0, 12, (2, 14))
    kinds = random.integers(0, 14, 4000)
    values = random.random(4000) if seed % 2 else random.integers(1, 10**6, 4000)
    problem = Knapsack.from_types(values, kinds, table, table @ np.bincount(kinds, minlength=14) // 3)
    halves = solve(problem, "few-types")
    monkeypatch.setattr(deviations, "MANY_TYPES", 10**9)
    whole = solve(problem, "few-types")
    assert halves.status is whole.status is Status.OPTIMAL
    assert halves.value == pytest.approx(whole.value, rel=1e-14)


@pytest.mark.compiled
def test_sixty_types_under_four_resources_are_proved():
    """The states of one programme would fill the memory; two halves do not."""
    random = np.random.default_rng(12)
    problem = pruning_shaped(10**5, seed=12, table=random.integers(0, 20, (4, 60)))
    assert solve(problem, "few-types").status is Status.OPTIMAL


TIED = {
    "equal": lambda random, kinds: np.ones(len(kinds)),
    "one value a type": lambda random, kinds: random.random(8)[kinds],
    "as the weights": lambda random, kinds: 1.0 + kinds,
    "1 to 9": lambda random, kinds: random.integers(1, 10, len(kinds)),
    "with losses": lambda random, kinds: random.integers(-3, 4, len(kinds)),
    "multiples of 7": lambda random, kinds: 7 * random.integers(1, 40, len(kinds)),
    "eight bits": lambda random, kinds: random.integers(0, 256, len(kinds)) / 64,
    "eight bits, a scale a type": lambda random, kinds: random.integers(0, 256, len(kinds)) * random.random(8)[kinds],
    "half of them": lambda random, kinds: np.where(random.random(len(kinds)) < 0.5, 0.7, random.random(len(kinds))),
}


def tied_problem(kind, n, types, m, seed):
    random = np.random.default_rng(seed)
    table = random.integers(0, 10, (m, types))
    kinds = random.integers(0, types, n)
    share = random.choice([0.0, 0.2, 0.5, 0.9, 1.1], m)
    capacities = np.floor(share * (table @ np.bincount(kinds, minlength=types))).astype(np.int64)
    return Knapsack.from_types(TIED[kind](random, kinds), kinds, table, capacities)


@settings(max_examples=150)
@given(
    st.sampled_from(sorted(TIED)),
    st.integers(1, 14),
    st.integers(1, 5),
    st.integers(1, 3),
    st.sampled_from([2, 4096]),
    st.sampled_from([1, 256]),
    st.integers(0, 10**6),
)
def test_ties_agree_with_brute_force(kind, n, types, m, small, core, seed):
    """However values tie, whether they are sampled, counted or listed, the optimum is the best of all selections."""
    problem = tied_problem(kind, n, types, m, seed)
    with mock.patch.object(relaxation, "SMALL", small), mock.patch.object(few_types, "FIRST_CORE", core):
        solution = solve(problem, "few-types")
    assert solution.status is Status.OPTIMAL
    assert solution.value == pytest.approx(best_value(problem), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", sorted(TIED))
def test_ties_agree_with_highs(kind, seed):
    """Sampled bands, counted runs and two halves find what a mixed-integer solver finds."""
    problem = tied_problem(kind, 60 + 40 * seed, 2 + seed % 7, 1 + seed % 3, seed)
    with mock.patch.object(relaxation, "SMALL", 32):
        solution = solve(problem, "few-types", time_limit=20)
    other = solve(problem, "highs", time_limit=20)
    assert solution.value <= other.bound + 1e-6 * abs(other.bound)
    assert solution.bound >= other.value - 1e-6 * abs(other.value)


@pytest.mark.compiled
@pytest.mark.parametrize("kind", sorted(TIED))
def test_many_ties_are_proved_without_being_listed(kind):
    """Long runs of equal items cost no more than short ones."""
    random = np.random.default_rng(13)
    kinds = random.integers(0, 6, 100_000).astype(np.uint8)
    capacities = TABLE @ np.bincount(kinds, minlength=6) // 2
    problem = Knapsack.from_types(TIED[kind](random, kinds), kinds, TABLE, capacities)
    assert solve(problem, "few-types").status is Status.OPTIMAL


def test_a_tally_counts_what_there_is(monkeypatch):
    """Runs hold every item in doubt once, whatever slice it lies in."""
    monkeypatch.setattr(parallel, "SLICE", 400)
    random = np.random.default_rng(14)
    values, kinds = random.integers(1, 6, 1000), random.integers(0, 3, 1000).astype(np.uint8)
    first, size, counts = tally(values, kinds, np.full(3, 2.0), np.array([4.0, 4.0, 3.0]))
    runs = {(values[j], kinds[j]): count for j, count in zip(first, size, strict=True)}
    expected = {(v, t): np.sum((values == v) & (kinds == t)) for t, v in ((0, 2), (0, 3), (0, 4), (1, 2), (1, 3))}
    expected |= {(v, t): np.sum((values == v) & (kinds == t)) for t, v in ((1, 4), (2, 2), (2, 3))}
    assert runs == expected
    assert counts.tolist() == [np.sum((values > high) & (kinds == t)) for t, high in enumerate((4, 4, 3))]


def test_a_tally_of_too_many_values_gives_up(monkeypatch):
    """The table is bounded: values that do not tie are listed instead."""
    monkeypatch.setattr(bands, "MOST_RUNS", 128)
    assert tally(np.arange(1.0, 129.0), np.zeros(128, np.uint8), np.zeros(1), np.full(1, np.inf)) is not None
    assert tally(np.arange(1.0, 130.0), np.zeros(129, np.uint8), np.zeros(1), np.full(1, np.inf)) is None


@pytest.mark.parametrize(
    ("values", "step"), [([6, 15, 9, 9], 3), ([0.75, 0.5, 2.0], 0.25), ([0.1, 0.1, 0.1], 0.1), ([0.1, 0.2, 0.3], 0)]
)
def test_a_common_step_divides_all_values(values, step):
    """Gains move in steps of the greatest common divisor, of floats too; 0.3 is no multiple of 0.1."""
    problem = Knapsack(values, np.ones(len(values)), 2.0)
    arguments = (problem.values, np.zeros(len(values), np.uint8), np.ones((1, 1)), problem.limits)
    core, _ = curves(relax(*arguments, seed=0), 256)
    assert common_step(core, problem.integer_values) == step


def test_types_of_no_use_do_not_matter():
    """A type that is too heavy, one of negative values only and one that costs nothing are decided at once."""
    random = np.random.default_rng(15)
    kinds = random.integers(0, 6, 20_000)
    table = np.array([[4, 1, 0, 2, 10**6, 3], [1, 2, 0, 1, 0, 10**6]])
    values = np.where(kinds == 3, -1.0, 1.0) * random.random(20_000)
    solution = solve(Knapsack.from_types(values, kinds, table, [9000, 9000]), "few-types")
    assert solution.status is Status.OPTIMAL
    assert solution.selected[kinds == 2].all()
    assert not solution.selected[(kinds == 3) | (kinds == 4) | (kinds == 5)].any()


@pytest.mark.compiled
def test_a_thousand_types_are_answered_in_time_and_said_to_be_stopped():
    """Where windows explode there is a bound, and the trace tells why it is no proof."""
    random = np.random.default_rng(16)
    problem = pruning_shaped(10_000, seed=16, table=random.integers(1, 10**6, (4, 1000)))
    solution = solve(problem, "few-types", time_limit=0.5)
    assert solution.status is Status.FEASIBLE
    assert solution.gap < 1e-3
    assert "stopped" in solution.trace[-1]
