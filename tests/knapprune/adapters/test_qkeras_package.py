"""What is said where QKeras is missing, is HGQ2's package of that name, or stands on Keras 3."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import pytest

import knapprune as kp
from knapprune.adapters import qkeras_package
from knapprune.adapters.qkeras_package import of_qkeras, require_qkeras
from knapprune.tools import MissingToolError


def file_with(layer, path):
    """Write an architecture with a layer, as Keras 2 and 3 do."""
    model = {"class_name": "Sequential", "config": {"layers": [{"class_name": "InputLayer", "config": {}}, layer]}}
    path.write_text(json.dumps(model))
    return path


@pytest.mark.parametrize(
    ("layer", "is_one"),
    [
        ({"class_name": "QDense"}, True),
        ({"class_name": "QActivation", "module": "qkeras.qlayers"}, True),
        ({"class_name": "QDense", "module": "hgq.layers.core.dense"}, False),
        ({"class_name": "Dense", "module": "keras.layers"}, False),
        ({"class_name": "Quantile"}, False),
        ({"class_name": "Model", "config": {"layers": [{"class_name": "QConv2D"}]}}, True),
    ],
)
def test_a_file_of_qkeras_is_told_by_its_layers(layer, is_one, tmp_path):
    assert of_qkeras(file_with(layer, tmp_path / "model.json")) is is_one


def test_what_is_no_model_is_none_of_qkeras(tmp_path):
    for name, data in (("a.h5", b"nothing"), ("b.json", b"[1"), ("c.keras", b"")):
        (tmp_path / name).write_bytes(data)
        assert not of_qkeras(tmp_path / name)


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (
            False,
            'QKeras is not installed; install it with: pip install "knapprune.qkeras." and then: pip install --no-deps',
        ),
        (True, "the package qkeras that is here is one that HGQ2 brings, and the two exclude each other"),
    ],
)
def test_a_missing_qkeras_is_said_and_so_is_the_package_of_hgq2(there, said, tmp_path, monkeypatch):
    package = SimpleNamespace(origin=str(tmp_path / "qkeras" / "__init__.py")) if there else None
    monkeypatch.setattr(qkeras_package, "find_spec", lambda name: package)
    with pytest.raises(MissingToolError, match=said):
        kp.load(file_with({"class_name": "QDense"}, tmp_path / "model.json"))


@pytest.mark.needs("hgq")
@pytest.mark.skipif(find_spec("tf_keras") is not None, reason="QKeras itself is installed")
def test_the_package_of_hgq2_is_told_from_qkeras():
    with pytest.raises(MissingToolError, match="is one that HGQ2 brings"):
        require_qkeras()


def test_a_tensorflow_that_stands_for_keras_3_is_said(tmp_path, monkeypatch):
    (tmp_path / "qlayers.py").touch()
    monkeypatch.setattr(qkeras_package, "find_spec", lambda name: SimpleNamespace(origin=str(tmp_path / "__init__.py")))
    monkeypatch.setitem(sys.modules, "tensorflow", sys)
    monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
    with pytest.raises(ValueError, match="set TF_USE_LEGACY_KERAS=1 in the environment, before Python starts"):
        require_qkeras()


@pytest.mark.needs("tf_keras")
def test_layers_of_qkeras_on_keras_3_are_refused():
    script = """
import keras, qkeras, knapprune
layer = qkeras.QDense(2, kernel_quantizer=qkeras.quantized_bits(4, 0, alpha=1), name="fc")
try:
    knapprune.estimate(keras.Sequential([keras.Input((4,)), layer]), {"Model": {"Precision": "fixed<16,6>"}})
except ValueError as error:
    print(error)
"""
    without = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=without, check=True)
    assert (
        "layer 'fc' is a QDense of QKeras on Keras 3, expected one on tf_keras: set TF_USE_LEGACY_KERAS=1"
        in done.stdout
    )


@pytest.mark.needs("tf_keras")
def test_a_file_of_a_qkeras_on_keras_3_is_refused(data_folder):
    with pytest.raises(ValueError, match=r"QKeras saved it from Keras 3\.\d+\.\d+, expected a model of tf_keras"):
        kp.load(data_folder / "models" / "jets" / "qkeras-v3_3layer.keras")
