"""Whole networks: what hls4ml renames, merges, replaces or widens must not break the promise."""

import numpy as np
import pytest

from knapprune import HardwareWarning
from knapprune.adapters.keras.adapter import KerasAdapter
from knapprune.network.hls_config import HlsConfigError
from knapprune.verification.verifying import verify
from shared.frameworks import keras, layers
from shared.networks import random_masks

pytestmark = pytest.mark.needs("keras")

ADAPTER = KerasAdapter()
UNROLLED = {"Precision": "ap_fixed<16,6>", "ReuseFactor": 2, "Strategy": "resource_unrolled"}
LATENCY = {"Precision": "ap_fixed<16,6>", "ReuseFactor": 1, "Strategy": "latency"}


def constant(value):
    return keras.initializers.Constant(value)


def masked(model, seed=0, keep=0.4):
    """The model with a random part of each kernel."""
    return ADAPTER.apply(model, random_masks(ADAPTER, model, keep, seed))


def counted(check):
    assert check.predicted == check.counted
    return {name: layer.counted for name, layer in check.by_layer.items()}


def test_a_folded_normalisation_leaves_its_dense_layer():
    model = keras.Sequential([keras.Input((8,)), layers.Dense(6, name="fc"), layers.BatchNormalization(name="bn")])
    # hls4ml folds only into a layer whose result type is left to it.
    config = {"Model": UNROLLED, "LayerName": {"fc": {"Precision": {"result": "auto"}}}}
    check = verify(masked(model), config)
    assert list(counted(check)) == ["fc"]
    assert check.uncounted == ()


@pytest.mark.parametrize(("io_type", "bn", "slopes"), [("io_parallel", 15, 30), ("io_stream", 6, 6)])
def test_what_normalisations_and_slopes_multiply_is_counted(io_type, bn, slopes):
    model = keras.Sequential(
        [
            keras.Input((5, 8)),
            layers.Conv1D(6, 1, activation="relu", name="conv"),
            layers.BatchNormalization(gamma_initializer=constant(0.3), name="bn"),
            layers.PReLU(alpha_initializer=constant(0.3), name="slopes"),
        ]
    )
    check = verify(masked(model), {"Model": LATENCY | {"ReuseFactor": 2}}, io_type=io_type)
    use = counted(check)
    assert (use["bn"]["dsp"], use["slopes"]["dsp"]) == (bn, slopes)
    assert check.uncounted == ()


def test_of_two_normalisations_the_second_is_left():
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.BatchNormalization(gamma_initializer=constant(0.6), name="first"),
            layers.BatchNormalization(gamma_initializer=constant(0.7), name="second"),
        ]
    )
    config = {"Model": LATENCY, "LayerName": {"first": {"Precision": {"result": "auto"}}}}
    assert counted(verify(model, config)) == {"second": {"dsp": 8, "bram18": 0}}


def test_a_normalisation_that_hls4ml_would_fold_wrongly_is_refused():
    model = keras.Sequential(
        [keras.Input((6, 3)), layers.DepthwiseConv1D(3, name="dw"), layers.BatchNormalization(name="bn")]
    )
    config = {"Model": LATENCY, "LayerName": {"dw": {"Precision": {"result": "auto"}}}}
    with pytest.raises(HlsConfigError, match="layer 'bn' would be folded into 'dw'"):
        verify(model, config)
    assert list(counted(verify(model, {"Model": LATENCY}))) == ["dw", "bn"]


def test_layers_that_nothing_counts_are_named():
    model = keras.Sequential(
        [
            keras.Input((5, 4)),
            layers.Bidirectional(layers.LSTM(3), name="both"),
            layers.Dense(2, name="fc"),
        ]
    )
    check = verify(model, {"Model": LATENCY})
    assert check.uncounted == ("both",)
    assert "not counted: both" in check.summary()


@pytest.mark.filterwarnings("ignore:.*no strategy 'resource_unrolled' for depthwise:UserWarning")
def test_a_separable_convolution_takes_its_settings_by_name():
    model = keras.Sequential([keras.Input((9, 4)), layers.SeparableConv1D(6, 3, name="sep"), layers.ReLU()])
    precision = {"depthwise": "fixed<9,3>", "pointwise": "fixed<20,4>", "depthwise_result": "fixed<14,6>"}
    settings = {"Strategy": "resource_unrolled", "ReuseFactor": 2, "Precision": precision}
    config = {"Model": LATENCY, "LayerName": {"sep": settings}}
    of_three_digits = np.array([11, 13, 19, 21, 22, 25, 26, 29, 37, 41, 43, 45]) / 64
    model.get_layer("sep").depthwise_kernel.assign(of_three_digits.reshape(3, 4, 1))
    use = counted(verify(masked(model, keep=1), config, io_type="io_stream"))
    # 12 products of up to 9 x 16 bits; 12 rows of 20 x 14 bits, whose memory is 240 bits wide.
    assert use == {"sep_depthwise": {"dsp": 12, "bram18": 0}, "sep_pointwise": {"dsp": 12, "bram18": 7}}


@pytest.mark.parametrize("io_type", ["io_stream", "io_parallel"])
@pytest.mark.parametrize("settings", [UNROLLED, LATENCY], ids=["unrolled", "latency"])
@pytest.mark.filterwarnings("ignore:.*replaces strategy 'resource_unrolled':UserWarning")
def test_a_dense_layer_on_several_axes_becomes_a_convolution(io_type, settings):
    model = keras.Sequential([keras.Input((5, 8)), layers.Dense(6, name="each")])
    assert list(counted(verify(masked(model), {"Model": settings}, io_type=io_type))) == ["each"]


@pytest.mark.parametrize("io_type", ["io_stream", "io_parallel"])
@pytest.mark.parametrize("settings", [UNROLLED, LATENCY], ids=["unrolled", "latency"])
@pytest.mark.filterwarnings("ignore:.*replaces strategy 'resource_unrolled':UserWarning")
def test_convolutions_of_one_pixel(io_type, settings):
    model = keras.Sequential(
        [
            keras.Input((4, 4, 4)),
            layers.Conv2D(6, 1, name="flat"),
            layers.Reshape((16, 6)),
            layers.Conv1D(2, 1, strides=2, name="line"),
        ]
    )
    assert list(counted(verify(masked(model), {"Model": settings}, io_type=io_type))) == ["flat", "line"]


def test_padding_strides_and_pooling_change_no_kernel():
    model = keras.Sequential(
        [
            keras.Input((12, 10, 2)),
            layers.Conv2D(4, 3, padding="same", strides=2, activation="relu", name="conv2"),
            layers.MaxPooling2D(2),
            layers.Reshape((-1, 4)),
            layers.Conv1D(6, 2, padding="same", use_bias=False, name="conv1"),
            layers.Flatten(),
            layers.Dense(4, activation="softmax", name="fc"),
        ]
    )
    assert list(counted(verify(masked(model), {"Model": UNROLLED}, io_type="io_stream"))) == ["conv2", "conv1", "fc"]


@pytest.mark.parametrize(("io_type", "copies"), [("io_parallel", 4), ("io_stream", 1)])
def test_pixels_in_parallel_multiply_a_latency_convolution_unless_they_stream(io_type, copies, by_hand):
    model = masked(keras.Sequential([keras.Input((10, 3)), layers.Conv1D(4, 3, name="conv")]))
    config = {"Model": LATENCY | {"ParallelizationFactor": 4}, "IOType": io_type}
    kernel = model.get_layer("conv").get_weights()[0]
    assert counted(verify(model, config))["conv"]["dsp"] == by_hand.constants(kernel.reshape(9, 4), 16, 6) * copies


def test_every_pixel_at_once_is_counted_once_for_each(by_hand):
    # hls4ml batches this one into a single big Dense and writes other sizes into the multiplier's configuration.
    model = masked(keras.Sequential([keras.Input((6, 4)), layers.Conv1D(3, 1, name="conv")]))
    kernel = model.get_layer("conv").get_weights()[0]
    check = verify(model, {"Model": LATENCY | {"ParallelizationFactor": 6}})
    assert counted(check)["conv"]["dsp"] == by_hand.constants(kernel[0], 16, 6) * 6


@pytest.mark.parametrize("factor", [1, 2, 5, 10])
def test_products_with_padding_are_none(factor, by_hand):
    """Three taps at ten pixels: the first and the last pixel each have one beside the data, where they have a turn."""
    model = keras.Sequential([keras.Input((10, 2)), layers.Conv1D(3, 3, padding="same", name="conv")])
    kernel = model.get_layer("conv").get_weights()[0]
    taps = [by_hand.constants(tap, 16, 6) for tap in kernel]
    check = verify(model, {"Model": LATENCY | {"ParallelizationFactor": factor}})
    whole = sum(taps) * factor
    # Only where all pixels have multipliers of their own is a place always padding.
    assert counted(check)["conv"]["dsp"] == whole - (taps[0] + taps[2] if factor == 10 else 0)


def test_padding_of_two_axes_is_left_out(by_hand):
    model = keras.Sequential([keras.Input((4, 3, 1)), layers.Conv2D(2, 3, padding="same", name="conv")])
    kernel = model.get_layer("conv").get_weights()[0]
    inside = [[3, 4, 3], [2, 3, 2]]  # of 4 and of 3 places, those whose tap reads data
    expected = sum(
        by_hand.constants(kernel[row, column], 16, 6) * inside[0][row] * inside[1][column]
        for row in range(3)
        for column in range(3)
    )
    check = verify(model, {"Model": LATENCY | {"ParallelizationFactor": 12}})
    assert counted(check)["conv"]["dsp"] == expected


def test_a_wide_sum_between_linear_layers_takes_more_dsps():
    import hls4ml

    model = masked(
        keras.Sequential([keras.Input((8,)), layers.Dense(6, name="one"), layers.Dense(4, name="two")]), keep=1
    )
    config = hls4ml.utils.config_from_keras_model(model, granularity="name", backend="Vitis")
    for settings in config["LayerName"].values():
        settings |= {"Strategy": "resource_unrolled", "ReuseFactor": 2}
    use = counted(verify(model, config))
    assert use["one"]["dsp"] == 24
    assert use["two"]["dsp"] > 12  # 12 multipliers, whose data are the full sum of the layer before


def test_a_model_with_a_branch():
    inputs = keras.Input((8,))
    left = layers.Dense(6, activation="relu", name="left")(inputs)
    right = layers.Dense(6, activation="relu", name="right")(inputs)
    outputs = layers.Dense(4, name="head")(layers.Add()([left, right]))
    model = masked(keras.Model(inputs, outputs))
    assert set(counted(verify(model, {"Model": UNROLLED}))) == {"left", "right", "head"}


def test_words_deeper_than_a_half_block():
    """Two rows of 16 bits, 1536 deep: 32 bits in halves of 9; plain resource tells 24 outputs apart by 5 bits."""
    model = keras.Sequential([keras.Input((64,)), layers.Dense(48, name="deep")])
    deep = UNROLLED | {"ReuseFactor": 1536}
    assert counted(verify(model, {"Model": deep}))["deep"] == {"dsp": 2, "bram18": 4}
    whole = verify(model, {"Model": deep | {"Strategy": "Resource"}})
    assert counted(whole)["deep"] == {"dsp": 2, "bram18": 4 + 1}
    kernel = np.zeros((64, 48), dtype=bool)
    kernel[3, 5] = True  # in the first row: bits 0 to 15
    one_left = KerasAdapter().apply(model, {"deep": kernel})
    assert counted(verify(one_left, {"Model": deep}))["deep"] == {"dsp": 1, "bram18": 2}


def test_the_vivado_backend_is_counted_alike():
    model = masked(keras.Sequential([keras.Input((8,)), layers.Dense(6, name="fc")]))
    # At 16 bits no width of a value makes a difference.
    vitis, vivado = (verify(model, {"Model": UNROLLED}, backend=name) for name in ("Vitis", "Vivado"))
    assert counted(vitis) == counted(vivado)


@pytest.mark.parametrize(("settings", "dsp"), [(UNROLLED, 4), (LATENCY, 8)], ids=["unrolled", "latency"])
def test_weights_too_small_for_their_type_are_nothing_as_constants_and_reported(settings, dsp):
    """56 weights of 1e-5 among 64: as constants they are gone, from memory rows of them are multiplied all the same."""
    model = keras.Sequential([keras.Input((8,)), layers.Dense(8, name="fc")])
    kernel = np.full((8, 8), 1e-5)
    kernel[:, 0] = 0.3 + np.arange(8) / 16
    model.get_layer("fc").set_weights([kernel, np.zeros(8)])
    check = verify(model, {"Model": settings})
    assert counted(check)["fc"]["dsp"] == (dsp if settings is LATENCY else 32)
    assert check.by_layer["fc"].vanished == 56
    assert "56 weights are too small for their type" in check.summary()


def test_weights_that_do_not_fit_their_type_are_counted_as_what_they_become():
    model = keras.Sequential([keras.Input((2,), name="data"), layers.Dense(2, name="fc")])
    # In fixed<6,2>: 2.0 wraps around to -2.0 (one digit), 2.7 to -1.3125 (-21, three digits).
    model.get_layer("fc").set_weights([np.array([[2.0, 0.3], [2.7, 1.0]]), np.zeros(2)])
    wide = {"data": {"Precision": {"result": "ap_fixed<16,6>"}}}
    with pytest.warns(HardwareWarning, match=r"'fc': 2 of 4 weights do not fit fixed<6,2> and wrap around"):
        check = verify(model, {"Model": LATENCY | {"Precision": "ap_fixed<6,2>"}, "LayerName": wide})
    assert counted(check)["fc"]["dsp"] == 1


def test_the_device_decides_the_dsps_on_both_sides():
    model = masked(keras.Sequential([keras.Input((8,)), layers.Dense(6, name="fc")]), keep=1)
    wide = {"Model": UNROLLED | {"Precision": "ap_fixed<22,1>"}}  # with values as wide as their type
    assert counted(verify(model, wide, part="xcvu9p-flga2104-2-e"))["fc"]["dsp"] == 48
    assert counted(verify(model, wide, part="xcvc1902-vsva2197-2MP-e-S"))["fc"]["dsp"] == 24
