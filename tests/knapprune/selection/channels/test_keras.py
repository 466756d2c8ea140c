"""Whole channels of Keras models: what is predicted of the smaller network is what it is."""

import numpy as np
import pytest

import knapprune as kp
from shared import dying_models
from shared.channel_counts import multiplications, residual
from shared.frameworks import keras, layers
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras")


def trained(build, seed=0):
    """A random network without anything dead in it."""
    return dying_models.kill(build(np.random.default_rng(seed)), np.random.default_rng(seed), share=0.0)


def values_of(model, seed=0):
    """Random numbers of the model's inputs."""
    shape = (8, *model.input_shape[1:])
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("build", "resource"), list(zip(dying_models.NETWORKS, ["parameters", "macs"] * 3, strict=True))
)
def test_what_is_left_is_as_small_as_predicted_and_computes_the_same(build, resource):
    model = trained(build)
    chosen = kp.select(model, budget={resource: 0.5}, structure="channel")
    masked = chosen.apply(model)
    out = kp.shrink(masked)
    assert dying_models.largest_difference(masked, out.model, values_of(model)) <= 1e-5
    assert chosen.resources["parameters"] == out.parameters == out.model.count_params()
    assert chosen.resources[resource] <= chosen.budget[0].limit < chosen.before[resource]
    assert chosen.resources[resource] > 0.8 * chosen.budget[0].limit
    assert out.model.output_shape == model.output_shape
    assert kp.shrink(out.model).removed == {}


@pytest.mark.parametrize("build", [dying_models.residual, dying_models.separated, dying_models.branched])
def test_multiplications_are_those_of_the_smaller_network(build):
    model = trained(build, 3)
    chosen = kp.select(model, budget={"macs": 0.4, "parameters": 0.6})
    assert chosen.before["macs"] == multiplications(model)
    assert chosen.resources["macs"] == multiplications(kp.shrink(chosen.apply(model)).model)
    assert all(cap.use(chosen.resources) <= cap.limit for cap in chosen.budget)


def test_a_channel_goes_in_every_kernel_that_it_passes():
    model = residual()
    masks = kp.select(model, budget={"parameters": 0.5}, structure="channel").masks
    gone = ~masks["stem"].any(axis=(0, 1, 2))
    assert 0 < gone.sum() < 8
    assert (~masks["outer"].any(axis=(0, 1, 2)) == gone).all()
    assert (~masks["inner"].any(axis=(0, 1, 3)) == gone).all()
    assert (~masks["out"].reshape(16, 8, 3).any(axis=(0, 2)) == gone).all()
    inner = ~masks["inner"].any(axis=(0, 1, 2))
    assert (~masks["outer"].any(axis=(0, 1, 3)) == inner).all()
    whole = np.ones((3, 3, 8, 6), bool)
    whole[:, :, gone] = whole[..., inner] = False
    assert (masks["inner"] == whole).all()


@pytest.mark.parametrize("seed", range(3))
def test_channels_that_are_worth_nothing_go_first(seed):
    model = residual(seed)
    kernels = {name: model.get_layer(name).kernel for name in ("stem", "inner", "outer", "out")}
    small = np.random.default_rng(seed).permutation(8)[:4]
    for name, axis in (("stem", -1), ("outer", -1), ("inner", -2)):
        array = np.array(kernels[name])
        np.moveaxis(array, axis, 0)[small] *= 1e-3
        kernels[name].assign(array)
    array = np.array(kernels["out"]).reshape(16, 8, 3)
    array[:, small] *= 1e-3
    kernels["out"].assign(array.reshape(128, 3))
    masks = kp.select(model, budget={"macs": 0.5}, structure="channel", normalise="none").masks
    assert set(small) <= set(np.flatnonzero(~masks["stem"].any(axis=(0, 1, 2))))


@pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")
@pytest.mark.parametrize(
    ("settings", "budget"),
    [
        (hls_settings(strategy="resource", reuse_factor=3), {"dsp": 0.4}),
        (hls_settings(strategy="resource", reuse_factor=3), {"bram18": 0.5, "parameters": 0.5}),
        (hls_settings(strategy="latency", reuse_factor=1), {"dsp": 0.3}),
        (hls_settings(strategy="resource", reuse_factor=3), {"inner": {"dsp": 0.5}, "macs": 0.7}),
    ],
)
def test_hardware_is_that_of_the_smaller_network(settings, budget):
    model = residual()
    chosen = kp.select(model, settings, budget, structure="channel")
    small = kp.shrink(chosen.apply(model)).model
    counted = kp.estimate(small, settings)
    assert {name: chosen.resources[name] for name in counted} == counted.total
    assert all(cap.use(chosen.resources) <= cap.limit < cap.use(chosen.before) for cap in chosen.budget)
    assert chosen.resources.by_layer["inner"]["dsp"] == counted.by_layer["inner"]["dsp"]
    assert "counted without the channels that kp.shrink removes" in chosen.summary()


def test_sizes_alone_need_no_configuration_and_take_channels_by_themselves():
    model = residual()
    chosen = kp.select(model, budget={"parameters": 600})
    assert set(chosen.structures.values()) == {"channel"}
    assert set(chosen.before) == {"parameters", "macs"}
    assert chosen.before["parameters"] == model.count_params()
    again = kp.select(model, hls_settings(strategy="latency"), budget={"parameters": 600})
    assert {"dsp", "parameters"} <= set(again.before)
    assert all((again.masks[name] == mask).all() for name, mask in chosen.masks.items())


def test_a_layer_that_is_to_stay_whole_keeps_what_it_reads_and_makes():
    model = residual()
    chosen = kp.select(model, budget={"parameters": 0.8}, structure={"out": "none", "inner": "channel"})
    assert chosen.masks.keys() == {"inner", "outer"}
    with pytest.raises(ValueError, match=r"no channel of the model can go: layers 'inner' are kept whole; expected"):
        kp.select(model, budget={"parameters": 0.8}, structure={"inner": "none", "out": "channel"})


@pytest.mark.parametrize("budget", [{"parameters": 0.03}, {"macs": 2}])
def test_every_tensor_keeps_a_channel_and_a_budget_below_that_is_refused(budget):
    model = residual()
    with pytest.raises(kp.BudgetError, match=r"stay in use with the best channel of each tensor") as refused:
        kp.select(model, budget=budget, structure="channel")
    least = refused.value.minimum
    out = kp.shrink(kp.select(model, budget=least, structure="channel").apply(model))
    assert [out.model.get_layer(name).filters for name in ("stem", "inner", "outer")] == [1, 1, 1]


def test_other_structures_beside_channels_are_refused():
    model = residual()
    with pytest.raises(ValueError, match=r"structure: got 'neuron' for layer 'out', expected 'channel', 'none'"):
        kp.select(model, hls_settings("latency", 1), {"dsp": 0.5}, structure={"stem": "channel", "out": "neuron"})
    with pytest.raises(ValueError, match=r"structure: got 'unstructured' for layer 'stem'"):
        kp.select(model, budget={"parameters": 0.5}, structure="unstructured")
    with pytest.raises(ValueError, match=r"choose: got it together with whole channels, expected None"):
        kp.select(
            model, hls_settings("latency", 1), {"dsp": 0.5}, structure="channel", choose={"reuse_factor": "legal"}
        )


@pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")
@pytest.mark.parametrize(
    ("io_type", "why"),
    [
        ("io_parallel", "no selection of whole channels was found that hls4ml builds as configured, expected a Reuse"),
        ("io_stream", r"by whole channels cannot be built as configured \(.* layer 'point'"),
    ],
)
def test_a_network_that_is_left_and_cannot_be_built_as_configured_is_refused(io_type, why):
    """A factor above the inputs is wrong in io_parallel, and by name hls4ml corrects none of a pointwise layer."""
    keras.utils.set_random_seed(0)
    entrance = keras.Input((4, 4, 3))
    x = layers.Conv2D(8, 3, name="conv")(entrance)
    x = layers.Flatten()(layers.Conv2D(8, 1, name="point")(x))
    model = keras.Model(entrance, layers.Dense(3, name="out")(x))
    settings = hls_settings("resource", 1, point={"ReuseFactor": 8}) | {"IOType": io_type}
    with pytest.raises(kp.BudgetError, match=why):
        kp.select(model, settings, {"parameters": 0.6}, structure={"conv": "channel", "out": "none"})


def test_look_up_tables_are_refused():
    with pytest.raises(kp.BudgetError, match=r"look-up tables go by the values of single weights, expected dsp"):
        kp.select(
            residual(), hls_settings(strategy="latency", reuse_factor=1), {"lut": 0.5, "dsp": 0.5}, structure="channel"
        )


def test_a_graph_that_cannot_be_followed_is_refused_by_the_layer():
    keras.utils.set_random_seed(0)
    recurrent = keras.Sequential(
        [keras.Input((5, 3)), layers.LSTM(4, name="memory"), layers.LayerNormalization(name="normal"), layers.Dense(2)]
    )
    with pytest.raises(ValueError, match=r"how layers 'memory', 'normal' compute their channels is not followed"):
        kp.select(recurrent, budget={"parameters": 0.5}, structure="channel")


def test_weights_that_two_layers_share_keep_their_channels():
    keras.utils.set_random_seed(0)
    entrance = keras.Input((6,))
    shared = layers.Dense(6, "relu", name="shared")
    x = shared(shared(entrance))
    model = keras.Model(entrance, layers.Dense(2, name="out")(layers.Dense(9, "relu", name="free")(x)))
    chosen = kp.select(model, budget={"parameters": 0.8}, structure="channel")
    assert "shared" not in chosen.masks
    assert kp.shrink(chosen.apply(model)).removed.keys() == {"free"}


def test_an_input_of_any_size_has_parameters_but_no_count_of_multiplications():
    keras.utils.set_random_seed(0)
    entrance = keras.Input((None, None, 2))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, name="conv")(entrance))
    model = keras.Model(entrance, layers.Dense(2)(x))
    assert "macs" not in kp.select(model, budget={"parameters": 0.5}).before
    with pytest.raises(kp.BudgetError, match=r"budget\['macs'\]: how often the weights of layer 'conv'"):
        kp.select(model, budget={"macs": 0.5})


@pytest.mark.needs("hls4ml")
def test_a_graph_of_hls4ml_tells_no_channels(tmp_path):
    from knapprune.adapters.keras.adapter import KerasAdapter
    from knapprune.network.hls_config_file import read_hls_config
    from shared.networks import dense_network

    graph = KerasAdapter().convert(dense_network(4, 5, 3), read_hls_config(hls_settings()), str(tmp_path))
    with pytest.raises(ValueError, match=r"structure: \w+ does not tell the channels of a ModelGraph, expected the Ke"):
        kp.select(graph, budget={"dsp": 0.5}, structure="channel")
