"""What hls4ml generates for ``distributed_arithmetic``: adders and nothing else, and what they cost."""

import numpy as np
import pytest

import knapprune as kp
from knapprune.hardware.adder_bits import look_up_tables
from knapprune.hardware.adder_graph import read_adder_graphs
from knapprune.network.precision import FixedPoint
from knapprune.project.distributed_arithmetic import adder_graph, generated_adders, with_zeros_filled
from knapprune.project.export import export
from knapprune.tools import MissingToolError
from shared.frameworks import keras

pytestmark = pytest.mark.needs("keras")

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


@pytest.mark.needs("da4ml")
@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_adder_graphs_are_found_and_use_neither_dsp_nor_memory(io_type, tmp_path):
    model = network()
    check = kp.verify(model, CONFIG, io_type=io_type, output_dir=tmp_path / "project")
    assert check.predicted == check.counted == {"dsp": 0, "bram18": 0, "bram": 0}
    assert list(check.by_layer) == ["conv", "pointwise", "fc", "out"]
    assert all(layer.strategy == "distributed_arithmetic" and layer.adders > 0 for layer in check.by_layer.values())
    assert f"out {check.by_layer['out'].adders}" in check.summary()


@pytest.mark.needs("da4ml")
@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_generated_adder_graphs_hold_the_weights_and_biases(io_type, tmp_path):
    model = network()
    project = export(model, CONFIG, tmp_path / "project", io_type=io_type)
    graphs = read_adder_graphs((project.folder / "firmware" / "nnet_utils" / "nnet_code_gen.h").read_text())
    layers = [layer for layer in model.layers if layer.weights]
    assert len(graphs) == len(layers)
    for layer, graph in zip(layers, graphs.values(), strict=True):
        kernel, bias = layer.get_weights()
        assert np.array_equal(graph.kernel, kernel.reshape(-1, kernel.shape[-1])), layer.name
        assert np.array_equal(graph.bias, bias), layer.name


@pytest.mark.needs("da4ml")
def test_pixels_in_parallel_multiply_the_adders():
    model = network()
    config = {**CONFIG, "LayerName": {"conv": {**CONFIG["Model"], "ParallelizationFactor": 3}}}
    one, three = kp.verify(model, CONFIG), kp.verify(model, config)
    assert three.by_layer["conv"].adders == 3 * one.by_layer["conv"].adders
    assert three.by_layer["fc"].adders == one.by_layer["fc"].adders


@pytest.mark.needs("da4ml")
def test_da4ml_compiles_a_kernel_to_the_very_graph_that_hls4ml_generates():
    model = network()
    fc = model.get_layer("fc")
    generated = generated_adders(model, CONFIG)["fc"].graphs[0]
    compiled = adder_graph(np.array(fc.kernel), [FixedPoint(10, 4)] * fc.kernel.shape[0], np.array(fc.bias))
    assert (compiled.values, compiled.outputs) == (generated.values, generated.outputs)


@pytest.mark.needs("da4ml")
def test_an_explanation_estimates_look_up_tables_and_what_the_zeros_save():
    model = network()
    fc = model.get_layer("fc")
    kernel = np.array(fc.kernel)
    whole = kp.estimate(model, CONFIG, explain=True)
    kernel[::2] = 0
    fc.kernel.assign(kernel)
    pruned = kp.estimate(model, CONFIG, explain=True)
    assert pruned.estimated["fc"]["lut"] < 0.7 * whole.estimated["fc"]["lut"]
    assert pruned.estimated["out"] == whole.estimated["out"]
    assert "lut" not in pruned.total
    logic = pruned.explanations[2].logic
    assert "without the zeros" in logic.made_of
    # Drawn weights stand for the lost ones: as many adders, or nearly.
    filled = with_zeros_filled(generated_adders(model, CONFIG)["fc"].graphs[0])
    assert np.count_nonzero(filled.kernel) == filled.kernel.size
    assert look_up_tables(filled) == pytest.approx(whole.estimated["fc"]["lut"], rel=0.1)
    assert kp.estimate(model, CONFIG).estimated == {}


@pytest.mark.needs("da4ml")
def test_weights_that_are_not_rounded_are_warned_of_and_cost_more():
    model = network()
    rounded = kp.estimate(model, CONFIG, explain=True).estimated["out"]["lut"]
    kernel = np.array(model.get_layer("out").kernel)
    model.get_layer("out").kernel.assign(kernel + np.random.default_rng(0).uniform(0, 2**-6, kernel.shape))
    with pytest.warns(kp.HardwareWarning, match="layer 'out': distributed_arithmetic takes the weights as they are"):
        found = kp.estimate(model, CONFIG, explain=True)
    assert found.estimated["out"]["lut"] > 2 * rounded


@pytest.mark.needs("da4ml")
@pytest.mark.slow
@pytest.mark.needs("yosys")
def test_synthesised_look_up_tables_stand_beside_the_predicted_ones():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="fc")])
    model.set_weights([np.round(weights * 8) / 8 for weights in model.get_weights()])
    check = kp.verify(model, CONFIG, synthesise=True)
    fc = check.by_layer["fc"]
    assert fc.synthesised["dsp"] == 0
    assert fc.estimated["lut"] == pytest.approx(fc.synthesised["lut"], rel=0.1)
    assert f"{fc.synthesised['lut']} synthesised by yosys" in check.summary()


def test_without_yosys_nothing_is_converted(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="yosys"):
        kp.verify(network(), CONFIG, synthesise=True, output_dir=tmp_path / "project")
    assert not (tmp_path / "project").exists()


@pytest.mark.needs("da4ml")
def test_the_graph_of_a_model_has_the_same_estimates(tmp_path):
    """hls4ml takes the weights out of nodes that became adders; their look-up tables are known all the same."""
    converters = pytest.importorskip("hls4ml.converters")
    model = network()
    graph = converters.convert_from_keras_model(
        model, hls_config=CONFIG, backend="Vitis", io_type="io_parallel", output_dir=str(tmp_path / "graph")
    )
    found = kp.estimate(graph, explain=True)
    assert found.estimated == kp.estimate(model, CONFIG, explain=True).estimated
    assert "lut: about" in found.summary()
