"""HGQ2's layers in Keras models: masks on the kernels behind their quantisers, and widths that are followed."""

import numpy as np
import pytest

import knapprune as kp
from knapprune.adapters.keras.adapter import KerasAdapter
from shared.frameworks import keras
from shared.high_granularity import all_kinds, inputs_of, network
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras", "hls4ml", "hgq")


def quantised(model):
    """Return the kernels as the layers multiply by them."""
    return {
        layer.name: keras.ops.convert_to_numpy(layer.qkernel) for layer in model.layers if hasattr(layer, "qkernel")
    }


def small(**settings):
    from hgq.layers import QDense

    return network(
        lambda: QDense(8, activation="relu", name="fc", **settings), lambda: QDense(4, name="out"), shape=(12,)
    )


def trained(model, epochs=2):
    inputs = inputs_of(model)
    model.compile(keras.optimizers.Adam(0.01), "mse", run_eagerly=True)  # tracing takes longer than a few steps
    model.fit(inputs, np.random.default_rng(1).normal(size=(len(inputs), 4)), epochs=epochs, verbose=0)
    return model


def test_masks_hold_through_training_and_through_each_quantiser():
    model = all_kinds()
    rng = np.random.default_rng(0)
    masks = {name: rng.random(kernel.shape) < 0.5 for name, kernel in quantised(model).items()}
    assert len(masks) == 10
    before = KerasAdapter().kernels(model)
    masked = trained(KerasAdapter().apply(model, masks))
    for name, kernel in quantised(masked).items():
        assert not kernel[~masks[name]].any(), name
        assert kernel.any(), name
    moved = KerasAdapter().kernels(masked)
    assert all((moved[name] != before[name])[mask].any() for name, mask in masks.items())
    for name, kernel in KerasAdapter().kernels(model).items():
        np.testing.assert_array_equal(kernel, before[name])


def test_every_kind_of_layer_is_estimated_as_it_is_counted():
    model = all_kinds()
    for strategy in ("latency", "resource_unrolled"):
        config = hls_settings(strategy, 1, einsum={"Strategy": "Latency"}, normalised_einsum={"Strategy": "Latency"})
        if strategy == "resource_unrolled":
            config["LayerName"] |= {name: {"ReuseFactor": 4, "Strategy": strategy} for name in ("dense", "normalised")}
            config["Model"]["Strategy"] = "Latency"
        check = kp.verify(model, config)
        assert check.predicted == check.counted
        assert all(layer.counted["dsp"] for layer in check.by_layer.values())


def test_a_selection_uses_what_is_counted_in_its_masked_model():
    model = small()
    config = hls_settings("resource_unrolled", 4)
    selection = kp.select(model, config, {"dsp": 0.5, "bram18": 0.7})
    check = kp.verify(selection.apply(model), config)
    assert check.predicted == check.counted == selection.resources.total
    assert all(cap.use(selection.resources) <= cap.limit < cap.use(selection.before) for cap in selection.budget)


def test_weights_are_worth_what_their_quantiser_leaves():
    model = small()
    seen = {}

    def measure(layer, kernel):
        seen[layer.name] = kernel
        return np.abs(kernel)

    kp.select(model, hls_settings("resource_unrolled", 4), {"dsp": 0.5}, saliency=measure)
    for name, kernel in quantised(model).items():
        np.testing.assert_array_equal(seen[name], kernel)


def test_widths_that_training_moves_are_followed():
    model = small()
    config = hls_settings("latency", 1)
    wide = {layer.name: layer.weight_bits for layer in kp.estimate(model, config).layers}
    for layer in model.layers:
        layer.kq.quantizer._b.assign(keras.ops.full(layer.kernel.shape, 4.0))
    narrow = kp.estimate(model, config)
    assert all(layer.weight_bits < wide[layer.name] for layer in narrow.layers)
    assert kp.verify(model, config).counted == narrow.total


def test_a_copy_trains_on_with_the_price_of_its_bits_and_with_what_is_frozen():
    model = trained(small())
    for layer in model.layers:
        layer._beta.assign(0.125)
    model.layers[0].kq.trainable = False
    copy = KerasAdapter().apply(model, {"fc": np.eye(12, 8) > 0})
    assert [float(layer.beta) for layer in copy.layers] == [0.125, 0.125]
    assert len(copy.trainable_variables) == len(model.trainable_variables)
    assert not copy.layers[0].kq.trainable
    bits = keras.ops.convert_to_numpy(copy.layers[0].kq.quantizer._b).copy()
    others = keras.ops.convert_to_numpy(copy.layers[1].kq.quantizer._b).copy()
    inputs = inputs_of(model)
    copy.fit(inputs, np.zeros((len(inputs), 4)), epochs=2, verbose=0)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(copy.layers[0].kq.quantizer._b), bits)
    assert keras.ops.convert_to_numpy(copy.layers[1].kq.quantizer._b).sum() < others.sum()


def test_a_saved_masked_model_has_its_masks_when_it_is_loaded(tmp_path):
    model = small()
    masks = {"fc": np.eye(12, 8) > 0}
    trained(KerasAdapter().apply(model, masks)).save(tmp_path / "net.keras")
    loaded = trained(kp.load(tmp_path / "net.keras"))
    np.testing.assert_array_equal(KerasAdapter().masks(loaded)["fc"], masks["fc"])
    assert not quantised(loaded)["fc"][~masks["fc"]].any()


def test_calibrating_leaves_no_value_of_the_data_to_wrap_around():
    model = small()
    inputs = inputs_of(model)
    far = np.concatenate([inputs, 6 * inputs])
    before = model.predict(far, verbose=0)
    KerasAdapter().calibrate(model, [(far[:100], np.zeros(100)), (far[100:], np.zeros(28))])
    after = model.predict(far, verbose=0)
    relu = np.maximum(far @ quantised(model)["fc"], 0)
    exact = relu @ quantised(model)["out"]
    assert np.abs(before - exact).max() > 1
    assert np.abs(after - exact).max() < 0.1


def test_nothing_but_weights_is_chosen_of_a_quantised_model():
    with pytest.raises(ValueError, match="choose: a Sequential with quantised layers has types of its own"):
        kp.select(small(), hls_settings("latency", 1), {"dsp": 0.5}, choose={"reuse_factor": "legal"})


def test_other_layers_of_a_quantised_model_are_read_from_the_same_graph():
    from hgq.layers import QDense

    model = network(
        lambda: QDense(8, activation="relu", name="fc"),
        lambda: keras.layers.Dense(6, name="plain"),
        lambda: keras.layers.BatchNormalization(name="norm"),
        shape=(12,),
    )
    config = hls_settings("resource_unrolled", 4)
    selection = kp.select(model, config, {name: {"dsp": 0.5} for name in ("fc", "plain")})
    check = kp.verify(selection.apply(model), config)
    assert check.predicted == check.counted == selection.resources.total
    assert {"fc", "plain"} <= set(selection.masks)


@pytest.mark.slow
@pytest.mark.needs("da4ml")
def test_look_up_tables_of_adder_graphs_are_budgeted_and_counted():
    model = small()
    config = hls_settings("distributed_arithmetic", 1)
    selection = kp.select(model, config, {"lut": 0.6})
    assert selection.resources["lut"] <= 0.6 * selection.before["lut"]
    assert not selection.values
    masked = selection.apply(model)
    assert kp.select(masked, config, {"lut": 1.0}).before["lut"] == selection.resources["lut"]
    adders = [sum(layer.adders for layer in kp.verify(own, config).by_layer.values()) for own in (model, masked)]
    assert adders[1] < 0.7 * adders[0]
