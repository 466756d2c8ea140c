"""Each measure against numbers worked out by hand, and what is refused."""

import numpy as np
import pytest

from knapprune.saliency import NAMES, Gradients, Statistics, needs_data, saliency_of, structure_values
from shared.hls import layer_of

LAYER = layer_of((2, 3), "latency", 1)
KERNEL = np.array([[1.0, -2.0, 0.0], [3.0, 0.5, -1.0]])
LABELS = np.array([[0, 0, 1], [2, 2, 2]])
X = np.zeros((4, 1))


class Framework:
    """Returns given gradients, one for each batch, and the same Hessian for all."""

    def __init__(self, gradients, hessian=0.0):
        self.gradients, self.hessian, self.calls = gradients, hessian, []

    def kernels(self, model):
        return {"fc": KERNEL}

    def gradient(self, model, batch):
        self.calls.append("gradient")
        number = (self.calls.count("gradient") - 1) % len(self.gradients)
        return {"fc": np.array(self.gradients[number], dtype=np.float32)}

    def hessian_product(self, model, batch, vectors):
        self.calls.append("hessian")
        return {"fc": self.hessian * vectors["fc"]}


G = np.array([[1.0, 0.5, 9.0], [0.0, 2.0, 1.0]])
H = np.array([[2.0, 1.0, 9.0], [1.0, 4.0, -6.0]])


def statistics(gradients=(G,), hessian=H):
    return Statistics(Framework(gradients, hessian), None, (X, X), batch_size=4 // len(gradients))


def values(saliency, kernel=KERNEL, statistics=None):
    return structure_values(saliency_of(saliency, statistics), LAYER, kernel, LABELS)


def test_a_structure_is_worth_the_sum_over_its_weights():
    assert values("l1").tolist() == [3.0, 0.0, 4.5]
    assert values("l2").tolist() == [5.0, 0.0, 10.25]


def test_taylor_weighs_each_weight_by_its_absolute_gradient():
    assert values("taylor", statistics=statistics((G, -G))).tolist() == [2.0, 0.0, 2.0]


def test_fisher_takes_the_square_of_the_gradient_of_each_sample():
    # Squares of G average to (G**2 + (2G)**2 + 0 + 0) / 4 over four batches of one sample.
    found = values("fisher", statistics=statistics((G, -2 * G, 0 * G, 0 * G)))
    assert found == pytest.approx(0.5 * 1.25 * np.array([1.0 + 1.0, 0.0, 1.0 + 1.0]))


def test_the_hessian_is_summed_with_its_sign_and_a_negative_sum_is_worth_nothing():
    # h w**2: 2 + 4; nothing; 9 + 1 - 6.
    assert values("hessian", statistics=statistics()).tolist() == [3.0, 0.0, 2.0]
    assert values("hessian", statistics=statistics(hessian=-H)).tolist() == [0.0, 0.0, 0.0]


def test_movement_values_what_descent_moves_away_from_zero():
    # -g w: -1 + 1; nothing; 0 - 1 + 1.
    assert values("movement", statistics=statistics()).tolist() == [0.0, 0.0, 0.0]
    towards_zero = np.sign(KERNEL)
    assert values("movement", statistics=statistics((towards_zero,))).tolist() == [0.0, 0.0, 0.0]
    assert values("movement", statistics=statistics((-towards_zero,))).tolist() == [3.0, 0.0, 4.5]


def test_gradients_are_computed_once_for_all_layers():
    known = statistics((G, G))
    measure = saliency_of("taylor", known)
    measure(LAYER, KERNEL)
    measure(LAYER, KERNEL)
    assert known._framework.calls == ["gradient", "gradient"]


@pytest.mark.parametrize("name", ["taylor", "fisher", "gauss-newton", "hessian", "movement"])
def test_measures_of_gradients_say_that_they_need_data(name):
    assert needs_data(name)
    with pytest.raises(
        ValueError, match=rf"data: there are none, and saliency '{name}' is .*; expected data=\(inputs, targets\)"
    ):
        saliency_of(name, None)


def test_measures_of_weights_need_no_data():
    assert not needs_data("l1")
    assert not needs_data("l2")
    assert set(NAMES) == {"l1", "l2", "taylor", "fisher", "gauss-newton", "hessian", "movement"}


def test_a_function_of_ones_own_is_a_saliency():
    assert not needs_data(lambda layer, kernel, scale=2.0: kernel)
    assert values(lambda layer, kernel: np.full(kernel.shape, 2.0)).tolist() == [4.0, 0.0, 6.0]


def test_a_function_of_three_arguments_gets_statistics_from_one_pass_and_the_hessian_from_another():
    def own(layer, kernel, gradients):
        assert isinstance(gradients, Gradients)
        firsts = gradients.mean + gradients.mean_absolute + gradients.mean_square
        return np.abs(firsts) + np.abs(gradients.hessian_diagonal) * (layer.name == "fc")

    known = statistics((G, G))
    found = values(own, statistics=known)
    assert found == pytest.approx([(2 + 1 + 2) + (1 + 0.25 + 1), 0, 1 + (4 + 4 + 4) + (2 + 1 + 6)])
    assert known._framework.calls == ["gradient", "gradient", "hessian", "hessian"]


def test_a_function_of_three_arguments_needs_data_and_is_named():
    def own_measure(layer, kernel, gradients):
        return kernel

    with pytest.raises(ValueError, match=r"data: there are none.*'own_measure'"):
        saliency_of(own_measure)


def test_a_function_of_other_arguments_is_refused():
    for wrong in (lambda layer: 1, lambda layer, kernel, gradients, more: 1):
        with pytest.raises(
            ValueError, match=r"saliency: got a function of [14] arguments, expected one of \(layer, ke"
        ):
            saliency_of(wrong)


def test_a_zero_weight_is_worth_nothing_whatever_the_measure_says():
    assert values(lambda layer, kernel: np.ones(kernel.shape))[1] == 0


def test_what_a_measure_returns_is_not_written_to():
    given = np.ones(KERNEL.shape)
    values(lambda layer, kernel: given)
    assert given.all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_saliency_that_is_not_finite_names_the_layer(bad):
    kernel = KERNEL.copy()
    kernel[0, 0] = bad
    with pytest.raises(ValueError, match="saliency of layer 'fc' is NaN or infinite at 1 weights"):
        values("l1", kernel)


@pytest.mark.parametrize("name", ["taylor", "fisher", "movement"])
def test_a_gradient_that_is_not_finite_names_the_layer(name):
    bad = G.copy()
    bad[1, 2] = np.nan
    with pytest.raises(ValueError, match="gradient of layer 'fc' is NaN or infinite at 1 of 6 weights"):
        values(name, statistics=statistics((G, bad)))


def test_a_hessian_that_is_not_finite_names_the_layer():
    with pytest.raises(ValueError, match="Hessian of layer 'fc' is NaN or infinite at 6 of 6 weights"):
        values("hessian", statistics=statistics(hessian=np.inf))


def test_a_negative_saliency_is_refused():
    with pytest.raises(ValueError, match="saliency of layer 'fc' has negative values"):
        values(lambda layer, kernel: kernel)


def test_a_saliency_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"'fc' has shape \(3,\)"):
        values(lambda layer, kernel: np.ones(3))


def test_an_unknown_saliency_lists_those_there_are():
    with pytest.raises(
        ValueError, match=r"saliency: got 'l3'.*'l2', 'taylor', 'fisher', 'gauss-newton', 'hessian', 'mo"
    ):
        saliency_of("l3", None)


def test_half_precision_kernels_are_valued_in_double():
    assert values("l2", KERNEL.astype(np.float16)).dtype == np.float64
