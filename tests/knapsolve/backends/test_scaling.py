"""Scaling loses no feasible selection, and what it loses of values widens the bound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from knapsolve.backends.scaling import Scaled, for_floats, for_integers
from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate, violation

SCALES = [for_floats, for_integers]
MAGNITUDES = st.sampled_from([1e-12, 1e-3, 1.0, 1e6, 1e14])


@st.composite
def problems_and_selections(draw: st.DrawFn) -> tuple[Knapsack, np.ndarray]:
    n, m = draw(st.integers(1, 6)), draw(st.integers(1, 2))
    value = st.floats(-1, 1, allow_subnormal=False)
    weight = st.floats(0, 1, allow_subnormal=False)
    values = draw(arrays(np.float64, n, elements=value)) * draw(MAGNITUDES)
    weights = draw(arrays(np.float64, (m, n), elements=weight)) * draw(MAGNITUDES)
    capacities = weights.sum(axis=1) * draw(st.floats(0, 1.1))
    if draw(st.booleans()):
        values = np.rint(values).astype(np.int64)
    if draw(st.booleans()):
        weights = np.rint(weights).astype(np.int64)
    return Knapsack(values, weights, capacities), draw(arrays(np.bool_, n))


@pytest.mark.parametrize("scale", SCALES)
def test_a_feasible_selection_stays_feasible_and_below_its_scaled_value(scale) -> None:
    @settings(max_examples=300, derandomize=True, database=None)
    @given(problems_and_selections())
    def check(drawn: tuple[Knapsack, np.ndarray]) -> None:
        problem, selected = drawn
        value, usage = evaluate(problem, selected)
        if violation(problem, selected, usage) is not None:
            return
        scaled: Scaled = scale(problem, None)
        program = scaled.program
        assert program.allowed[selected].all()
        in_program = program.rows[:, selected].sum(axis=1)
        # Floats are added in another order here; the solver's own tolerance is a million times wider.
        assert (in_program <= program.limits * (1 + 1e-12)).all()
        assert scaled.upper_bound(program.objective[selected].sum().item()) >= value

    check()


def test_integers_are_passed_exactly() -> None:
    problem = Knapsack([6, 4, 10], [[9, 3, 6]], [14])
    scaled = for_integers(problem, None)
    assert scaled.program.objective.tolist() == [3, 2, 5]
    assert scaled.program.rows.tolist() == [[3, 1, 2]]
    assert scaled.program.limits.tolist() == [4]
    assert (scaled.unit, scaled.loss) == (2, 0)


def test_whole_floats_are_passed_exactly() -> None:
    scaled = for_integers(Knapsack([1e15, 1.0], [1e14, 1.0], 1e14), None)
    assert scaled.program.objective.tolist() == [10**15, 1]
    assert scaled.program.rows.tolist() == [[10**14, 1]]
    assert (scaled.unit, scaled.loss) == (1, 0)


def test_floats_that_a_power_of_two_makes_whole_lose_nothing() -> None:
    scaled = for_integers(Knapsack([0.5, 1.25], [0.125, 3.0], 3.0), None)
    assert scaled.program.objective.tolist() == [2, 5]
    assert scaled.program.rows.tolist() == [[1, 24]]
    assert (scaled.unit, scaled.loss) == (0.25, 0)


def test_large_integers_keep_exact_bounds() -> None:
    values = [2**59, 2**58 + 1]
    scaled = for_integers(Knapsack(values, [1, 1], 2), None)
    assert scaled.upper_bound(sum(values)) == sum(values)


def test_sums_near_the_largest_integer_are_rounded_and_the_bound_says_so() -> None:
    values = [2**61 - 1, 2**61 - 3]
    scaled = for_integers(Knapsack(values, [1, 1], 2), None)
    assert scaled.program.objective.sum() < 2**60
    assert scaled.upper_bound(int(scaled.program.objective.sum())) >= sum(values)


@pytest.mark.parametrize("magnitude", [1e-200, 1e-9, 1.0, 1e9, 1e200])
def test_highs_and_scip_see_numbers_of_the_same_size_whatever_the_unit(magnitude: float) -> None:
    program = for_floats(
        Knapsack([3 * magnitude, magnitude], [2.5 * magnitude, magnitude], 3 * magnitude), None
    ).program
    assert 2**16 <= program.objective.max() <= 2**17
    assert 2**19 <= program.limits[0] <= 2**20


def test_an_item_that_does_not_fit_alone_is_not_allowed() -> None:
    for scale in SCALES:
        program = scale(Knapsack([1, 2], [3, 9], 4), None).program
        assert program.allowed.tolist() == [True, False]
        assert program.rows[0, 1] == 0


def test_classes_hold_the_items_of_each_label_and_no_free_item() -> None:
    program = for_integers(Knapsack(np.ones(6), np.ones(6), 3, choices=[5, -1, 2, 5, -1, 2]), None).program
    assert [sorted(members.tolist()) for members in program.classes] == [[2, 5], [0, 3]]
