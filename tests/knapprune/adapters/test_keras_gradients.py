import keras
import numpy as np
import pytest

from knapprune.adapters.keras import KerasAdapter

ADAPTER = KerasAdapter()
X = np.random.default_rng(2).normal(size=(10, 3))
Y = np.random.default_rng(3).normal(size=(10, 2))


def linear(compiled=True):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="fc")])
    if compiled:
        model.compile("sgd", "mse")
    return model


def by_hand(model, x, y):
    kernel, bias = model.get_weights()
    return np.abs(x.T @ (x @ kernel + bias - y)) * 2 / y.size


def test_one_batch_gives_the_gradient_of_the_models_own_loss():
    model = linear()
    assert np.allclose(ADAPTER.gradients(model, (X, Y), 10)["fc"], by_hand(model, X, Y), rtol=1e-4)


def test_batches_count_by_their_samples_and_do_not_cancel():
    model = linear()
    expected = (
        4 * by_hand(model, X[:4], Y[:4]) + 4 * by_hand(model, X[4:8], Y[4:8]) + 2 * by_hand(model, X[8:], Y[8:])
    ) / 10
    assert np.allclose(ADAPTER.gradients(model, (X, Y), 4)["fc"], expected, rtol=1e-4)


def test_gradients_change_neither_weights_nor_optimiser():
    model = linear()
    before = model.get_weights()
    ADAPTER.gradients(model, (X, Y), 4)
    assert all(np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True))
    assert int(model.optimizer.iterations) == 0


def test_a_model_without_a_loss_is_refused():
    with pytest.raises(ValueError, match="is not compiled: gradients need its loss"):
        ADAPTER.gradients(linear(compiled=False), (X, Y), 4)


@pytest.mark.parametrize(
    ("data", "batch_size", "message"),
    [
        (X, 4, r"data: got ndarray, expected a pair"),
        ((X, Y[:5]), 4, r"have \[5, 10\] samples"),
        ((X[:0], Y[:0]), 4, r"have \[0\] samples"),
        ((X, Y), 0, "batch_size: got 0"),
    ],
)
def test_data_that_cannot_be_used_is_refused(data, batch_size, message):
    with pytest.raises(ValueError, match=message):
        ADAPTER.gradients(linear(), data, batch_size)
