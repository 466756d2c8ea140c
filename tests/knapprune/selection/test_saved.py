"""A selection as one file: what is read is what was written, and what is no selection is told so."""

import io
import json
import resource
import zipfile
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import knapprune as kp
from knapprune.selection.saved import RECORD
from shared.frameworks import keras
from shared.hls import hls_settings as config

pytestmark = pytest.mark.needs("keras")

X = np.random.default_rng(0).normal(size=(64, 16)).astype("float32")
Y = np.random.default_rng(1).integers(0, 5, 64)


@cache
def network():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(24, "relu", name="fc1"), keras.layers.Dense(5, "softmax", name="fc2")]
    model = keras.Sequential([keras.Input((16,)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


BY_LOSS = {"data": (X, Y), "saliency": "fisher", "normalise": "none"}
ASKED = {
    "rows": lambda: kp.select(network(), config(), {"dsp": 0.5}),
    "chip": lambda: kp.select(network(), config(reuse_factor=2), {"part": "xc7z007sclg225-1", "bram": 30}),
    "a layer": lambda: kp.select(network(), config(), {"dsp": 100, "fc1": {"dsp": 0.3}}, structure="neuron"),
    "reuse and bits": lambda: kp.select(
        network(), config(), {"dsp": 0.5, "latency": 40}, choose={"reuse_factor": "legal", "bits": [8, 12]}
    ),
    "values": lambda: kp.select(network(), config("latency", 1), {"dsp": 0, "lut": 0.5}, choose={"digits": 2}),
    "types of data": lambda: kp.select(
        network(), config("latency", 1), {"dsp": 0}, choose={"digits": 2, "data_bits": [4, 6]}, **BY_LOSS
    ),
    "channels": lambda: kp.select(network(), budget={"parameters": 0.5}, structure="channel"),
    "no prices": lambda: kp.select(network(), config(), {"dsp": 0.5}, solver="highs"),
}


@cache
def selected(name):
    return ASKED[name]()


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.filterwarnings("ignore::knapprune.SelectionWarning")
def test_what_is_read_equals_what_was_saved_and_masks_the_model_alike(tmp_path, name):
    one = selected(name)
    one.save(tmp_path / "one.npz")
    other = kp.load_selection(tmp_path / "one.npz")
    assert one == other
    assert hash(one) == hash(other)
    assert one.summary() == other.summary()
    assert [cap.understood for cap in one.budget] == [cap.understood for cap in other.budget]
    assert one.solution.seconds == other.solution.seconds
    assert {key: kernel.dtype for key, kernel in one.values.items()} == {
        key: kernel.dtype for key, kernel in other.values.items()
    }
    for first, second in zip(one.apply(network()).get_weights(), other.apply(network()).get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert [path.name for path in tmp_path.iterdir()] == ["one.npz"]


def test_a_selection_that_was_read_is_verified_as_it_was_predicted(tmp_path):
    selected("rows").save(tmp_path / "one.npz")
    found = kp.load_selection(tmp_path / "one.npz")
    assert kp.estimate(found.apply(network()), found.hls_config).total == dict(found.resources)


CHANGES = {
    "masks": lambda one: {**one.masks, "fc1": ~one.masks["fc1"]},
    "solution": lambda one: replace(one.solution, bound=1e9),
    "resources": lambda one: one.before,
    "before": lambda one: one.resources,
    "budget": lambda one: (),
    "structures": lambda one: {},
    "hls_config": lambda one: {**one.hls_config, "IOType": "io_stream"},
    "values": lambda one: {"fc1": np.zeros((16, 24))},
    "data_types": lambda one: {"fc1": kp.FixedPoint(4, 2)},
}


@pytest.mark.parametrize("name", CHANGES)
def test_selections_are_equal_where_all_that_they_hold_is(name):
    one = selected("rows")
    assert one == replace(one, solution=replace(one.solution, seconds=99.0))
    assert one == replace(one, masks={key: mask.copy() for key, mask in one.masks.items()})
    assert one != replace(one, **{name: CHANGES[name](one)})
    assert one != "a selection"


def packed(**arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def spoiled(folder, change=lambda held: None, **others):
    """Return the bytes of a good file with a change in its record, and with other arrays."""
    selected("rows").save(folder / "good.npz")
    with np.load(folder / "good.npz") as arrays:
        held = json.loads(arrays[RECORD].tobytes())
        change(held)
        text = np.frombuffer(json.dumps(held).encode(), np.uint8)
        kept = {name: array for name, array in {**arrays, RECORD: text, **others}.items() if array is not None}
    return packed(**kept)


def put(value, *way):
    def change(held):
        for step in way[:-1]:
            held = held[step]
        held[way[-1]] = value

    return change


FOREIGN = {
    "empty": lambda folder: b"",
    "noise": lambda folder: np.random.default_rng(0).bytes(400),
    "text": lambda folder: b"hello",
    "masks alone": lambda folder: packed(fc1=np.ones((16, 24), bool)),
    "pickles": lambda folder: packed(**{RECORD: np.array([{"a": 1}], dtype=object)}),
    "a record that is no JSON": lambda folder: packed(**{RECORD: np.frombuffer(b"{", np.uint8)}),
    "a record of a list": lambda folder: packed(**{RECORD: np.frombuffer(b"[]", np.uint8)}),
    "a later format": lambda folder: spoiled(folder, put(99, "format")),
    "no masks' kind": lambda folder: spoiled(folder, **{"mask/fc1": np.ones((16, 24))}),
    "values of text": lambda folder: spoiled(folder, **{"values/fc1": np.array(["a"])}),
    "no solution": lambda folder: spoiled(folder, **{"solution/selected": None}),
    "numbers selected": lambda folder: spoiled(folder, **{"solution/selected": np.ones(3)}),
    "a status that is none": lambda folder: spoiled(folder, put("GUESSED", "selection", "solution", "status")),
    "a limit of text": lambda folder: spoiled(folder, put("many", "selection", "budget", 0, "limit")),
    "a field too many": lambda folder: spoiled(folder, put(1, "selection", "colour")),
    "a field too few": lambda folder: spoiled(folder, lambda held: held["selection"].pop("before")),
    "layers that are none": lambda folder: spoiled(folder, put([1], "selection", "resources", "layers")),
    "a kind that is none": lambda folder: spoiled(folder, put("dance", "selection", "resources", "layers", 0, "kind")),
    "use that is none": lambda folder: spoiled(folder, put([], "selection", "resources", "by_layer")),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_that_is_no_selection_is_named_in_one_sentence(tmp_path, name):
    (tmp_path / "one.npz").write_bytes(FOREIGN[name](tmp_path))
    with pytest.raises(ValueError, match=r"^path: \S*one\.npz .*; expected the \.npz that Selection\.save writes$"):
        kp.load_selection(tmp_path / "one.npz")


def test_the_file_that_the_others_are_made_of_is_read(tmp_path):
    (tmp_path / "one.npz").write_bytes(spoiled(tmp_path))
    assert kp.load_selection(tmp_path / "one.npz") == selected("rows")


def test_a_file_that_is_cut_off_or_wrong_somewhere_is_never_read_as_another(tmp_path):
    path = tmp_path / "one.npz"
    selected("rows").save(path)
    content, rng = path.read_bytes(), np.random.default_rng(2)
    for end in np.linspace(0, len(content) - 1, 15).astype(int):
        path.write_bytes(content[:end])
        with pytest.raises(ValueError, match=r"one\.npz .*; expected the \.npz"):
            kp.load_selection(path)
    for start in rng.integers(0, len(content) - 20, 40):
        path.write_bytes(content[:start] + rng.bytes(20) + content[start + 20 :])
        found = said = None
        try:
            found = kp.load_selection(path)
        except ValueError as error:
            said = str(error)
        # Some bytes mean nothing: those of a time, or of a name that is there twice.
        assert found == selected("rows") if said is None else "one.npz" in said


def test_no_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"path: \S*absent\.npz: there is no such file"):
        kp.load_selection(tmp_path / "absent.npz")
    with pytest.raises(FileNotFoundError, match="is a folder, expected a file"):
        kp.load_selection(tmp_path)


def test_a_name_of_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"path: got '\S*one\.json', expected a name that ends in \.npz"):
        selected("rows").save(tmp_path / "one.json")


def test_a_full_disk_names_the_file_and_leaves_the_earlier_one(tmp_path):
    path = tmp_path / "one.npz"
    selected("rows").save(path)
    before = path.read_bytes()
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        with pytest.raises(OSError, match=r"File too large: '\S*one\.npz'"):
            selected("no prices").save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert path.read_bytes() == before
    assert [own.name for own in tmp_path.iterdir()] == ["one.npz"]


def test_the_file_is_an_archive_of_arrays_that_others_can_read(tmp_path):
    one = selected("rows")
    one.save(tmp_path / "one.npz")
    with zipfile.ZipFile(tmp_path / "one.npz") as file:
        assert {"mask/fc1.npy", "mask/fc2.npy", "record.npy", "solution/selected.npy"} <= set(file.namelist())
    with np.load(tmp_path / "one.npz") as arrays:
        np.testing.assert_array_equal(arrays["mask/fc1"], one.masks["fc1"])
