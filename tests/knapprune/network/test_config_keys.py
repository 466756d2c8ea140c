"""Keys that hls4ml would silently leave alone."""

import warnings

import pytest

import knapprune as kp
from knapprune.network.config_keys import MisplacedKeyWarning, known_keys
from shared.frameworks import keras, layers, torch

MODEL = {"Precision": "fixed<16,6>", "ReuseFactor": 1}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"Modell": MODEL}, "the top level has 'Modell', which hls4ml does not know; did you mean 'Model'?"),
        ({"model": MODEL}, "did you mean 'Model'?"),
        (
            {"Model": {"ReuseFactr": 4}},
            "Model has 'ReuseFactr', which hls4ml does not know; did you mean 'ReuseFactor'?",
        ),
        ({"Model": {"Precison": "fixed<8,4>"}}, "did you mean 'Precision'?"),
        ({"Model": {"Precision": {"wieght": "fixed<8,4>"}}}, "Precision of Model has 'wieght'"),
        ({"Model": {"Precision": {"wieght": "fixed<8,4>"}}}, "did you mean 'weight'?"),
        ({"LayerName": {"fc": {"Strategie": "latency"}}}, r"LayerName['fc'] has 'Strategie'"),
        ({"LayerType": {"Dense": {"Reuse": 4}}}, r"LayerType['Dense'] has 'Reuse'"),
        ({"HLSConfig": {"Modle": MODEL}}, "HLSConfig has 'Modle', which hls4ml does not know; did you mean 'Model'?"),
        ({"services": {"web": "nginx"}, "version": 3}, "the top level has 'services'"),
        ({"HLSConfig": {"Model": MODEL, "SkipOptimizers": ["fuse_bias_add"]}}, "HLSConfig has 'SkipOptimizers': other"),
        ({"Model": {"Precision": "fixed<16,6,BANANA>"}}, "expected modes among ['TRN'"),
        ({"Model": {"Precision": "fixed<16,6,RND,BANANA>"}}, "expected modes among ['WRAP'"),
        ({"Model": {"Precision": "fixed<100000,6>"}}, "expected a width of 1 to 1024 bits"),
        ({"Model": {"Precision": "fixed<16,60000>"}}, "expected a width of 1 to 1024 bits"),
        ({"Model": {"Precision": "int<8,RND>"}}, "expected no modes of rounding and overflow for whole numbers"),
        ({"Model": {"Precision": "ac_fixed<16,6,yes>"}}, "expected true or false for the sign"),
        ({"Model": {"Precision": "fixed<16,6,RND,SAT,0,7>"}}, "expected at most rounding, overflow and"),
    ],
)
def test_what_hls4ml_would_leave_alone_is_refused(config, message):
    with pytest.raises(kp.HlsConfigError) as error:
        _ = kp.read_hls_config(config).default_precision
    assert message in str(error.value)
    assert str(error.value).startswith("hls_config: ")


def test_a_key_in_the_wrong_section_is_told():
    """One of the published projects has one, which hls4ml never read."""
    with pytest.warns(
        MisplacedKeyWarning, match="Model has 'IOType', which hls4ml does not read there, but at the top"
    ):
        assert kp.read_hls_config({"Model": {**MODEL, "IOType": "io_stream"}}).io_type == "io_parallel"
    with pytest.warns(
        MisplacedKeyWarning, match="top level has 'ReuseFactor', which hls4ml does not read there, but of a"
    ):
        kp.read_hls_config({"Model": MODEL, "ReuseFactor": 4})
    with pytest.warns(MisplacedKeyWarning, match=r"LayerName\['fc'\] has 'BramFactor', .* but in Model"):
        kp.read_hls_config({"Model": MODEL, "LayerName": {"fc": {"BramFactor": 4}}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Model:\n  ReuseFactor: 4\n  ReuseFactor: 8\n", "has 'ReuseFactor' twice in one mapping, again in line 3"),
        ("Model: {}\nBackend: Vitis\nModel: {}\n", "has 'Model' twice in one mapping, again in line 3"),
        ("LayerName:\n  fc: {ReuseFactor: 4}\n  fc: {ReuseFactor: 8}\n", "has 'fc' twice in one mapping"),
        ("- a\n- b\n", "holds list, expected a mapping"),
        ("", "holds NoneType, expected a mapping"),
        ("Model: {ReuseFactor: [}\n", "is not valid YAML"),
    ],
)
def test_a_file_says_each_thing_once(tmp_path, text, message):
    file = tmp_path / "config.yml"
    file.write_text(text)
    with pytest.raises(kp.HlsConfigError) as error:
        kp.read_hls_config(file)
    assert message in str(error.value)
    assert str(file) in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"Model:\n  # caf\xe9\n", "is not UTF-8: line 2 has the byte 0xe9, expected a text file in UTF-8"),
        ("Model: {}".encode("utf-16"), "is UTF-16, expected a text file in UTF-8"),
    ],
)
def test_another_encoding_names_the_file_and_the_argument(tmp_path, content, message):
    file = tmp_path / "config.yml"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"^hls_config: ") as error:
        kp.read_hls_config(file)
    assert f"{file} {message}" in str(error.value)


@pytest.mark.needs("hls4ml")
def test_the_list_of_keys_holds_all_that_hls4ml_s_own_layers_and_backends_have():
    from hls4ml.backends import get_available_backends, get_backend
    from hls4ml.model.attributes import TypeAttribute
    from hls4ml.model.layers import layer_map
    from hls4ml.utils.config import create_config

    known = known_keys()
    counted = 0
    for backend in [None, *get_available_backends()]:
        own = {} if backend is None else get_backend(backend).attribute_map
        for kind in layer_map.values():
            for attribute in [*kind.expected_attributes, *own.get(kind, [])]:
                if attribute.configurable:
                    place = "precision" if isinstance(attribute, TypeAttribute) else "layer"
                    name = attribute.name.removesuffix("_t") if place == "precision" else attribute.config_name
                    assert name in known[place], (kind.__name__, name)
                    counted += 1
    assert counted > 1000
    for backend in ("Vivado", "Vitis", "VivadoAccelerator", "Quartus", "Catapult", "oneAPI"):
        assert set(create_config(backend=backend)) <= known["project"] | known["sections"]


@pytest.mark.needs("keras", "hls4ml")
def test_what_hls4ml_writes_for_a_model_is_taken_whole():
    from hls4ml.utils import config_from_keras_model

    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(3, 3, activation="relu", name="conv"),
            layers.Flatten(name="flat"),
            layers.Dense(4, "softmax", name="out"),
        ]
    )
    config = config_from_keras_model(model, granularity="name")
    assert {"conv_relu", "out_softmax"} & set(config["LayerName"]) or len(config["LayerName"]) > 3
    with warnings.catch_warnings():
        warnings.simplefilter("error", MisplacedKeyWarning)
        kp.estimate(model, config)
    config["LayerName"]["conf"] = {"ReuseFactor": 4}
    with pytest.raises(kp.HlsConfigError, match=r"LayerName has 'conf', expected .*; did you mean 'conv'\?"):
        kp.estimate(model, config)


@pytest.mark.needs("torch", "hls4ml")
def test_layers_of_a_module_are_known_by_the_names_that_hls4ml_gives_them():
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    config = {"Model": MODEL, "InputShape": [[4]], "LayerName": {"_0": {"ReuseFactor": 2, "Strategy": "resource"}}}
    kp.estimate(module, config)
    with pytest.raises(kp.HlsConfigError, match="LayerName has 'layer9', expected one of the model's layers"):
        kp.estimate(module, {**config, "LayerName": {"layer9": {"ReuseFactor": 2}}})
