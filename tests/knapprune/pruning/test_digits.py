"""Pruning to values of few digits: they tighten step by step, weights stay on them while they train, runs go on."""

import numpy as np
import pytest

import knapprune as kp
from knapprune.network.digits import signed_digits
from knapprune.pruning.task import choose_at
from shared.frameworks import keras
from shared.hls import hls_settings, layer_of

pytestmark = [
    pytest.mark.needs("keras"),
    pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning"),
]
BITS = 16
CONFIG = hls_settings("latency", 1, bits=BITS)
STEP = 2.0 ** -(BITS - 6)


@pytest.fixture(scope="module")
def trained(blobs):
    (inputs, labels), _ = blobs
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense
    model = keras.Sequential([keras.Input((16,)), dense(16, "relu", name="fc1"), dense(4, name="out")])
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(inputs, labels, epochs=15, verbose=0)
    return model


def pruned(model, blobs, budget, digits, **options):
    train, validation = blobs
    settings = {"steps": 3, "epochs": 2, "tolerance": 0.1, "saliency": "l2", "seed": 3, "progress": False} | options
    return kp.prune(
        model, CONFIG, train=train, validation=validation, budget=budget, choose={"digits": digits}, **settings
    )


def digits_of(model):
    """The most signed digits of a model's weights, which have to be multiples of the step."""
    most = 0
    for layer in model.layers:
        values = layer.get_weights()[0] / STEP
        assert np.array_equal(values, np.rint(values)), "a weight is off its grid"
        most = max(most, int(signed_digits(np.rint(values).astype(int)).max()))
    return most


def test_what_is_returned_has_no_multiplier_and_nearly_the_accuracy(trained, blobs):
    out = pruned(trained, blobs, {"dsp": 0}, 2)
    assert out.met
    assert digits_of(out.model) <= 2
    assert out.resources["dsp"] == kp.estimate(out.model, CONFIG)["dsp"] == 0
    assert out.metric >= out.baseline - 0.03
    first, *_, last = out.history
    assert first.selection.resources["dsp"] > last.selection.resources["dsp"] == 0


def test_weights_move_to_other_values_and_stay_on_the_grid_in_the_users_own_training(trained, blobs):
    (inputs, labels), _ = blobs
    out = pruned(trained, blobs, {"dsp": 0}, 2, steps=1, epochs=0)
    before = [layer.get_weights()[0] for layer in out.model.layers]
    out.model.compile(keras.optimizers.Adam(0.02), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    out.model.fit(inputs, labels, epochs=5, verbose=0)
    assert digits_of(out.model) <= 2
    assert any((layer.get_weights()[0] != was).any() for layer, was in zip(out.model.layers, before, strict=True))


def test_look_up_tables_are_kept_within_their_budget(trained, blobs):
    before = kp.select(trained, CONFIG, {"lut": 1.0}, choose={"digits": 3}).before["lut"]
    out = pruned(trained, blobs, {"lut": 0.4}, 2)
    after = kp.select(out.model, CONFIG, {"lut": 1.0}).before["lut"]
    assert out.met
    assert out.resources["lut"] == after <= 0.4 * before


def test_an_interrupted_run_ends_as_if_it_had_not_been(trained, blobs, tmp_path, monkeypatch):
    from knapprune.adapters.keras.adapter import KerasAdapter

    whole = pruned(trained, blobs, {"dsp": 0.1}, 3)
    fit, calls = KerasAdapter.fit, []

    def stopped(self, *arguments, **options):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return fit(self, *arguments, **options)

    monkeypatch.setattr(KerasAdapter, "fit", stopped)
    with pytest.raises(KeyboardInterrupt):
        pruned(trained, blobs, {"dsp": 0.1}, 3, checkpoint=tmp_path / "run")
    monkeypatch.undo()
    resumed = pruned(trained, blobs, {"dsp": 0.1}, 3, checkpoint=tmp_path / "run")
    assert [step.metrics for step in resumed.history] == [step.metrics for step in whole.history]
    for own, other in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        assert np.array_equal(own, other)


def test_results_are_rounded_in_training_and_the_configuration_that_comes_back_says_how(trained, blobs):
    choose = {"digits": 4, "data_bits": [4, 12]}
    settings = {"saliency": "fisher", "normalise": "none", "choose": choose}
    config = hls_settings("latency", 1, bits=BITS, fc1={"Precision": {"result": "auto"}})
    train, validation = blobs
    settings |= {"steps": 2, "epochs": 2, "tolerance": 0.1, "seed": 3, "progress": False}
    out = kp.prune(trained, config, train=train, validation=validation, budget={"dsp": 0.1}, **settings)
    (layer,) = [layer for layer in out.resources.layers if layer.name == "out"]
    said = out.hls_config["LayerName"]["fc1_relu"]["Precision"]["result"]
    assert said.startswith(f"ufixed<{layer.data_bits},")
    assert layer.data_bits in (4, 12)
    assert out.met
    assert out.resources["dsp"] == kp.estimate(out.model, out.hls_config)["dsp"]
    inner = keras.Model(out.model.inputs[0], out.model.get_layer("fc1").output)
    values = np.unique(inner.predict(validation[0], verbose=0))
    integer = int(said.split(",")[1])
    steps = values * 2.0 ** (layer.data_bits - integer)
    assert np.array_equal(steps, np.rint(steps))
    assert values.min() == 0
    assert values.max() < 2.0**integer


@pytest.mark.needs("hls4ml", "da4ml")
def test_adder_graphs_are_pruned_without_digits_as_well_and_stay_in_their_type(trained, blobs):
    """hls4ml rounds no weight of an adder graph, so what is counted has to be what the model holds."""
    train, validation = blobs
    config = hls_settings("distributed_arithmetic", 1, bits=10)
    settings = {"steps": 2, "epochs": 2, "tolerance": 0.2, "saliency": "l2", "seed": 3, "progress": False}
    with pytest.warns(kp.HardwareWarning, match="takes the weights as they are, with .* bits"):
        out = kp.prune(trained, config, train=train, validation=validation, budget={"lut": 0.4}, **settings)
    assert out.met
    for layer in out.model.layers:
        multiples = layer.get_weights()[0] * 2.0**4
        assert np.array_equal(multiples, np.rint(multiples))
    built = kp.estimate(out.model, out.hls_config, explain=True).estimated
    assert sum(own["lut"] for own in built.values()) == out.resources["lut"] <= out.budget[0].limit


def test_digits_tighten_from_all_that_the_type_has():
    layers = [layer_of((4, 4), "latency", 1, bits=16)]
    asked = [choose_at({"digits": 2}, share, layers)["digits"] for share in (0.0, 0.5, 0.8, 1.0)]
    assert asked == [9, 6, 3, 2]
    by_layer = {"digits": {"fc": 1, "out": [1, 3]}}
    assert choose_at(by_layer, 1.0, layers) == by_layer
    assert choose_at(None, 0.5, layers) is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"choose": {"bits": [8]}}, "choose: got {'bits': .*}, expected {'digits': ...}, with"),
        ({"choose": 2}, "choose: got 2"),
        ({"regrow": 0.1}, "regrow: got a share with digits to choose"),
        ({"regularization": 1e-3}, "regularization: got a penalty with digits to choose"),
    ],
)
def test_what_does_not_go_with_digits_is_refused_before_anything_is_trained(trained, blobs, options, said):
    train, validation = blobs
    arguments = {"budget": {"dsp": 0}, "choose": {"digits": 2}} | options
    with pytest.raises(ValueError, match=said):
        kp.prune(trained, CONFIG, train=train, validation=validation, progress=False, **arguments)
