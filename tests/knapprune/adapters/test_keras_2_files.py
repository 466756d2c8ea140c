"""Files that Keras 2 wrote, as most users of hls4ml have them: genuine ones, written by keras2/write.py."""

import json
import re
import shutil
import tarfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import knapprune as kp
from knapprune.cli import app
from shared.frameworks import h5py, keras

pytestmark = pytest.mark.needs("keras")


FOLDER = Path(__file__).parent / "keras2"
ARCHIVES = {path.name.removesuffix(".tar.xz"): path for path in sorted(FOLDER.glob("*.tar.xz"))}
REFUSED, WARNED = {"unlayered-2.15", "code-2.15"}, {"hard-2.15", "slashes-2.15", "custom-2.15"}
SAME = sorted(set(ARCHIVES) - REFUSED - WARNED)
FORMS = ("net.keras", "net.h5", "net.json")


@pytest.fixture
def unpacked(tmp_path):
    """Put the files of a model into the test's folder."""

    def unpack(name):
        with tarfile.open(ARCHIVES[name]) as archive:
            archive.extractall(tmp_path, filter="data")
        return tmp_path

    return unpack


def values(folder):
    """Inputs, the outputs of Keras 2 and its scores, with the targets that they are of."""
    with np.load(folder / "values.npz") as found:
        x, y = ([found[f"{side}{i}"] for i in range(2) if f"{side}{i}" in found] for side in "xy")
        targets = [np.abs(np.cos(np.arange(each.size, dtype="f"))).reshape(each.shape) for each in y]
        return x, y, targets, found.get("scores")


def outputs(model, x):
    found = model(x if len(x) > 1 else x[0], training=False)
    return [np.asarray(each, "f8") for each in (found if isinstance(found, list) else [found])]


def assert_same(model, folder, tolerance=2e-6):
    x, y, _, _ = values(folder)
    found = outputs(model, x)
    assert len(found) == len(y)
    for ours, theirs in zip(found, y, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


def change(file, attribute, edit):
    """Edit a JSON attribute of an HDF5 file."""
    with h5py.File(file, "r+") as opened:
        content = json.loads(opened.attrs[attribute])
        edit(content)
        opened.attrs[attribute] = json.dumps(content)


def refusal(path):
    """Return the one sentence that a file is refused with."""
    with pytest.raises(ValueError, match=re.escape(f"path: {path.name}")) as refused:
        kp.load(path)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("name", SAME)
def test_a_model_gives_what_it_gave_in_keras_2_whatever_it_was_saved_as(unpacked, name):
    """Sixteen-bit layers round to ten bits; all others differ by the order of sums."""
    folder = unpacked(name)
    for form in FORMS:
        assert_same(kp.load(folder / form), folder, tolerance=2e-3 if name.startswith("mixed") else 2e-6)


@pytest.mark.parametrize("name", [name for name in SAME if name.split("-")[1] != "2.3"])
def test_weights_are_read_from_a_tree_as_from_lists(unpacked, name):
    """save_weights writes another form where the name ends in .weights.h5."""
    folder = unpacked(name)
    assert_same(kp.load(folder / "net.json", folder / "tree.weights.h5"), folder, 2e-3 if "mixed" in name else 2e-6)
    (folder / "net_weights.h5").unlink()
    shutil.copy(folder / "tree.weights.h5", folder / "net.weights.h5")
    assert kp.load(folder / "net.json").name


def test_networks_as_published_give_what_keras_2_makes_of_them(data_folder):
    expected = json.loads((FOLDER / "published.json").read_text())
    assert len(expected) >= 14
    for file, numbers in expected.items():
        model = kp.load(data_folder / file)
        x = np.random.default_rng(1).normal(size=(1, *model.inputs[0].shape[1:])).astype("f")
        found = outputs(model, [x])[0].ravel()[: len(numbers)]
        np.testing.assert_allclose(found, numbers, rtol=1e-5, atol=1e-6, err_msg=file)


@pytest.mark.parametrize("name", ["dense-2.15", "dense-2.3", "schedule-2.15", "several-2.15", "unbuilt-2.15"])
@pytest.mark.parametrize("form", ["net.keras", "net.h5"])
def test_a_compiled_model_scores_as_in_keras_2_and_trains(unpacked, name, form):
    """Losses, metrics and their weights; a copy of it, as pruning makes one, goes on training."""
    folder = unpacked(name)
    model = kp.load(folder / form)
    x, _, targets, scores = values(folder)
    x, targets = (x, targets) if len(x) > 1 else (x[0], targets[0])
    found = model.evaluate(x, targets, verbose=0)
    np.testing.assert_allclose(np.sort(found), np.sort(scores), rtol=1e-5, atol=1e-6)
    before = model.get_weights()
    from knapprune.adapters.keras.clone import masked_clone

    copied = masked_clone(model, {})
    copied.fit(x, targets, verbose=0)
    assert any(not np.array_equal(ours, theirs) for ours, theirs in zip(copied.get_weights(), before, strict=True))


def test_the_decay_of_an_optimiser_of_old_is_a_schedule(unpacked):
    optimizer = kp.load(unpacked("dense-2.15") / "net.h5").optimizer
    assert type(optimizer) is keras.optimizers.Adam
    schedule = optimizer.get_config()["learning_rate"]
    rate = keras.optimizers.schedules.deserialize(schedule)
    np.testing.assert_allclose([float(rate(step)) for step in (0, 100)], [1e-3, 1e-3 / 2], rtol=1e-6)


def test_a_schedule_stays_one(unpacked):
    for form in ("net.keras", "net.h5"):
        config = kp.load(unpacked("schedule-2.15") / form).optimizer.get_config()
        assert config["momentum"] == pytest.approx(0.9)
        assert config["learning_rate"]["class_name"] == "ExponentialDecay"


@pytest.mark.parametrize("form", ["net.keras", "net.h5"])
def test_a_loss_that_keras_does_not_know_is_dropped_with_one_sentence(unpacked, form):
    folder = unpacked("custom-2.15")
    expected = rf"^{form}: training configuration dropped \(loss: .*own_loss\); compile the model to train it$"
    with pytest.warns(kp.ModelFileWarning, match=expected) as said:
        model = kp.load(folder / form)
    assert len(said) == 1
    assert not model.compiled
    assert_same(model, folder)


def test_an_optimiser_that_keras_does_not_know_is_dropped_with_one_sentence(unpacked):
    path = unpacked("dense-2.15") / "net.h5"
    change(path, "training_config", lambda saved: saved["optimizer_config"].update(class_name="Addons>LAMB"))
    with pytest.warns(kp.ModelFileWarning, match=r"dropped \(optimiser: Keras 3 has no LAMB\)"):
        assert not kp.load(path).compiled


def test_metrics_that_keras_does_not_know_are_dropped_and_the_rest_is_kept(unpacked):
    path = unpacked("dense-2.15") / "net.h5"
    change(path, "training_config", lambda saved: saved.update(metrics=["accuracy", "own_metric"]))
    with pytest.warns(kp.ModelFileWarning, match=r"^net.h5: metrics dropped \(.*own_metric\)$"):
        model = kp.load(path)
    assert model.compiled
    assert model.loss == "categorical_crossentropy"


def test_a_regularizer_that_keras_does_not_know_is_dropped_and_its_layers_are_named(unpacked):
    folder = unpacked("dense-2.15")

    def edit(saved):
        for layer in saved["config"]["layers"]:
            if layer["class_name"] == "Dense":
                layer["config"]["kernel_regularizer"] = {"class_name": "Own", "config": {}}

    change(folder / "net.h5", "model_config", edit)
    with pytest.warns(kp.ModelFileWarning, match=r"^net.h5: layers 'fc1', 'out': kernel_regularizer dropped$"):
        assert_same(kp.load(folder / "net.h5"), folder)


def test_an_activation_that_keras_3_computes_otherwise_is_said(unpacked):
    folder = unpacked("hard-2.15")
    for form in FORMS:
        with pytest.warns(kp.ModelFileWarning, match=r"layers 'lstm', 'out': hard_sigmoid is x / 6 \+ 0\.5"):
            model = kp.load(folder / form)
    x, y, _, _ = values(folder)
    assert 1e-3 < np.abs(outputs(model, x)[0] - y[0]).max() < 0.1


def test_slashes_in_names_are_replaced_and_that_is_said(unpacked):
    folder = unpacked("slashes-2.15")
    for form in FORMS:
        with pytest.warns(kp.ModelFileWarning, match="layers 'block1/dense', 'block2/dense': every / in the name is"):
            model = kp.load(folder / form)
        assert [layer.name for layer in model.layers[1:]] == ["block1_dense", "block2_dense"]
        assert_same(model, folder)


def test_code_in_a_file_is_not_run(unpacked, monkeypatch):
    def run(*_):
        raise AssertionError("code from a file was made into a function")

    monkeypatch.setattr("keras.src.utils.python_utils.func_load", run)
    folder = unpacked("code-2.15")
    for form in FORMS:
        assert "layer 'plus' is a Lambda: code from a file is not run" in refusal(folder / form)


def test_arithmetic_without_layers_is_refused_by_name(unpacked):
    folder = unpacked("unlayered-2.15")
    for form in FORMS:
        assert "layer 'tf.math.multiply' is an operation of TensorFlow" in refusal(folder / form)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("PruneLowMagnitude", "layer 'fc1' is of TensorFlow Model Optimization; save what its strip_pruning returns"),
        ("Own", "layer 'fc1' is a Own, which Keras 3 does not have"),
    ],
)
def test_a_layer_that_keras_3_does_not_have_is_named(unpacked, kind, said):
    path = unpacked("dense-2.15") / "net.h5"

    def edit(saved):
        next(layer for layer in saved["config"]["layers"] if layer["class_name"] == "Dense")["class_name"] = kind

    change(path, "model_config", edit)
    assert said in refusal(path)


@pytest.mark.parametrize(
    ("name", "layer", "argument", "value"),
    [
        ("recurrent-2.15", "lstm", "time_major", True),
        ("conv2d-2.15", "each", "groups", 2),
        ("conv2d-2.15", "bn", "axis", [1, 2]),
        ("conv2d-2.15", "image", "ragged", True),
    ],
)
def test_an_argument_that_would_be_lost_is_refused(unpacked, name, layer, argument, value):
    path = unpacked(name) / "net.h5"

    def edit(saved):
        next(each for each in saved["config"]["layers"] if each["name"] == layer)["config"][argument] = value

    change(path, "model_config", edit)
    said = refusal(path)
    assert f"layer '{layer}' " in said
    assert str(value) in said


def test_a_class_of_ones_own_is_read_once_it_is_registered(unpacked):
    folder = unpacked("custom-2.15")

    class Own(keras.layers.Dense):
        pass

    def edit(saved):
        saved["config"]["layers"][-1]["class_name"] = "Mine>Own"

    change(folder / "net.h5", "model_config", edit)
    assert "is a Own, which Keras 3 does not have" in refusal(folder / "net.h5")
    with keras.saving.custom_object_scope({"Mine>Own": Own}), pytest.warns(kp.ModelFileWarning, match="own_loss"):
        model = kp.load(folder / "net.h5")
    assert type(model.layers[-1]) is Own
    assert_same(model, folder)


def test_what_is_in_a_file_counts_and_not_what_its_name_ends_in(unpacked):
    """Up to 2.12 Keras wrote HDF5 also where the name ends in .keras."""
    folder = unpacked("nested-2.15")
    shutil.copy(folder / "net.h5", folder / "old.keras")
    shutil.copy(folder / "net.h5", folder / "old.hdf5")
    assert_same(kp.load(folder / "old.keras"), folder)
    assert_same(kp.load(folder / "old.hdf5"), folder)
    with unpacked("nested-2.3").joinpath("net.keras").open("rb") as old:
        assert old.read(4) == b"\x89HDF"


def test_weights_of_other_names_are_read_in_order_as_keras_2_does(unpacked):
    folder = unpacked("recurrent-2.15")
    with h5py.File(folder / "net_weights.h5", "r+") as file:
        names = [name if isinstance(name, str) else name.decode() for name in file.attrs["layer_names"]]
        for name in names:
            file.move(name, f"{name}_7")
        file.attrs["layer_names"] = [f"{name}_7".encode() for name in names]
    assert_same(kp.load(folder / "net.json"), folder)


def test_a_list_of_names_in_several_attributes_is_read(unpacked):
    """HDF5 limits the size of one."""
    folder = unpacked("recurrent-2.15")
    with h5py.File(folder / "net_weights.h5", "r+") as file:
        names = list(file.attrs["layer_names"])
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:4], names[4:]
    assert_same(kp.load(folder / "net.json"), folder)


def test_a_whole_model_gives_its_weights_to_a_json_file(unpacked):
    folder = unpacked("nested-2.15")
    for file in ("net.h5", "net.keras"):
        assert_same(kp.load(folder / "net.json", folder / file), folder)


def test_weights_of_another_model_are_refused(unpacked, tmp_path):
    folder = unpacked("recurrent-2.15")
    shutil.move(folder / "net_weights.h5", folder / "others.h5")
    shutil.move(folder / "tree.weights.h5", folder / "others.weights.h5")
    unpacked("dense-2.15")
    with pytest.raises(ValueError, match=r"path: net\.json: weights in others\.h5: the weights are of 8 layers"):
        kp.load(folder / "net.json", folder / "others.h5")
    with pytest.raises(ValueError, match=r"weights in others\.weights\.h5: the weights are of 1 layers of class Dense"):
        kp.load(folder / "net.json", folder / "others.weights.h5")
    with h5py.File(folder / "net_weights.h5", "r+") as file:
        kernel = next(name for name in file["out/out"] if name.startswith("kernel"))
        del file["out/out"][kernel]
        file["out/out"][kernel] = np.zeros((5, 3))
    with pytest.raises(
        ValueError, match=r"weights of layer 'out' have the shapes \[\(5, 3\), \(3,\)\], expected \[\(6, 3"
    ):
        kp.load(folder / "net.json")


def test_weights_without_an_architecture_are_not_a_model(unpacked):
    folder = unpacked("dense-2.15")
    assert "holds weights alone; give the model's .json file" in refusal(folder / "net_weights.h5")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("content", [b"", b"no model at all", bytes(range(256)) * 4])
def test_a_file_that_is_no_model_is_named_in_one_sentence(tmp_path, form, content):
    (tmp_path / form).write_bytes(content)
    (tmp_path / "net_weights.h5").write_bytes(content)
    said = refusal(tmp_path / form)
    assert content or "the file is empty" in said


@pytest.mark.parametrize("form", ["net.keras", "net.h5"])
def test_a_file_that_is_cut_off_anywhere_is_named_in_one_sentence(unpacked, form):
    path = unpacked("dense-2.15") / form
    content = path.read_bytes()
    for end in (1, 5, 8, 9, 100, 2000, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:end])
        refusal(path)


@pytest.mark.parametrize("form", ["net.keras", "net.h5"])
def test_a_file_with_changed_bytes_is_read_or_named_in_one_sentence(unpacked, form):
    path = unpacked("nested-2.15") / form
    content = path.read_bytes()
    for seed in range(20):
        random, changed = np.random.default_rng(seed), np.frombuffer(content, np.uint8).copy()
        changed[random.integers(0, len(content), 30)] = random.integers(0, 256, 30)
        path.write_bytes(changed.tobytes())
        said = f"path: {form}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                kp.load(path)
            except ValueError as error:
                said = str(error)
        assert said.startswith(f"path: {form}")
        assert "\n" not in said


def test_an_architecture_with_a_hole_is_named_in_one_sentence(unpacked):
    folder = unpacked("nested-2.15")
    saved = json.loads((folder / "net.json").read_text())
    saved["config"]["layers"] = [layer for layer in saved["config"]["layers"] if layer["name"] != "joined"]
    (folder / "net.json").write_text(json.dumps(saved))
    assert "there is no layer 'joined', whose result is used" in refusal(folder / "net.json")
    (folder / "net.json").write_text(json.dumps({"class_name": "Own", "config": {}, "keras_version": "2.15.0"}))
    assert "the architecture is a 'Own', expected a Sequential or Functional model" in refusal(folder / "net.json")
    (folder / "net.json").write_text(json.dumps(saved | {"keras_version": "1.2.2"}))
    assert "the file was saved by Keras 1, expected Keras 2 or 3" in refusal(folder / "net.json")


def test_a_model_that_never_saw_its_input_is_refused(unpacked):
    folder = unpacked("unbuilt-2.15")
    saved = json.loads((folder / "net.json").read_text())
    saved["config"].pop("build_input_shape", None)
    for layer in saved["config"]["layers"]:
        layer["config"].pop("batch_input_shape", None)
    saved["config"]["layers"] = [layer for layer in saved["config"]["layers"] if layer["class_name"] != "InputLayer"]
    (folder / "net.json").write_text(json.dumps(saved))
    assert "model 'unbuilt' does not say what shape its input has" in refusal(folder / "net.json")


def test_a_saved_model_of_tensorflow_is_told_from_a_file_that_is_missing(tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "saved_model.pb").write_bytes(b"?")
    with pytest.raises(ValueError, match="net is a SavedModel of TensorFlow"):
        kp.load(tmp_path / "net")


def test_a_loss_of_ones_own_is_dropped_from_files_of_keras_3_too(tmp_path):
    from knapprune.adapters.keras.files import load_keras_model

    def own_loss(true, predicted):
        return keras.ops.mean(true - predicted)

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="fc")])
    model.compile("adam", own_loss)
    model.save(tmp_path / "net.keras")
    (tmp_path / "net.json").write_text(model.to_json())
    model.save_weights(tmp_path / "net.weights.h5")
    with zipfile.ZipFile(tmp_path / "net.keras") as archive:
        assert "own_loss" in archive.read("config.json").decode()
    for form in ("net.keras", "net.json"):
        with pytest.warns(kp.ModelFileWarning, match=r"training configuration dropped \(loss: .*own_loss\)"):
            loaded = load_keras_model(tmp_path / form)
        assert not loaded.compiled
        for ours, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.filterwarnings("always::knapprune.ModelFileWarning")
def test_the_command_line_takes_them_and_shows_the_warning(unpacked, tmp_path):
    folder = unpacked("custom-2.15")
    config = tmp_path / "config.yml"
    config.write_text('Model: {Precision: "fixed<16,6>", ReuseFactor: 1, Strategy: latency}\n')
    for form in ("net.keras", "net.h5", "net.json"):
        result = CliRunner().invoke(app, ["estimate", str(folder / form), str(config)])
        assert result.exit_code == 0, result.stderr
        assert ("training configuration dropped" in " ".join(result.stderr.split())) == (form != "net.json")
    model = kp.load(folder / "net.json")
    assert kp.select(model, kp.read_hls_config(config), {"dsp": 0.5}).resources["dsp"] <= 6
