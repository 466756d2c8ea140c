"""Pruned, made smaller, converted: what is predicted of the smaller network is what is counted in its hardware."""

import numpy as np
import pytest

import knapprune as kp
from shared import dying_models
from shared.frameworks import Later, hls4ml, keras, layers, torch
from shared.hls import hls_settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs("hls4ml"),
    pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning"),
]
modules = Later("shared.dying_modules")


def convolutional():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(8, 3, activation="relu", bias_initializer="normal", name="conv1"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Conv2D(6, 2, activation="relu", bias_initializer="normal", name="conv2"),
            layers.Flatten(name="flat"),
            layers.Dense(12, "relu", bias_initializer="normal", name="fc"),
            layers.Dense(4, name="out"),
        ]
    )


def dense():
    keras.utils.set_random_seed(0)
    hidden = [layers.Dense(n, "relu", bias_initializer="normal", name=f"fc{n}") for n in (24, 16)]
    return keras.Sequential([keras.Input((10,)), *hidden, layers.Dense(4, name="out")])


@pytest.mark.needs("keras")
@pytest.mark.parametrize(("build", "strategy"), [(dense, "resource_unrolled"), (convolutional, "latency")])
def test_a_network_pruned_by_whole_units_is_smaller_and_costs_what_is_predicted(build, strategy):
    model, config = build(), hls_settings(strategy=strategy, reuse_factor=1 if strategy == "latency" else 4)
    chosen = kp.select(model, config, budget={"dsp": 0.4}, structure="neuron", saliency="l2")
    out = kp.shrink(chosen.apply(model))
    inputs = np.random.default_rng(0).normal(size=(64, *model.input_shape[1:])).astype("float32")
    assert dying_models.largest_difference(chosen.apply(model), out.model, inputs) <= 1e-5
    assert out.parameters < out.parameters_before
    check = kp.verify(out.model, config)
    assert check.predicted == check.counted
    assert kp.estimate(out.model, config).total["dsp"] == check.counted["dsp"]
    assert check.counted["dsp"] <= chosen.resources.total["dsp"]
    assert kp.shrink(out.model).removed == {}


@pytest.mark.needs("torch")
def test_a_smaller_module_costs_what_is_predicted():
    module = modules.kill(modules.dense(16), np.random.default_rng(5), 0.4)
    out = kp.shrink(module)
    assert out.parameters < out.parameters_before
    config = hls4ml.utils.config_from_pytorch_model(out.model, (5,))
    config["Model"] |= {"Strategy": "resource", "ReuseFactor": 3}
    check = kp.verify(out.model, config, data=None)
    assert check.predicted == check.counted
    assert check.counted["dsp"] > 0
    x = torch.ones(3, 5)
    torch.testing.assert_close(module(x), out.model(x))
