import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knapprune.budget import BudgetError, Cap, parse_budget
from knapprune.estimation import Resources

TODAY = Resources({"fc1": {"dsp": 192, "bram": 30}, "fc2": {"dsp": 8, "bram": 4}}, ())


def limits(budget):
    return [(cap.layer, cap.resource, cap.limit) for cap in parse_budget(budget, TODAY)]


def test_a_float_up_to_one_is_a_fraction_of_todays_use_and_an_int_a_count():
    assert limits({"dsp": 0.25, "bram": 30}) == [(None, "dsp", 50), (None, "bram", 30)]


@pytest.mark.parametrize(
    ("amount", "limit"), [(1, 1), (1.0, 200), (0, 0), (0.0, 0), (40.0, 40), (np.int64(7), 7), (np.float32(0.5), 100)]
)
def test_one_as_int_is_a_count_and_one_as_float_is_everything(amount, limit):
    assert limits({"dsp": amount}) == [(None, "dsp", limit)]


def test_a_layer_as_key_caps_that_layer_alone():
    assert limits({"dsp": 0.5, "fc2": {"dsp": 0.5, "bram": 1}}) == [
        (None, "dsp", 100),
        ("fc2", "dsp", 4),
        ("fc2", "bram", 1),
    ]


@given(st.integers(0, 100))
def test_a_fraction_written_in_decimals_is_not_lost_to_rounding(percent):
    today = Resources({"fc": {"dsp": 100}}, ())
    assert parse_budget({"dsp": percent / 100.0}, today)[0].limit == percent


@pytest.mark.parametrize("amount", [-1, -0.5, 1.5, float("nan"), float("inf"), True, "half", None])
def test_any_other_amount_is_refused_by_name(amount):
    with pytest.raises(BudgetError, match=r"budget\['dsp'\]: got .*expected a fraction"):
        parse_budget({"dsp": amount}, TODAY)


def test_an_unknown_resource_lists_those_there_are():
    with pytest.raises(BudgetError, match=r"unknown resource 'lut', expected one of \['dsp', 'bram'\]"):
        parse_budget({"lut": 0.5}, TODAY)
    with pytest.raises(BudgetError, match=r"budget\['fc1'\]: unknown resource 'ff'"):
        parse_budget({"fc1": {"ff": 0.5}}, TODAY)


def test_a_layer_with_a_number_is_told_how_to_write_it():
    with pytest.raises(BudgetError, match=r"for a layer, give a mapping such as \{'fc1': \{'dsp': 8\}\}"):
        parse_budget({"fc1": 8}, TODAY)


def test_an_unknown_layer_lists_those_there_are_and_the_nearest():
    with pytest.raises(BudgetError, match=r"no layer 'fc3'.*\['fc1', 'fc2'\]; did you mean 'fc"):
        parse_budget({"fc3": {"dsp": 8}}, TODAY)


@pytest.mark.parametrize("budget", [{}, 0.5, None, {"fc1": {}}])
def test_an_empty_budget_is_refused(budget):
    with pytest.raises(BudgetError, match="expected"):
        parse_budget(budget, TODAY)


def test_a_cap_counts_what_it_covers():
    assert Cap("dsp", 4).use(TODAY) == 200
    assert Cap("dsp", 4, "fc2").use(TODAY) == 8
    assert str(Cap("dsp", 4, "fc2")) == "budget['fc2']['dsp'] = 4"
