"""What hls4ml does not take is said before anything is trained, unless no project is wanted."""

import numpy as np
import pytest

import knapprune as kp
from shared.frameworks import keras
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras", "hls4ml")

STREAMS = hls_settings("latency", 1) | {"IOType": "io_stream"}


def network(*layers):
    keras.utils.set_random_seed(4)
    model = keras.Sequential([keras.Input((8,)), *layers, keras.layers.Dense(2, name="out")])
    model.compile("sgd", "mse")
    return model


def pruned(model, config=STREAMS, **given):
    random = np.random.default_rng(0)
    data = (random.normal(size=(16, 8)).astype("f"), random.normal(size=(16, 2)).astype("f"))
    settings = {"budget": {"dsp": 0.5}, "steps": 2, "epochs": 1, "metric": "mean_squared_error", "tolerance": 1e9}
    return kp.prune(model, config, train=data, validation=data, progress=False, **(settings | given))


def custom():
    class Doubled(keras.layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    return Doubled(name="twice")


def dense(*activation, name="fc"):
    return keras.layers.Dense(4, *activation, name=name)


CASES = {
    "a model in the model": (
        lambda: [keras.Sequential([keras.Input((8,)), dense()], name="inner")],
        "layer 'inner' is a model in the model: put its layers in its place",
    ),
    "a class of the user's": (
        lambda: [custom(), dense()],
        "layer 'twice' is of a class Doubled of yours: make it of Keras' own layers",
    ),
    "a layer ReLU6": (
        lambda: [dense(), keras.layers.ReLU(6, name="six")],
        "layer 'six' is a ReLU with max_value 6: take one without",
    ),
    "an activation ReLU6": (
        lambda: [dense("relu6")],
        "hls4ml has no function 'relu6' in io_stream, which layer 'fc_relu6' is to compute, and its project would not",
    ),
    "an activation that is passed on by name": (
        lambda: [dense(), keras.layers.Activation("gelu", name="smooth")],
        "hls4ml has no function 'gelu' in io_stream, which layer 'smooth' is to compute",
    ),
    "a name with a dash": (lambda: [dense(name="fc-1")], "C\\+\\+ identifiers, got 'fc-1'; rename it"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_hls4ml_does_not_take_is_said_first_with_the_layer_and_a_remedy(case, tmp_path, monkeypatch):
    layers, message = CASES[case]
    monkeypatch.setattr("knapprune.pruning.arguments.run", lambda task: pytest.fail("it was trained"))
    with pytest.raises(ValueError, match=message) as error:
        pruned(network(*layers()), checkpoint=tmp_path / "run")
    assert str(error.value).endswith(", or give check_conversion=False where no hls4ml project is wanted")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("case", CASES)
def test_it_is_pruned_all_the_same_where_no_project_is_wanted(case):
    assert pruned(network(*CASES[case][0]()), check_conversion=False).met


def test_what_hls4ml_has_code_for_is_pruned():
    in_parallel = hls_settings("latency", 1) | {"IOType": "io_parallel"}
    model = network(dense("relu6"), keras.layers.Activation("elu", name="smooth"))
    assert pruned(model, in_parallel, steps=1).met


@pytest.fixture
def conversions(monkeypatch):
    """The strategies that hls4ml is asked to convert with, a conversion an entry."""
    import hls4ml

    seen = []
    convert = hls4ml.converters.convert_from_keras_model

    def counted(model, **given):
        named = given["hls_config"]["LayerName"].items()
        seen.append([given["hls_config"]["Model"]["Strategy"], *(entry["Strategy"] for _, entry in named)])
        return convert(model, **given)

    monkeypatch.setattr(hls4ml.converters, "convert_from_keras_model", counted)
    return seen


def test_it_is_converted_once_and_no_unrolled_code_is_generated_for_it(conversions):
    config = hls_settings("resource_unrolled", 2, out={"Strategy": "Latency", "ReuseFactor": 1})
    assert pruned(network(dense())).met
    assert conversions == [["latency"]]
    assert pruned(network(dense()), config).met
    assert conversions[1:] == [["resource", "Latency"]]


@pytest.mark.needs("optuna")
def test_a_search_converts_it_once(conversions, tmp_path):
    random = np.random.default_rng(0)
    data = (random.normal(size=(16, 8)).astype("f"), random.normal(size=(16, 2)).astype("f"))
    settings = {"budget": {"dsp": 0.5}, "steps": 1, "epochs": 1, "metric": "mean_squared_error", "progress": False}
    model = network(dense())
    kp.tune(model, STREAMS, study=tmp_path / "study.db", trials=2, train=data, validation=data, **settings)
    assert len(conversions) == 1


def test_hardware_that_hls4ml_does_not_write_does_not_ask_it(conversions):
    assert pruned(network(dense(name="fc-1")), {}, budget={"weight_words": 8}, hardware="accelerator").met
    assert not conversions


def test_a_switch_is_a_switch():
    with pytest.raises(TypeError, match="check_conversion: got 'no', expected True or False"):
        pruned(network(dense()), check_conversion="no")


@pytest.mark.needs("torch")
def test_a_part_of_a_module_is_named():
    import torch

    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.ReLU6(), torch.nn.Linear(4, 2))
    model = kp.TorchModel(module, loss=torch.nn.functional.mse_loss)
    config = STREAMS | {"InputShape": [8]}
    with pytest.raises(kp.ConversionError, match=r"Unsupported layer ReLU6 \(that is '1' \(ReLU6\): put in its place"):
        pruned(model, config)
