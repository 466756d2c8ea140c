"""What hls4ml will make of a Keras model, against what it does make of it."""

import contextlib
import copy
import io
import json
import warnings

import numpy as np
import pytest

from knapprune.adapters.keras.adapter import KerasAdapter
from knapprune.network.hls_config_file import read_hls_config
from shared.frameworks import keras, layers

pytestmark = pytest.mark.needs("keras")

ADAPTER = KerasAdapter()


def perceptron():
    return keras.Sequential(
        [
            keras.Input((16,)),
            layers.Dense(12, activation="relu", name="fc1"),
            layers.Dense(8, name="fc2", use_bias=False),
            layers.Dense(5, name="fc3", activation="softmax"),
        ]
    )


def normalised():
    model = keras.Sequential(
        [
            keras.Input((16,)),
            layers.Dense(12, name="fc1"),
            layers.BatchNormalization(name="bn1"),
            layers.Dense(8, name="fc2", activation="relu"),
            layers.BatchNormalization(name="bn2"),
            layers.Dropout(0.5),
            layers.Dense(6, name="fc3"),
            layers.Activation("relu", name="act"),
            layers.Dense(3, name="fc4"),
        ]
    )
    for name in ("bn1", "bn2"):
        layer = model.get_layer(name)
        layer.set_weights([np.random.default_rng(0).uniform(0.5, 1.5, array.shape) for array in layer.get_weights()])
    return model


def images():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, name="conv"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Conv2D(6, 1, name="pointwise", activation="relu"),
            layers.Flatten(name="flat"),
            layers.Dense(5, name="fc"),
        ]
    )


def sequences():
    return keras.Sequential(
        [
            keras.Input((12, 3)),
            layers.Conv1D(4, 3, name="conv", padding="same"),
            layers.AveragePooling1D(2, name="pool"),
            layers.Dense(6, name="dense_on_steps"),
            layers.Flatten(name="flat"),
            layers.Dense(5, name="fc"),
        ]
    )


def branches():
    entry = keras.Input((16,), name="entry")
    left = layers.Dense(16, name="fc1")(entry)
    right = layers.Dense(16, name="fc2", activation="relu")(left)
    joined = layers.Dense(4, name="fc3")(layers.Add(name="add")([left, right]))
    both = layers.Dense(3, name="fc4")(layers.Concatenate(name="cat")([joined, right]))
    product = layers.Multiply(name="mul")([layers.Dense(3, name="fc5")(joined), both])
    return keras.Model(entry, layers.Dense(2, name="fc6")(product))


def config_of(model, granularity, strategy, reuse_factor):
    hls4ml = pytest.importorskip("hls4ml")
    with contextlib.redirect_stdout(io.StringIO()):
        config = hls4ml.utils.config_from_keras_model(
            model, granularity=granularity, backend="Vitis", default_precision="fixed<14,5>"
        )
    for settings in (config["Model"], *config.get("LayerName", {}).values(), *config.get("LayerType", {}).values()):
        settings |= {"Strategy": strategy, "ReuseFactor": reuse_factor}
        if "ParallelizationFactor" in settings:
            settings["ParallelizationFactor"] = 3
        if "weight" in settings.get("Precision", {}) and granularity == "type":
            settings["Precision"]["weight"] = "fixed<10,3>"
    return config


def as_hls4ml_has_it(model, config, io_type):
    import hls4ml

    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = hls4ml.converters.convert_from_keras_model(
            model, hls_config=copy.deepcopy(config), backend="Vitis", io_type=io_type
        )
    found = {}
    for node in graph.get_layers():
        if "weight" not in node.weights:
            continue
        copies = 1
        if "Conv" in node.class_name and io_type == "io_parallel":
            copies = node.get_attr("out_width") * node.get_attr("out_height", 1) // node.get_attr("n_partitions")
        weight, data = node.get_weights("weight").type, node.get_input_variable().type
        found[node.name] = (
            node.get_attr("strategy"),
            int(node.get_attr("reuse_factor")),
            weight.precision.width,
            data.precision.width,
            copies,
        )
    return found


@pytest.mark.parametrize("build", [perceptron, normalised, images, sequences, branches])
@pytest.mark.parametrize("granularity", ["model", "type", "name"])
@pytest.mark.parametrize(
    ("strategy", "reuse_factor", "io_type"),
    [
        ("Latency", 3, "io_parallel"),
        ("Resource", 4, "io_stream"),
        ("resource_unrolled", 4, "io_stream"),
        ("resource_unrolled", 4, "io_parallel"),
        ("ResourceUnrolled", 1, "io_stream"),
    ],
)
@pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")
def test_every_layer_is_what_hls4ml_makes_of_it(build, granularity, strategy, reuse_factor, io_type):
    model = build()
    config = config_of(model, granularity, strategy, reuse_factor)
    ours = [layer for layer in ADAPTER.layers(model, read_hls_config(config, io_type=io_type)) if layer.size]
    found = {l.name: (l.strategy, l.reuse_factor, l.weight_bits, l.data_bits, l.copies) for l in ours}  # noqa: E741
    assert found == as_hls4ml_has_it(model, config, io_type)


def test_layers_with_other_weights_are_named_and_left_alone():
    assert ADAPTER.untouched(normalised()) == []
    model = keras.Sequential(
        [
            keras.Input((8, 8, 4)),
            layers.Conv2D(4, 3, groups=2, name="grouped"),
            layers.Reshape((36, 4)),
            layers.Bidirectional(layers.LSTM(3), name="both"),
        ]
    )
    assert ADAPTER.untouched(model) == ["grouped", "both"]
    assert ADAPTER.kernels(model) == {}


def test_a_normalisation_is_listed_unless_it_is_folded():
    config = {"Model": {"Precision": "fixed<16,6>"}, "LayerName": {"fc1": {"Precision": {"result": "auto"}}}}
    found = {layer.name: layer for layer in ADAPTER.layers(normalised(), read_hls_config(config))}
    assert list(found) == ["fc1", "fc2", "bn2", "fc3", "fc4"]
    assert (found["bn2"].size, sum(group.multipliers for group in found["bn2"].products)) == (0, 8)


def test_kernels_are_copies():
    model = perceptron()
    ADAPTER.kernels(model)["fc1"][:] = 0
    assert ADAPTER.kernels(model)["fc1"].any()


def test_models_in_models_are_described_in_order_with_their_widths():
    inner = keras.Sequential([keras.Input((16,)), layers.Dense(8, name="fc1")], name="inner")
    entry = keras.Input((16,))
    model = keras.Model(entry, layers.Dense(3, name="fc2")(inner(entry)))
    config = {"Model": {"Precision": "fixed<16,6>"}, "LayerName": {"fc1": {"Precision": {"result": "fixed<9,3>"}}}}
    found = ADAPTER.layers(model, read_hls_config(config))
    assert [(layer.name, layer.data_bits) for layer in found] == [("fc1", 16), ("fc2", 9)]


def test_a_deep_model_does_not_exhaust_the_stack():
    tensor = entry = keras.Input((4,))
    for index in range(400):
        tensor = layers.Activation("relu", name=f"act{index}")(tensor)
    model = keras.Model(entry, layers.Dense(2, name="fc")(tensor))
    assert len(ADAPTER.layers(model, read_hls_config({}))) == 1


def test_a_layer_used_twice_is_refused():
    shared = layers.Dense(16, name="shared")
    entry = keras.Input((16,))
    with pytest.raises(ValueError, match="layer 'shared' is used more than once"):
        ADAPTER.layers(keras.Model(entry, shared(shared(entry))), read_hls_config({}))


def test_two_layers_of_one_name_are_refused():
    inner = keras.Sequential([keras.Input((16,)), layers.Dense(16, name="fc")], name="inner")
    entry = keras.Input((16,))
    with pytest.raises(ValueError, match="two layers named 'fc'"):
        ADAPTER.kernels(keras.Model(entry, layers.Dense(3, name="fc")(inner(entry))))


def test_a_model_without_weights_yet_is_refused():
    with pytest.raises(ValueError, match="has no weights yet"):
        ADAPTER.layers(keras.Sequential([layers.Dense(3)]), read_hls_config({}))


def test_a_missing_file_is_named(tmp_path):
    from knapprune.adapters.keras.files import load_keras_model

    with pytest.raises(FileNotFoundError, match="no model file"):
        load_keras_model(tmp_path / "model.keras")
    architecture = {"class_name": "Sequential", "config": {"name": "net", "layers": []}}
    (tmp_path / "model.json").write_text(json.dumps(architecture))
    with pytest.raises(FileNotFoundError, match=r"model_weights\.h5 for model\.json"):
        load_keras_model(tmp_path / "model.json")
