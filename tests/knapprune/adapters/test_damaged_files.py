"""Model files that are none, or not all of one: a sentence that names the file and what was expected."""

import json
import re
import zipfile
from functools import cache

import numpy as np
import pytest

import knapprune as kp
from shared.frameworks import keras

pytestmark = pytest.mark.needs("keras")

CONFIG = {"Model": {"Precision": "fixed<16,6>", "ReuseFactor": 1}}
BARE = re.compile(r"^(path: )?('?[\w .]+'?|list index out of range|.* has no attribute .*)$")


@cache
def model():
    made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="fc")])
    made.compile("adam", "mse")
    return made


@pytest.fixture
def whole(tmp_path):
    """Return the bytes of a model's file of a kind."""

    def content(ending):
        path = tmp_path / f"whole{ending}"
        if ending == ".json":
            return model().to_json().encode()
        model().save_weights(path) if ending == ".weights.h5" else model().save(path)
        return path.read_bytes()

    return content


def archive(path, **entries):
    with zipfile.ZipFile(path, "w") as file:
        for name, text in entries.items():
            file.writestr(name.replace("_", "."), text)


def refusal(path, weights=None):
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        kp.load(path, weights, hls_config=CONFIG)
    said = str(caught.value)
    assert path.name in said
    assert "\n" not in said
    assert not BARE.match(said), said
    return said


NOISE = np.random.default_rng(5).bytes(300)
FILES = {
    "empty.keras": (b"", "the file is empty, expected a whole file"),
    "empty.h5": (b"", "the file is empty"),
    "empty.json": (b"", "the file is empty"),
    "empty.onnx": (b"", "the file is empty, expected a whole file, as onnx.save writes models"),
    "noise.keras": (NOISE, "neither an archive nor HDF5"),
    "noise.h5": (NOISE, "neither an archive nor HDF5"),
    "noise.json": (NOISE, "no text in UTF-8"),
    "noise.onnx": (NOISE, "no ONNX model, or a damaged one"),
    "picture.keras": (b"\x89PNG\r\n\x1a\n" + NOISE, "neither an archive nor HDF5"),
    "text.onnx": (b"hello world, this is no network", "no ONNX model, or a damaged one"),
    "list.json": (b"[1, 2]", "holds a list, expected an object that describes a model"),
    "number.json": (b"7", "holds a int, expected an object"),
    "other.json": (b'{"name": "no model"}', "no class_name and config, expected what model.to_json"),
    "half.json": (b'{"class_name": "Sequential", "con', "is no JSON"),
    "utf16.json": ('{"class_name": 1}'.encode("utf-16"), "no text in UTF-8"),
    "deep.json": (b"[" * 100_000, "is no JSON"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_model_is_told_what_was_expected(tmp_path, name):
    if name.endswith(".onnx"):
        pytest.importorskip("onnx")
        pytest.importorskip("hls4ml")
    content, expected = FILES[name]
    path = tmp_path / name
    path.write_bytes(content)
    path.with_name(f"{path.stem}_weights.h5").write_bytes(NOISE)
    assert expected in refusal(path)


def test_an_archive_of_something_else_is_told_what_it_lacks(tmp_path):
    path = tmp_path / "other.keras"
    archive(path, a_txt="b")
    assert "the archive holds no config.json, expected one that Keras saved" in refusal(path)
    archive(path, config_json="{}")
    assert "the archive holds no metadata.json" in refusal(path)
    archive(path, config_json="[]", metadata_json="{}")
    assert "config.json holds a list" in refusal(path)
    archive(path, config_json="{}", metadata_json="{}")
    assert "the file says that version '' of Keras wrote it" in refusal(path)
    archive(path, config_json="{}", metadata_json='{"keras_version": "3.0"}')
    refusal(path)
    archive(path, config_json=json.dumps({"config": {"layers": 5}}), metadata_json='{"keras_version": "3.0"}')
    refusal(path)


@pytest.mark.parametrize("ending", [".keras", ".h5", ".json"])
def test_a_file_that_is_cut_off_is_refused_wherever_that_is(tmp_path, whole, ending):
    content = whole(ending)
    path = tmp_path / f"cut{ending}"
    path.with_name("cut_weights.h5").write_bytes(whole(".weights.h5"))
    for end in np.linspace(1, len(content) - 1, 12).astype(int):
        path.write_bytes(content[:end])
        refusal(path)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore")
def test_a_file_with_a_wrong_stretch_is_refused_in_a_sentence_or_read(tmp_path, whole, ending):
    """Some bytes of a file mean nothing, and what they are changes nothing."""
    content, rng = whole(ending), np.random.default_rng(3)
    said = []
    for start in rng.integers(0, len(content) - 60, 25):
        path = tmp_path / f"spoiled{ending}"
        path.write_bytes(content[:start] + rng.bytes(60) + content[start + 60 :])
        try:
            kp.load(path)
        except ValueError as error:
            said.append(str(error))
    assert len(said) > 3
    assert [text for text in said if path.name not in text or BARE.match(text)] == []


@pytest.mark.parametrize("content", [b"", NOISE, "half"])
def test_weights_that_cannot_be_read_are_named_and_not_the_model(tmp_path, whole, content):
    (tmp_path / "net.json").write_bytes(whole(".json"))
    held = whole(".weights.h5")
    (tmp_path / "own.weights.h5").write_bytes(held[: len(held) // 2] if content == "half" else content)
    assert "weights in own.weights.h5: " in refusal(tmp_path / "net.json", tmp_path / "own.weights.h5")


def test_a_folder_is_no_file(tmp_path):
    folder = tmp_path / "model.keras"
    folder.mkdir()
    assert "is a folder, expected a model's file" in refusal(folder)


@pytest.mark.needs("onnx", "hls4ml")
def test_an_onnx_file_of_no_network_or_cut_off_is_refused(tmp_path):
    from onnx import TensorProto, helper

    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 4)) for name in "xy"]
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    for made, expected in ((nodes, "no ONNX model, or a damaged one"), ([], "describes no network")):
        content = helper.make_model(helper.make_graph(made, "net", values[:1], values[1:])).SerializeToString()
        path = tmp_path / "net.onnx"
        path.write_bytes(content[: len(content) - 9] if made else content)
        assert expected in refusal(path)


def test_weights_beside_a_model_that_has_its_own_are_refused(tmp_path, whole):
    (tmp_path / "net.keras").write_bytes(whole(".keras"))
    said = refusal(tmp_path / "net.keras", tmp_path / "other.h5")
    assert said == (
        "weights: does nothing here, since net.keras has weights of its own; expected None, or the model's .json file"
    )
