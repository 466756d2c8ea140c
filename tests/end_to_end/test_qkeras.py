"""QKeras networks, pruned and built: what is counted was predicted, and the bits compute as QKeras does."""

import numpy as np
import pytest

import knapprune as kp
from shared.hls import hls_settings
from shared.qkeras_networks import bits, compiled, convolutional, dense, digits, qkeras, tf_keras

pytestmark = pytest.mark.needs("tf_keras", "hls4ml")
PUBLISHED = ("qkeras_3layer", "qkeras_mnist_dense", "qkeras_mnist_cnn")


@pytest.mark.slow
@pytest.mark.needs("g++")
@pytest.mark.parametrize(
    ("make", "config", "resource"),
    [
        (dense, {"strategy": "Latency", "reuse_factor": 1}, "dsp"),
        (convolutional, {"strategy": "resource_unrolled", "reuse_factor": 4, "IOType": "io_stream"}, "dsp"),
    ],
)
def test_a_pruned_network_keeps_its_budget_and_computes_bit_by_bit_what_qkeras_does(make, config, resource):
    model = make()
    train, validation, test = digits(*model.input_shape[1:])
    model.fit(*train, epochs=8, verbose=0)
    io_type = config.pop("IOType", "io_parallel")
    settings = hls_settings(bits=16, **config) | {"IOType": io_type}
    out = kp.prune(
        model, settings, train=train, validation=validation, budget={resource: 0.25}, steps=2, epochs=3,
        tolerance=1.0, progress=False,
    )  # fmt: skip
    assert out.met
    limit = out.before.total[resource] // 4
    checked = kp.verify(out.model, settings, data=test)
    assert checked.predicted == checked.counted == out.resources.total
    assert checked.counted[resource] <= limit
    assert checked.accuracy == checked.model_accuracy > 0.8


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_are_loaded_estimated_and_selected_to_a_quarter_of_their_dsps(name, data_folder):
    model = kp.load(data_folder / "models" / "jets" / f"{name}.json")
    settings = hls_settings(bits=16, reuse_factor=1, strategy="Latency")
    if "cnn" in name:
        settings = hls_settings(q_conv2d={"ReuseFactor": 3}) | {"IOType": "io_stream"}
    before = kp.estimate(model, settings)
    if name == "qkeras_mnist_dense":  # shifts, and products of 3 by 4 bits: there is no multiplier to prune
        assert (before.total["dsp"], before.uncounted) == (0, ("q_dense_2",))
        assert kp.verify(model, settings).counted == before.total
        return
    selection = kp.select(model, settings, {"dsp": 0.25})
    pruned = selection.apply(model)
    checked = kp.verify(pruned, settings)
    assert checked.predicted == checked.counted == selection.resources.total
    assert 0 < checked.counted["dsp"] <= before.total["dsp"] // 4


def test_types_are_the_quantisers_where_the_configuration_says_no_others():
    model = convolutional()
    settings = hls_settings(bits=16, reuse_factor=1, strategy="Latency")
    widths = {layer.name: (layer.weight_bits, layer.data_bits) for layer in kp.estimate(model, settings).layers}
    assert widths == {"conv1": (12, 8), "conv2": (12, 10), "out": (12, 10)}
    settings["LayerName"] = {"relu1": {"Precision": {"result": "ufixed<7,3>"}}}
    widths = {layer.name: layer.data_bits for layer in kp.estimate(model, settings).layers}
    assert widths == {"conv1": 8, "conv2": 7, "out": 10}
    settings["LayerType"] = {"Activation": {"Precision": "fixed<9,4>"}}
    widths = {layer.name: layer.data_bits for layer in kp.estimate(model, settings).layers}
    assert widths == {"conv1": 9, "conv2": 7, "out": 9}


@pytest.mark.filterwarnings("ignore:budget.* cannot be saved in:knapprune.HardwareWarning")  # in what only scales
@pytest.mark.parametrize("alpha", [1, "auto", "auto_po2"])
@pytest.mark.parametrize("normalised", [False, True])
def test_factors_of_quantisers_and_normalisations_are_counted_beside_the_weights(alpha, normalised):
    start = tf_keras.initializers.GlorotUniform(seed=0)
    quantiser = qkeras.quantized_bits(8, 0, alpha=alpha)
    layers = [qkeras.QDense(12, kernel_quantizer=quantiser, kernel_initializer=start, name="fc1")]
    layers += [qkeras.QBatchNormalization(name="norm")] if normalised else []
    layers += [qkeras.QActivation("quantized_relu(12)", name="relu"), tf_keras.layers.Dense(4, name="out")]
    model = compiled(tf_keras.Sequential([tf_keras.Input((16,)), *layers]))
    settings = hls_settings(bits=16, reuse_factor=1, strategy="Latency")
    selection = kp.select(model, settings, {"dsp": 0.5})
    checked = kp.verify(selection.apply(model), settings)
    assert checked.predicted == checked.counted == selection.resources.total
    scales = [layer.name for layer in selection.resources.layers if layer.kind == "scale"]
    assert scales == (["norm"] if normalised else [] if alpha == 1 else ["fc1_alpha"])


def test_what_hls4ml_does_not_convert_is_said_with_its_own_words():
    model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.GaussianNoise(0.1), tf_keras.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"hls4ml does not convert 'sequential.*Unsupported layer type: GaussianNoise"):
        kp.estimate(model, hls_settings())


def test_what_needs_a_seam_that_is_not_there_is_refused_in_a_sentence():
    model, (train, validation, _) = dense(), digits(64)
    given = {"train": train, "validation": validation, "budget": {"dsp": 0.5}, "progress": False}
    with pytest.raises(ValueError, match="distill: TfKerasAdapter cannot add to a model's loss, expected None"):
        kp.prune(model, hls_settings(), distill=0.5, **given)


@pytest.mark.parametrize(
    ("make", "config"),
    [
        (dense, hls_settings(bits=16, reuse_factor=1, strategy="Latency")),
        (convolutional, hls_settings(reuse_factor=4, strategy="resource_unrolled") | {"IOType": "io_stream"}),
    ],
)
def test_half_of_a_network_by_whole_channels_is_really_smaller_and_built_as_was_predicted(make, config):
    model = make()
    chosen = kp.select(model, config, {"dsp": 0.5}, structure="channel")
    masked = chosen.apply(model)
    out = kp.shrink(masked)
    checked = kp.verify(out.model, config)
    assert checked.predicted == checked.counted == chosen.resources.total
    assert 0.8 * chosen.budget[0].limit < checked.counted["dsp"] <= chosen.budget[0].limit
    assert out.parameters < 0.6 * out.parameters_before
    assert np.array_equal(*(own.predict_on_batch(digits(*model.input_shape[1:])[0][0]) for own in (masked, out.model)))


def test_a_layer_used_twice_is_refused():
    layer = qkeras.QDense(4, kernel_quantizer=bits(8), name="fc")
    inputs = tf_keras.Input((4,))
    model = tf_keras.Model(inputs, layer(layer(inputs)))
    with pytest.raises(ValueError, match="layer 'fc' is used more than once"):
        kp.estimate(model, hls_settings())


def test_weights_that_are_shifts_are_named_as_not_counted():
    layer = qkeras.QDense(4, kernel_quantizer="quantized_po2(4)", name="shifts")
    model = tf_keras.Sequential([tf_keras.Input((4,)), layer, qkeras.QDense(3, kernel_quantizer=bits(8), name="fc")])
    found = kp.estimate(model, hls_settings(reuse_factor=1, strategy="Latency"))
    assert (found.uncounted, [own.name for own in found.layers]) == (("shifts",), ["fc"])
    assert np.isfinite(found.total["dsp"])
