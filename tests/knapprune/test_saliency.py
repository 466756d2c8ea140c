import numpy as np
import pytest

from knapprune.layers import Layer
from knapprune.saliency import saliency_of, structure_values

LAYER = Layer("fc", "dense", (2, 3), "latency", "latency", 1, 1, 16, 16)
KERNEL = np.array([[1.0, -2.0, 0.0], [3.0, 0.5, -1.0]])
LABELS = np.array([[0, 0, 1], [2, 2, 2]])


def values(saliency, kernel=KERNEL, gradients=None):
    return structure_values(saliency_of(saliency, gradients), LAYER, kernel, LABELS)


def test_a_structure_is_worth_the_sum_over_its_weights():
    assert values("l1").tolist() == [3.0, 0.0, 4.5]
    assert values("l2").tolist() == [5.0, 0.0, 10.25]


def test_taylor_weighs_each_weight_by_its_gradient():
    gradient = np.array([[1.0, 0.5, 9.0], [0.0, 2.0, 1.0]])
    assert values("taylor", gradients=lambda: {"fc": gradient}).tolist() == [2.0, 0.0, 2.0]


def test_gradients_are_computed_once_for_all_layers():
    calls = []
    measure = saliency_of("taylor", lambda: calls.append(1) or {"fc": np.ones((2, 3))})
    measure(LAYER, KERNEL)
    measure(LAYER, KERNEL)
    assert calls == [1]


def test_taylor_without_data_says_what_it_needs():
    with pytest.raises(ValueError, match=r"data: got None, expected \(inputs, targets\)"):
        saliency_of("taylor", None)


def test_a_function_of_ones_own_is_a_saliency():
    assert values(lambda layer, kernel: np.full(kernel.shape, 2.0)).tolist() == [4.0, 0.0, 6.0]


def test_a_zero_weight_is_worth_nothing_whatever_the_measure_says():
    assert values(lambda layer, kernel: np.ones(kernel.shape))[1] == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_saliency_that_is_not_finite_names_the_layer(bad):
    kernel = KERNEL.copy()
    kernel[0, 0] = bad
    with pytest.raises(ValueError, match="saliency of layer 'fc' is NaN or infinite at 1 weights"):
        values("l1", kernel)


def test_a_negative_saliency_is_refused():
    with pytest.raises(ValueError, match="saliency of layer 'fc' has negative values"):
        values(lambda layer, kernel: kernel)


def test_a_saliency_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"'fc' has shape \(3,\)"):
        values(lambda layer, kernel: np.ones(3))


def test_an_unknown_saliency_lists_those_there_are():
    with pytest.raises(ValueError, match=r"saliency: got 'l3'.*'l1', 'l2', 'taylor'"):
        saliency_of("l3", None)


def test_half_precision_kernels_are_valued_in_double():
    assert values("l2", KERNEL.astype(np.float16)).dtype == np.float64
