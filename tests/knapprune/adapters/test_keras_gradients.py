"""Gradients and Hessian products of Keras models against numbers worked out by hand and finite differences."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from knapprune.adapters.keras.adapter import KerasAdapter
from knapprune.network.batches import Batch
from knapprune.saliency import Statistics
from shared.frameworks import keras

pytestmark = pytest.mark.needs("keras")

ADAPTER = KerasAdapter()
X = np.random.default_rng(2).normal(size=(10, 3)).astype(np.float32)
Y = np.random.default_rng(3).normal(size=(10, 2)).astype(np.float32)
ALL = Batch(X, Y, None, 10)


def linear(compiled=True):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="fc")])
    if compiled:
        model.compile("sgd", "mse")
    return model


def curved():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4, activation="tanh", name="first"),
            keras.layers.Dense(2, name="second", kernel_regularizer=keras.regularizers.L2(0.1)),
        ]
    )
    model.compile("sgd", "mse")
    return model


def by_hand(model, x, y):
    kernel, bias = model.get_weights()
    return x.T @ (x @ kernel + bias - y) * 2 / y.size


def test_the_gradient_is_that_of_the_models_own_loss():
    model = linear()
    assert np.allclose(ADAPTER.gradient(model, ALL)["fc"], by_hand(model, X, Y), rtol=1e-4)


def test_samples_count_by_their_weight():
    weighted = Batch(X, Y, np.r_[np.ones(5), np.zeros(5)].astype(np.float32), 10)
    model = linear()
    assert np.allclose(ADAPTER.gradient(model, weighted)["fc"], by_hand(model, X[:5], Y[:5]) / 2, rtol=1e-4)


def test_mean_absolute_gradients_do_not_cancel_and_count_by_samples():
    model = linear()
    found = Statistics(ADAPTER, model, (X, Y), 4).of("fc").mean_absolute
    parts = [(4, slice(0, 4)), (4, slice(4, 8)), (2, slice(8, 10))]
    expected = sum(size * np.abs(by_hand(model, X[part], Y[part])) for size, part in parts) / 10
    assert np.allclose(found, expected, rtol=1e-4)


def test_a_product_with_the_hessian_is_the_difference_of_gradients_along_the_vector():
    model = curved()
    vectors = {
        name: np.random.default_rng(4).choice([-1, 1], kernel.shape).astype(np.float32)
        for name, kernel in ADAPTER.kernels(model).items()
    }
    found = ADAPTER.hessian_product(model, ALL, vectors)
    step, sides = 1e-2, []
    for sign in (1, -1):
        shifted = curved()
        for name, vector in vectors.items():
            kernel, bias = shifted.get_layer(name).get_weights()
            shifted.get_layer(name).set_weights([kernel + sign * step * vector, bias])
        sides.append(ADAPTER.gradient(shifted, ALL))
    for name in vectors:
        assert np.allclose(found[name], (sides[0][name] - sides[1][name]) / (2 * step), atol=2e-3)


@pytest.mark.parametrize("batch_size", [3, 6, 12])
def test_a_diagonal_hessian_is_found_exactly_in_batches_of_any_size(batch_size):
    # In each three rows the columns are orthogonal, so that no two weights interact in a quadratic loss.
    x = np.tile(np.diag([1.0, 2.0, 3.0]), (4, 1)).astype(np.float32)
    found = Statistics(ADAPTER, linear(), (x, np.ones((12, 2))), batch_size).of("fc").hessian_diagonal
    # The loss is the mean over 12 samples and 2 outputs, 4 samples have a 1, 2 or 3: 2 * 4 * x**2 / 24.
    assert np.allclose(found, np.array([[1.0], [4.0], [9.0]]) / 3 * np.ones(2), rtol=1e-5)


def test_labels_drawn_from_the_model_give_the_curvature_of_a_classifier():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, activation="softmax", name="fc")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = np.tile(X, (40, 1)), np.zeros(400)
    found = Statistics(ADAPTER, model, (x, y), 10).of("fc").gauss_newton_diagonal
    scores = np.exp(X @ model.get_weights()[0])
    chances = scores / scores.sum(axis=1, keepdims=True)
    exact = (X**2).T @ (chances * (1 - chances)) / len(X)
    # The standard error of each is about sqrt(2 / 40) of it, and that of their mean less.
    assert np.abs(found / exact - 1).max() < 4 * np.sqrt(2 / 40)
    assert np.abs(np.mean(found / exact) - 1) < 2 * np.sqrt(2 / 40)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_predictions_of_a_few_samples_are_those_of_many(kind):
    model = curved()
    many = np.tile(X, (30, 1)).astype(kind)
    few = ADAPTER.predict(model, many[:10])
    assert isinstance(few, np.ndarray)
    assert np.allclose(few, ADAPTER.predict(model, many)[:10], rtol=1e-5)


def test_derivatives_change_neither_weights_nor_optimiser():
    model = curved()
    before = model.get_weights()
    ADAPTER.gradient(model, ALL)
    ADAPTER.hessian_product(model, ALL, ADAPTER.kernels(model))
    assert all(np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True))
    assert int(model.optimizer.iterations) == 0


def test_a_kernel_that_the_loss_does_not_depend_on_has_a_gradient_of_zero():
    inputs = keras.Input((3,))
    left, right = (keras.layers.Dense(2, name=name)(inputs) for name in ("left", "right"))
    model = keras.Model(inputs, {"a": left, "b": right})
    model.compile("sgd", {"a": "mse"})
    batch = Batch(X, {"a": Y}, None, 10)
    assert not ADAPTER.gradient(model, batch)["right"].any()
    assert ADAPTER.gradient(model, batch)["left"].any()
    assert not ADAPTER.hessian_product(model, batch, ADAPTER.kernels(model))["right"].any()


def test_a_loss_without_curvature_has_a_hessian_of_zero():
    model = linear()
    model.compile("sgd", lambda y_true, y_pred: keras.ops.sum(y_pred - y_true, axis=-1))
    assert not ADAPTER.hessian_product(model, ALL, ADAPTER.kernels(model))["fc"].any()


@pytest.mark.parametrize("call", ["gradient", "hessian_product"])
def test_a_model_without_a_loss_is_refused(call):
    arguments = [ALL] if call == "gradient" else [ALL, {"fc": np.ones((3, 2), np.float32)}]
    with pytest.raises(ValueError, match="is not compiled: gradients need its loss"):
        getattr(ADAPTER, call)(linear(compiled=False), *arguments)


def test_frozen_layers_have_gradients_too_and_stay_frozen():
    model = curved()
    expected = ADAPTER.gradient(model, ALL)["first"]
    model.get_layer("first").trainable = False
    model.compile("sgd", "mse")
    assert np.allclose(ADAPTER.gradient(model, ALL)["first"], expected)
    assert ADAPTER.hessian_product(model, ALL, ADAPTER.kernels(model))["first"].any()
    assert not model.get_layer("first").trainable_weights


@pytest.mark.needs("torch")
@pytest.mark.slow
def test_all_of_this_holds_on_the_torch_backend():
    if keras.backend.backend() == "torch":
        pytest.skip("runs on the torch backend already")
    # The session's own plugins and cache stay out: the child runs this file and nothing else.
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(Path(__file__))],
        env={**os.environ, "KERAS_BACKEND": "torch"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed, 1 skipped" in done.stdout
