"""What hls4ml generates for ``distributed_arithmetic``: adders and nothing else, and what they cost."""

import keras
import numpy as np
import pytest

import knapprune as kp
from knapprune.adders import read_adder_graphs
from knapprune.export import export

CONFIG = {"Model": {"Precision": "ap_fixed<10,4>", "ReuseFactor": 1, "Strategy": "distributed_arithmetic"}}


def network():
    """A convolution, a pointwise one and two Dense layers, their weights rounded to 5 fractional bits."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((5, 5, 2)),
            keras.layers.Conv2D(3, 3, name="conv", activation="relu"),
            keras.layers.Conv2D(2, 1, name="pointwise"),
            keras.layers.Flatten(),
            keras.layers.Dense(4, activation="relu", name="fc"),
            keras.layers.Dense(3, name="out"),
        ]
    )
    model.set_weights(
        [np.round(np.random.default_rng(1).normal(0, 0.4, w.shape) * 32) / 32 for w in model.get_weights()]
    )
    return model


@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_adder_graphs_are_found_and_use_neither_dsp_nor_memory(io_type, tmp_path):
    pytest.importorskip("da4ml")
    model = network()
    check = kp.verify(model, CONFIG, io_type=io_type, output_dir=tmp_path / "project")
    assert check.predicted == check.counted == {"dsp": 0, "bram": 0}
    assert list(check.by_layer) == ["conv", "pointwise", "fc", "out"]
    assert all(layer.strategy == "distributed_arithmetic" and layer.adders > 0 for layer in check.by_layer.values())
    assert f"out {check.by_layer['out'].adders}" in check.summary()


@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_generated_adder_graphs_hold_the_weights_and_biases(io_type, tmp_path):
    pytest.importorskip("da4ml")
    model = network()
    project = export(model, CONFIG, tmp_path / "project", io_type=io_type)
    graphs = read_adder_graphs((project.folder / "firmware" / "nnet_utils" / "nnet_code_gen.h").read_text())
    layers = [layer for layer in model.layers if layer.weights]
    assert len(graphs) == len(layers)
    for layer, graph in zip(layers, graphs.values(), strict=True):
        kernel, bias = layer.get_weights()
        assert np.array_equal(graph.kernel, kernel.reshape(-1, kernel.shape[-1])), layer.name
        assert np.array_equal(graph.bias, bias), layer.name


def test_pixels_in_parallel_multiply_the_adders():
    pytest.importorskip("da4ml")
    model = network()
    config = {**CONFIG, "LayerName": {"conv": {**CONFIG["Model"], "ParallelizationFactor": 3}}}
    one, three = kp.verify(model, CONFIG), kp.verify(model, config)
    assert three.by_layer["conv"].adders == 3 * one.by_layer["conv"].adders
    assert three.by_layer["fc"].adders == one.by_layer["fc"].adders
