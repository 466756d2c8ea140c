import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from knapprune.saliency.normalisation import NORMALISATIONS, lamp, normalisation

VALUES = hnp.arrays(np.float64, st.integers(0, 30), elements=st.floats(0, 1e6, allow_subnormal=False))


@given(VALUES, st.sampled_from(sorted(NORMALISATIONS)))
def test_no_normalisation_changes_the_order_within_a_layer(values, name):
    scores = NORMALISATIONS[name](values)
    order = np.argsort(-values, kind="stable")
    assert (np.diff(scores[order]) <= 1e-12).all()
    assert np.isfinite(scores).all()


@given(VALUES.filter(lambda values: values.sum() > 0), st.sampled_from(["lamp", "sum", "mean", "max"]))
def test_the_scale_of_a_layer_is_of_no_matter(values, name):
    assert np.allclose(NORMALISATIONS[name](values * 7), NORMALISATIONS[name](values), rtol=1e-9)


def test_lamp_divides_by_the_value_and_all_larger_ones():
    assert np.allclose(lamp(np.array([1.0, 3.0, 2.0])), [1 / 6, 1, 2 / 5])


def test_lamp_of_equal_values_still_has_a_first_one():
    assert np.allclose(lamp(np.array([2.0, 2.0, 2.0])), [1, 1 / 2, 1 / 3])


def test_a_layer_of_zeros_is_worth_nothing():
    for name, function in NORMALISATIONS.items():
        assert not function(np.zeros(3)).any(), name


def test_a_function_of_ones_own_is_taken():
    assert normalisation(np.sqrt) is np.sqrt


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(ValueError, match=r"normalise: got 'l2'.*'lamp', 'sum', 'mean', 'max', 'none'"):
        normalisation("l2")
