"""Widths of the data chosen with the values of weights: no other widths are better, and what is chosen is built."""

from itertools import product

import numpy as np
import pytest

import knapprune as kp
from shared.frameworks import keras
from shared.hls import hls_settings

pytestmark = [
    pytest.mark.needs("keras"),
    pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning"),
]
BY_LOSS = {"saliency": "fisher", "normalise": "none"}


def network(seed, *widths):
    """A network of some dense layers on random data, its weights on the grid of fixed<8,2>."""
    random = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    dense = keras.layers.Dense
    hidden = [dense(width, "relu", name=f"fc{place}") for place, width in enumerate(widths[1:-1])]
    model = keras.Sequential([keras.Input((widths[0],), name="given"), *hidden, dense(widths[-1], name="out")])
    model.set_weights([np.round(random.normal(0, 0.4, own.shape) * 64) / 64 for own in model.get_weights()])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    inputs = np.round(random.normal(size=(256, widths[0])) * 16).astype(np.float32) / 16
    targets = model.predict(inputs, verbose=0).argmax(1)
    return model, (inputs, targets)


def settings(strategy, hidden=2, **layers):
    auto = {name: {"Precision": {"result": "auto"}} for name in (*(f"fc{place}" for place in range(hidden)), "out")}
    given = hls_settings(strategy, 1, bits=8, **(auto | layers))
    given["Model"]["Precision"] = "fixed<8,2>"
    given["LayerName"]["given"] = {"Precision": {"result": "fixed<10,4>"}}
    return given


def loss(model, data, types):
    """The mean loss with results rounded, computed with NumPy."""
    values = data[0].astype(np.float64)
    for layer in model.layers:
        kernel, bias = layer.get_weights()
        values = values @ kernel.astype(np.float64) + bias
        if layer.name != "out":
            values = np.maximum(values, 0)
        if layer.name in types:
            kind = types[layer.name]
            step = 2.0**-kind.fraction
            values = np.clip(np.floor(values / step + 0.5), kind.low, kind.high) * step
    chances = values - np.log(np.exp(values).sum(axis=1, keepdims=True))
    return -chances[np.arange(len(values)), data[1]].mean()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", [0.15, 0.5])
def test_no_other_widths_are_worth_more(seed, share):
    """Each choice of widths is tried by itself; DSPs depend on them: 10 bits by 8 take a block, fewer none."""
    model, data = network(seed, 4, 5, 4, 3)
    config = settings("latency")
    budget = {"dsp": share}
    offered = [3, 9, 12]
    chosen = kp.select(model, config, budget, choose={"digits": 4, "data_bits": offered}, data=data, **BY_LOSS)
    limit = chosen.budget[0].limit
    base = loss(model, data, {})
    best = -np.inf
    for widths in product(offered, repeat=2):
        # The types of each width are those that the selection finds where it has no other.
        only = {"digits": 4, "data_bits": {f"fc{place}": [width] for place, width in enumerate(widths)}}
        alone = kp.select(model, config, {"dsp": limit}, choose=only, data=data, **BY_LOSS)
        fixed = kp.select(model, alone.hls_config, {"dsp": limit}, choose={"digits": 4}, data=data, **BY_LOSS)
        lost = sum(max(loss(model, data, {name: kind}) - base, 0) for name, kind in alone.data_types.items())
        assert alone.solution.value == pytest.approx(fixed.solution.value - lost, abs=1e-5)
        best = max(best, alone.solution.value)
    assert chosen.solution.bound >= best - 1e-6
    if chosen.solution.status == "OPTIMAL":
        assert chosen.solution.value >= best - 1e-6
    assert chosen.resources["dsp"] <= limit
    assert kp.estimate(chosen.apply(model), chosen.hls_config)["dsp"] == chosen.resources["dsp"]


@pytest.mark.needs("hls4ml", "da4ml")
def test_narrower_data_keep_more_within_the_same_look_up_tables():
    model, data = network(0, 8, 10, 6, 4)
    config = settings("distributed_arithmetic")
    wide = kp.select(model, config, {"lut": 0.3}, choose={"digits": 3}, data=data, **BY_LOSS)
    narrow = kp.select(
        model, config, {"lut": 0.3}, choose={"digits": 3, "data_bits": [3, 4, 6, 8]}, data=data, **BY_LOSS
    )
    assert narrow.budget == wide.budget
    assert narrow.resources["lut"] <= narrow.budget[0].limit
    assert narrow.solution.value > wide.solution.value
    assert set(narrow.data_types) == {"fc0", "fc1"}
    widths = {layer.name: layer.data_bits for layer in narrow.resources.layers}
    assert widths == {"fc0": 10} | {
        reader: narrow.data_types[name].width for name, reader in (("fc0", "fc1"), ("fc1", "out"))
    }
    assert f"data: fc0 {narrow.data_types['fc0']}" in narrow.summary()


@pytest.mark.needs("hls4ml", "da4ml")
def test_weights_in_use_before_are_counted_in_their_type():
    model, _ = network(0, 8, 6, 4)
    config = settings("distributed_arithmetic", 1)
    on_grid = kp.select(model, config, {"lut": 0.5}, choose={"digits": 2}, saliency="l2")
    for layer in model.layers:
        kernel = layer.kernel.numpy()
        layer.kernel.assign(kernel + np.float32(0.003) * (kernel != 0))  # cut off by the type
    off_grid = kp.select(model, config, {"lut": 0.5}, choose={"digits": 2}, saliency="l2")
    assert off_grid.before["lut"] == on_grid.before["lut"]
    assert off_grid.resources["lut"] <= off_grid.budget[0].limit


@pytest.mark.slow
@pytest.mark.needs("hls4ml", "da4ml", "g++")
def test_what_is_built_computes_what_the_model_does():
    model, data = network(1, 6, 8, 5, 3)
    config = settings("distributed_arithmetic")
    chosen = kp.select(model, config, {"lut": 0.4}, choose={"digits": 3, "data_bits": [3, 4, 5]}, data=data, **BY_LOSS)
    applied = chosen.apply(model)
    built = kp.estimate(applied, chosen.hls_config, explain=True).estimated
    assert sum(own["lut"] for own in built.values()) == chosen.resources["lut"]
    check = kp.verify(applied, chosen.hls_config, data=data)
    assert check.accuracy == check.model_accuracy


def test_a_mapping_names_results_the_inputs_among_them_and_a_list_leaves_those_as_they_come():
    model, data = network(2, 4, 5, 4, 3)
    given = {"given": [6], "fc1": [4]}
    chosen = kp.select(
        model, settings("latency"), {"dsp": 0}, choose={"digits": 2, "data_bits": given}, data=data, **BY_LOSS
    )
    assert {name: kind.width for name, kind in chosen.data_types.items()} == {"given": 6, "fc1": 4}
    assert chosen.data_types["given"].signed
    assert not chosen.data_types["fc1"].signed
    assert chosen.hls_config["LayerName"]["fc1_relu"]["Precision"]["result"].endswith("RND,SAT>")
    every = kp.select(
        model, settings("latency"), {"dsp": 0}, choose={"digits": 2, "data_bits": [6]}, data=data, **BY_LOSS
    )
    assert set(every.data_types) == {"fc0", "fc1"}


def test_the_model_that_was_given_is_not_touched():
    model, data = network(3, 4, 5, 3)
    before, weights = model.predict(data[0], verbose=0), model.get_weights()
    kp.select(model, settings("latency", 1), {"dsp": 0}, choose={"digits": 2, "data_bits": [3]}, data=data, **BY_LOSS)
    assert np.array_equal(model.predict(data[0], verbose=0), before)
    assert all(np.array_equal(now, was) for now, was in zip(model.get_weights(), weights, strict=True))


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ([0, 4], {}, r"choose\['data_bits'\]: got \[0, 4\], expected a list of whole numbers from 1 to 24"),
        ([], {}, r"choose\['data_bits'\]: got \[\], expected a list"),
        (8, {}, r"choose\['data_bits'\]: got 8, expected a list"),
        ({"fc9": [4]}, {}, r"choose\['data_bits'\]: no results of layers \['fc9'\], expected some of \['given', 'fc0'"),
        ({"out": [4]}, {}, r"choose\['data_bits'\]: no layer with weights takes its data from the result of 'out'"),
        (
            [4],
            {"data": None, "saliency": lambda layer, kernel: kernel**2},
            r"choose\['data_bits'\]: got no data, expected data=",
        ),
        ([4], {"saliency": "l1"}, r"expected saliency 'fisher', 'gauss-newton', 'hessian' .* got saliency='l1'"),
        ([4], {"normalise": "lamp"}, r"expected saliency .* normalise='none', got .* normalise='lamp'"),
    ],
)
def test_what_cannot_be_chosen_is_refused(given, options, message):
    model, data = network(0, 4, 5, 3)
    arguments = {"data": data, **BY_LOSS} | options
    with pytest.raises(ValueError, match=message):
        kp.select(model, settings("latency", 1), {"dsp": 0}, choose={"digits": 2, "data_bits": given}, **arguments)


def test_a_network_of_one_layer_has_no_width_to_choose():
    model, data = network(0, 4, 3)
    with pytest.raises(ValueError, match=r"choose\['data_bits'\]: no layer with weights takes its data from another's"):
        kp.select(
            model, settings("latency", 0), {"dsp": 0}, choose={"digits": 2, "data_bits": [4]}, data=data, **BY_LOSS
        )


def test_widths_without_digits_are_refused_where_no_value_is_chosen():
    model, data = network(0, 4, 5, 3)
    with pytest.raises(ValueError, match="no layer's weights are chosen by value, expected digits beside it"):
        kp.select(model, settings("latency", 1), {"dsp": 0}, choose={"data_bits": [4]}, data=data, **BY_LOSS)
