"""HGQ2 networks, trained on scikit-learn's digits and pruned as models: what is returned is counted, and exact."""

from types import SimpleNamespace

import numpy as np
import pytest

import knapprune as kp
from shared.frameworks import keras
from shared.high_granularity import traced, wide
from shared.hls import hls_settings

pytestmark = [pytest.mark.slow, pytest.mark.needs("keras", "hls4ml", "hgq", "sklearn", "g++")]


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    train, held, test = slice(0, 1200), slice(1200, 1500), slice(1500, None)
    return SimpleNamespace(train=(x[train], y[train]), held=(x[held], y[held]), test=(x[test], y[test]))


@pytest.fixture(scope="module")
def dense(digits):
    from hgq.layers import QDense

    def layers():
        return [
            QDense(24, activation="relu", name="fc1"),
            QDense(16, activation="relu", name="fc2"),
            QDense(10, name="out"),
        ]

    return trained(layers, digits)


@pytest.fixture(scope="module")
def convolutional(digits):
    from hgq.layers import QConv2D, QDense

    def layers():
        return [
            keras.layers.Reshape((8, 8, 1)),
            QConv2D(4, 3, strides=2, activation="relu", name="conv"),
            keras.layers.Flatten(),
            QDense(16, activation="relu", name="fc"),
            QDense(10, name="out"),
        ]

    return trained(layers, digits)


def trained(layers, digits):
    keras.utils.set_random_seed(0)
    with wide(1e-6):
        model = keras.Sequential([keras.Input((64,)), *layers()])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(4e-3), loss)
    model.fit(*digits.train, epochs=12, batch_size=64, verbose=0)
    return traced(model, digits.train[0])


def kernels(model):
    return {layer.name: keras.ops.convert_to_numpy(layer.kernel) for layer in model.layers if hasattr(layer, "kq")}


@pytest.mark.parametrize(
    ("network", "strategy", "reuse_factor"), [("dense", "resource_unrolled", 4), ("convolutional", "latency", 1)]
)
def test_a_network_is_pruned_to_a_quarter_of_its_dsps_and_computes_what_the_chip_does(
    network, strategy, reuse_factor, digits, request
):
    model = request.getfixturevalue(network)
    config, before = hls_settings(strategy, reuse_factor), kernels(model)
    out = kp.prune(
        model,
        config,
        train=digits.train,
        validation=digits.held,
        budget={"dsp": 0.25},
        steps=2,
        epochs=3,
        batch_size=64,
        tolerance=0.15,
    )
    assert out.met
    assert out.before["dsp"] > 500
    assert 0 < out.resources["dsp"] <= out.before["dsp"] // 4
    check = kp.verify(out.model, config, data=digits.test)
    assert check.predicted == check.counted == out.resources.total
    assert check.accuracy == check.model_accuracy > 0.7
    for name, kernel in kernels(model).items():
        np.testing.assert_array_equal(kernel, before[name])
        assert not keras.ops.convert_to_numpy(out.model.get_layer(name).qkernel)[~out.masks[name]].any()


def test_bits_go_on_being_paid_for_while_a_network_is_pruned(dense, digits):
    """The price of a layer's bits is that of the model given, and widths go down under it, epoch by epoch."""
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            bits = [keras.ops.convert_to_numpy(layer.kq.quantizer._b).ravel() for layer in self.model.layers]
            seen.append(float(np.concatenate(bits).mean()))

    for layer in dense.layers:
        layer._beta.assign(1e-4)
    config = hls_settings("resource_unrolled", 4)
    more = {"steps": 1, "epochs": 3, "batch_size": 64, "tolerance": 1.0, "callbacks": [Watch()]}
    out = kp.prune(dense, config, train=digits.train, validation=digits.held, budget={"dsp": 0.5}, **more)
    assert [float(layer.beta) for layer in out.model.layers] == pytest.approx([1e-4] * 3)
    assert seen[0] > seen[1] > seen[2]
    assert seen[0] - seen[2] > 0.1
    assert out.met
    assert out.resources.total == kp.estimate(out.model, config).total
