"""Hardware that computes something else than the model is told of, with the first layer and a type that would do."""

import re
import warnings

import numpy as np
import pytest

import knapprune as kp
from knapprune.verification.collapse import distance
from shared.frameworks import keras, torch
from shared.hls import hls_settings

DENSE = (0.5, 7.5, 0.25)
"""What the kernels of the three layers are filled with: the second layer's sums are the large ones."""


def inputs(seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (64, 8)).astype("float32")


def settings(**layers):
    given = hls_settings("latency", 1, **layers)
    given["Model"]["Precision"] = "fixed<16,4>"
    return given


def network():
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense
    model = keras.Sequential(
        [keras.Input((8,), name="given"), dense(8, "relu", name="a"), dense(4, "relu", name="b"), dense(3, name="c")]
    )
    random = np.random.default_rng(1)
    for layer, scale in zip(model.layers, DENSE, strict=True):
        kernel, bias = layer.get_weights()
        layer.set_weights([random.uniform(-scale, scale, kernel.shape), bias])
    return model


def warned(model, config, data):
    with pytest.warns(kp.CollapseWarning) as caught:
        kp.verify(model, config, data=data)
    (said,) = [str(one.message) for one in caught if one.category is kp.CollapseWarning]
    return said


@pytest.mark.slow
@pytest.mark.needs("keras", "hls4ml", "g++")
def test_the_first_layer_that_overflows_is_named_with_a_type_that_would_do():
    model = network()
    data = inputs(), model.predict(inputs(), verbose=0).argmax(1)
    said = warned(model, settings(), data)
    assert "first in layer 'b'" in said
    (kind,) = re.findall(r"and its type fixed<16,4> from -8 to 8; (u?fixed<\d+,\d+>) would do, with 'auto'", said)
    with warnings.catch_warnings():
        warnings.simplefilter("error", kp.CollapseWarning)
        auto = {"Precision": {"result": "auto", "accum": "auto"}}
        check = kp.verify(model, settings(b=auto, b_relu={"Precision": {"result": kind}}, c=auto), data=data)
    assert check.accuracy > 0.9


@pytest.mark.slow
@pytest.mark.needs("keras", "hls4ml", "g++")
def test_inputs_beyond_their_type_are_told_of_first():
    model = network()
    far = inputs() * 40
    said = warned(model, settings(), (far, model.predict(far, verbose=0).argmax(1)))
    assert "first at input 'given', whose values reach from -" in said
    assert re.search(r"fixed<\d+,7> would do", said)


@pytest.mark.slow
@pytest.mark.needs("keras", "hls4ml", "g++")
def test_a_layer_whose_normalisation_is_folded_is_not_taken_for_the_first():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(3, 3, use_bias=False, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="relu"),
            layers.Flatten(),
            layers.Dense(3, name="out"),
        ]
    )
    model.get_layer("norm").set_weights([np.full(3, 2.0), np.zeros(3), np.zeros(3), np.ones(3)])
    model.get_layer("out").kernel.assign(model.get_layer("out").kernel * 18)
    images = np.random.default_rng(0).uniform(-1, 1, (32, 6, 6, 1)).astype("float32")
    config = settings(conv={"Precision": {"result": "auto"}})
    said = warned(model, config, (images, model.predict(images, verbose=0).argmax(1)))
    assert "first in layer 'out'" in said


@pytest.mark.slow
@pytest.mark.needs("torch", "hls4ml", "g++")
def test_of_a_pytorch_module_as_well():
    torch.manual_seed(0)
    linear = torch.nn.Linear
    module = torch.nn.Sequential(linear(8, 8), torch.nn.ReLU(), linear(8, 3))
    with torch.no_grad():
        module[2].weight.mul_(20)
    labels = module(torch.tensor(inputs())).argmax(1).numpy()
    assert "first in layer '_2'" in warned(module, settings() | {"InputShape": [8]}, (inputs(), labels))


@pytest.mark.slow
@pytest.mark.needs("keras", "hls4ml", "g++")
def test_of_inputs_and_outputs_by_name_as_well():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    left, right = keras.Input((8,), name="left"), keras.Input((8,), name="right")
    inner = layers.Dense(4, name="inner")(layers.Concatenate(name="both")([left, right]))
    model = keras.Model({"left": left, "right": right}, {"total": layers.Dense(1, name="total")(inner)})
    model.get_layer("inner").kernel.assign(np.full((16, 4), 6.0))
    data = {"left": inputs(1), "right": inputs(2)}
    with pytest.warns(kp.CollapseWarning) as caught:
        kp.verify(model, settings(), data=(data, {"total": np.zeros((64, 1))}), metric=lambda labels, outputs: 0.0)
    (said,) = [str(one.message) for one in caught if one.category is kp.CollapseWarning]
    assert "first in layer 'inner'" in said


def test_distances_are_shares_of_the_spread_of_the_models_own_outputs():
    own = np.array([[1.0], [3.0]])
    assert distance(own, own) == 0
    assert distance(own, own + 0.5) == pytest.approx(0.5)
    assert distance([own, own], [own, own + 1]) == pytest.approx(1.0)
    assert distance({"a": own, "b": own}, {"b": own + 0.5, "a": own}) == pytest.approx(0.5)
    assert distance(np.ones((2, 1)), np.ones((2, 1)) + 1) == np.inf
