"""prune and tune on the command line: all that the library can do can be said, and mistakes are sentences."""

from __future__ import annotations

import inspect
import json
import resource
import shlex
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tomli_w
import yaml
from typer.main import get_command

import knapprune as kp
from knapprune.cli import app
from knapprune.report.run_folder import mark
from shared.commands import invoke
from shared.frameworks import keras
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras", "jinja2")


def run(*arguments):
    return invoke(app, *arguments)


def sentence(result):
    return " ".join(result.stderr.split())


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """What prune and tune are given: a small trained network, its configuration and its data, as files."""
    folder = tmp_path_factory.mktemp("files")
    keras.utils.set_random_seed(2)
    random = np.random.default_rng(2)
    labels = random.integers(0, 3, 120)
    inputs = (random.normal(size=(3, 8))[labels] + 0.5 * random.normal(size=(120, 8))).astype("float32")
    dense = keras.layers.Dense
    model = keras.Sequential([keras.Input((8,)), dense(16, "relu", name="fc1"), dense(3, name="out")])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(inputs, labels, epochs=5, verbose=0)
    model.save(folder / "model.keras")
    config = {"HLSConfig": hls_settings()}
    (folder / "config.yml").write_text(yaml.safe_dump(config))
    np.savez(folder / "data.npz", x=inputs, y=labels)
    return (
        folder / "model.keras", folder / "config.yml", "--train", folder / "data.npz", "--validation",
        folder / "data.npz",
    )  # fmt: skip


QUICK = ("--budget", "dsp=0.5", "--steps", 1, "--epochs", 1, "--tolerance", 0.5)


@pytest.mark.needs("optuna")
def test_tune_prints_the_line_with_which_prune_reaches_what_it_found(data, tmp_path, monkeypatch):
    """Mistakes before the first trial bind nothing, and what is finished is not done again."""
    monkeypatch.chdir(tmp_path)
    search = (*QUICK, "--quantise", "--study", "runs/study.log", "--strengths", 1e-3, 1e-1)
    mistaken = run("tune", *data, *search, "--trials", 1, "--epochs", -1)
    assert mistaken.exit_code == 2
    assert "epochs: got -1, expected" in sentence(mistaken)
    assert run("tune", *data, *search, "--trials", 1).exit_code == 0
    tuned = run("tune", *data, *search, "--trials", 2)
    assert tuned.exit_code == 0, tuned.output
    assert "trial 2 of 2: strength" in tuned.stderr
    assert "trial 1 of 2" not in tuned.stderr
    assert "best strength: " in tuned.stdout
    other = run("tune", *data, *search, "--trials", 2, "--form", "layer")
    assert other.exit_code == 2
    assert "form: the search in" in sentence(other)
    words = shlex.split(tuned.stdout.splitlines()[-1])
    assert words[:2] == ["knapprune", "prune"]
    assert {"--quantise", "--form", "price"} <= set(words)
    pruned = run(*words[1:])
    assert pruned.exit_code == 0, pruned.output
    found = json.loads((tmp_path / "pruned" / "report.json").read_text())
    assert f"metric {found['pruned']['metric']:.4f} at the budget" in tuned.stdout
    assert (tmp_path / "pruned" / "history.png").read_bytes().startswith(b"\x89PNG")


def test_an_interrupted_search_says_how_to_go_on(data, tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(kp, "tune", interrupted, raising=False)
    result = run("tune", *data, *QUICK, "--study", tmp_path / "study.log")
    assert result.exit_code == 130
    assert "the same command goes on with it" in sentence(result)


class StopError(ValueError):
    """Ends a command where the library would begin."""


@pytest.fixture
def given(monkeypatch):
    """What the commands hand to the library."""
    taken = {}

    def record(*arguments, **options):
        taken.update(options)
        raise StopError("recorded")

    monkeypatch.setattr(kp, "prune", record, raising=False)
    monkeypatch.setattr(kp, "tune", record, raising=False)
    return taken


def test_every_argument_of_the_library_can_be_said_on_the_command_line(data, tmp_path, given):
    """But for callbacks, which are objects, weights of classes (in a file), the bar, and the configuration's own."""
    run("prune", *data, *QUICK, "--out", tmp_path)
    names = set(inspect.signature(kp.pruning.prune).parameters)
    assert set(given) == names - {"model", "hls_config", "class_weight", "callbacks", "progress", "overrides"}


def test_a_metric_is_named_on_the_command_line_and_classes_are_weighed_in_a_file(data, tmp_path, given):
    file = tmp_path / "run.toml"
    file.write_text("[train.class_weight]\n0 = 2.0\n")
    run("prune", *data, *QUICK, "--metric", "auc", "--params", file, "--out", tmp_path / "out")
    assert given["metric"] == "auc"
    assert given["class_weight"] == {0: 2.0}


def test_the_command_line_and_the_library_have_the_same_defaults(data, tmp_path, given):
    run("prune", *data, "--out", tmp_path)
    for name, parameter in inspect.signature(kp.pruning.prune).parameters.items():
        if parameter.default is not inspect.Parameter.empty and name in given and name != "checkpoint":
            assert given[name] == parameter.default, name


def test_options_arrive_as_what_the_library_takes(data, tmp_path, given):
    run(
        "prune", *data, "--out", tmp_path, "--regularization", 0.1, "--form", "price", "--distill", 0.5,
        "--temperature", 4, "--structure", "fc1=neuron", "--structure", "out=dsp-row", "--regrow", 0.1,
        "--hardware", "accelerator", "--saliency", "fisher", "--saliency-data", data[3], "--time-limit", 3,
    )  # fmt: skip
    assert given["regularization"] == kp.Regularization(0.1, "price")
    assert given["distill"] == kp.Distillation(0.5, 4.0)
    assert given["structure"] == {"fc1": "neuron", "out": "dsp-row"}
    assert (given["regrow"], given["hardware"], given["time_limit"], given["budget"]) == (0.1, "accelerator", 3.0, None)
    assert len(given["saliency_data"][0]) == 120


def test_tune_takes_the_options_of_prune():
    """Same names, same defaults; but for what a search decides itself and where results go."""
    commands = get_command(app).commands
    options = {
        name: {option.name: (option.opts, option.default) for option in commands[name].params}
        for name in ("prune", "tune")
    }
    own = {"out", "resume", "force", "patience", "regularization", "form"}
    assert options["prune"].keys() - options["tune"].keys() == own - {"form"}
    shared = options["prune"].keys() & options["tune"].keys() - {"form"}
    assert {name: options["prune"][name] for name in shared} == {name: options["tune"][name] for name in shared}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--form", "price"), "--form: got 'price' without a strength, expected --regularization"),
        (("--regularization", 1, "--form", "x"), "regularization: got the form 'x', expected 'layer' or 'price'"),
        (("--temperature", 3), "--temperature: got 3.0 without a weight, expected --distill"),
        (("--distill", 2), "distill: got the weight 2.0"),
        (("--structure", "neuron", "--structure", "fc1=auto"), "expected one name, or one for each layer"),
        (("--structure", "nope=neuron"), "structure: no layers ['nope']"),
        (("--hardware", "nope"), "hardware: got 'nope', expected one of"),
        (("--hardware", "accelerator", "--multipliers", __file__), "--multipliers: got --hardware accelerator"),
        (("--schedule", "nope"), "schedule: got 'nope'"),
        (("--learning-rate", "nope"), "learning_rate: got 'nope'"),
        (("--resume", "elsewhere"), "--out: expected it for a new run, or --resume for one that was interrupted"),
    ],
)
def test_an_option_that_cannot_be_used_is_a_sentence(data, tmp_path, options, message):
    result = run("prune", *data, *QUICK, *options, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in sentence(result)
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())  # to be given again as it was


def test_without_a_budget_it_says_who_needs_one(data, tmp_path):
    result = run("prune", *data, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "budget: there is none, and only fetch groups with p given" in sentence(result)


def test_a_run_whose_page_could_not_be_written_is_refused_before_it_trains(data, tmp_path, given, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    result = run("prune", *data, *QUICK, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert 'pip install "knapprune[plots]"' in sentence(result)
    assert not given


@pytest.mark.filterwarnings("default::knapprune.PruningWarning")
def test_a_full_disk_names_the_file_of_prune_that_did_not_fit(data, tmp_path):
    """No more than so many bytes in a file, as on a disk without room; what was found before is lost to no half."""
    warm = run("prune", *data, *QUICK, "--out", tmp_path / "warm")
    assert warm.exit_code == 0, warm.output
    assert "budget: dsp 22 (0.5 of 44)" in " ".join(warm.stdout.split())
    assert "<p>Budget: dsp 22 (0.5 of 44).</p>" in (tmp_path / "warm" / "report.html").read_text()
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))
        result = run("prune", *data, *QUICK, "--out", tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert result.exit_code == 2
    assert f"{tmp_path}/out/checkpoint/state-000001.npz: File too large" in sentence(result)
    assert f"Error: {tmp_path}/out/model.keras: File too large" in sentence(result)
    assert not [path for path in (tmp_path / "out").iterdir() if "model" in path.name]


@pytest.mark.filterwarnings("default::knapprune.PruningWarning")
def test_a_run_that_went_wrong_keeps_its_state_and_its_page_says_why(data, tmp_path):
    folder = data[0].parent
    with np.load(folder / "data.npz") as arrays:
        np.savez(tmp_path / "bad.npz", x=np.full_like(arrays["x"], 3e38), y=arrays["y"])
    result = run(
        "prune", *data[:2], "--train", tmp_path / "bad.npz", *data[4:], *QUICK, "--tolerance", 0,
        "--saliency", "l1", "--out", tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code in (0, 1), result.output
    assert "Ended early: in step 1, train: the loss is " in " ".join(result.stdout.split())
    assert "Ended early:</strong> in step 1" in (tmp_path / "out" / "report.html").read_text()
    assert (tmp_path / "out" / "checkpoint").is_dir()


SETTINGS = {
    "train": {"epochs": 2, "seed": 3, "distill": {"weight": 0.5, "temperature": 4.0}, "regularization": 1e-3},
    "select": {
        "budget": {"dsp": 0.6, "fc1": {"bram18": 0.75}},
        "steps": 2,
        "tolerance": 0.5,
        "saliency": "fisher",
        "time_limit": 3.0,
    },
    "keep": {"progress": False},
    "config": {"clock_period": 4},
    "files": {
        "model": "model.keras",
        "config": "config.yml",
        "train": "data.npz",
        "validation": "data.npz",
        "saliency_data": "data.npz",
    },
}


@pytest.fixture
def params(data):
    """Writes settings beside the files that they name, and says where."""

    def write(**tables):
        path = data[0].parent / "own.toml"
        path.write_text(tomli_w.dumps(SETTINGS | {name: SETTINGS.get(name, {}) | own for name, own in tables.items()}))
        return path

    return write


def results(folder):
    """What a run came to, without the seconds that it took."""

    def timeless(content):
        if isinstance(content, dict):
            return {name: timeless(own) for name, own in content.items() if name != "seconds"}
        return [timeless(own) for own in content] if isinstance(content, list) else content

    with np.load(folder / "masks.npz") as arrays:
        masks = {name: arrays[name].tolist() for name in arrays}
    weights = [array.tolist() for array in keras.models.load_model(folder / "model.keras").get_weights()]
    return timeless(json.loads((folder / "report.json").read_text())), masks, weights


def test_a_run_is_repeated_to_the_last_bit_by_the_settings_that_it_wrote(data, params, tmp_path, monkeypatch):
    """The file alone is a whole run, from anywhere; what is left out has its default, which is written too."""
    monkeypatch.chdir(tmp_path)
    first = run("prune", "--params", params(), "--out", "first")
    assert first.exit_code == 0, first.output
    record = tomllib.loads((tmp_path / "first" / "run.toml").read_text())
    for table, own in SETTINGS.items():
        if table != "files":
            assert own.items() <= (record[table] | {"regularization": 1e-3}).items()
    assert record["train"]["regularization"] == {"strength": 1e-3, "form": "layer"}
    assert (record["train"]["batch_size"], record["select"]["normalise"]) == (32, "auto")
    assert {name: Path(path) for name, path in record["files"].items()} == {
        name: data[0].parent / path for name, path in SETTINGS["files"].items()
    }
    monkeypatch.chdir(data[0].parent)
    second = run("prune", "--params", tmp_path / "first" / "run.toml", "--out", tmp_path / "second")
    assert second.exit_code == 0, second.output
    assert (tmp_path / "second" / "run.toml").read_text() == (tmp_path / "first" / "run.toml").read_text()
    assert results(tmp_path / "second") == results(tmp_path / "first")
    other = run("prune", "--params", tmp_path / "first" / "run.toml", "--out", tmp_path / "other", "--seed", 4)
    assert other.exit_code == 0, other.output
    assert results(tmp_path / "other") != results(tmp_path / "first")


def test_options_and_files_write_the_settings_that_python_reads(data, tmp_path):
    """A run by options alone can be repeated in Python, with the model and the data."""
    assert run("prune", *data, *QUICK, "--regrow", 0.1, "--out", tmp_path / "out").exit_code == 0
    with np.load(data[3]) as arrays:
        pair = arrays["x"], arrays["y"]
    settings = kp.read_params(tmp_path / "out" / "run.toml")
    model = keras.models.load_model(data[0])
    again = kp.prune(model, data[1], train=pair, validation=pair, progress=False, **settings)
    with np.load(tmp_path / "out" / "masks.npz") as masks:
        assert masks.keys() == again.masks.keys()
        assert all(np.array_equal(masks[name], mask) for name, mask in again.masks.items())
    assert json.loads((tmp_path / "out" / "report.json").read_text())["pruned"]["metric"] == again.metric


def test_a_run_that_chooses_widths_writes_the_configuration_that_holds_for_the_model(data, tmp_path):
    constants = tmp_path / "constants.yml"
    constants.write_text(yaml.safe_dump({"HLSConfig": hls_settings("latency", 1)}))
    choices = ("--choose", "digits=4", "--choose", "data_bits=4,12", "--saliency", "fisher", "--normalise", "none")
    said = run("prune", data[0], constants, *data[2:], *QUICK, *choices, "--out", tmp_path / "out")
    assert said.exit_code == 0, said.output
    written = yaml.safe_load((tmp_path / "out" / "hls_config.yml").read_text())
    assert written["LayerName"]["fc1_relu"]["Precision"]["result"].startswith(("ufixed<4,", "ufixed<12,"))
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    pruned = kp.load(tmp_path / "out" / "model.keras")
    assert kp.estimate(pruned, written)["dsp"] == report["pruned"]["resources"]["dsp"]


def test_what_is_given_wins_over_the_file_and_a_default_does_not(params, tmp_path, given):
    """A default that is written out is given; a strength and its detail are two options."""
    file = params(train={"learning_rate": "cosine"}, select={"patience": 3, "quantise": True})
    run(
        "prune", "--params", file, "--out", tmp_path, "--learning-rate", "constant", "--budget", "dsp=0.5",
        "--temperature", 3, "--regularization", 0.25, "--patience", 0, "--no-quantise",
    )  # fmt: skip
    assert (given["learning_rate"], given["budget"], given["patience"]) == ("constant", {"dsp": 0.5}, None)
    assert given["distill"] == kp.Distillation(0.5, 3.0)
    assert given["regularization"] == kp.Regularization(0.25)
    assert given["quantise"] is False
    assert (given["epochs"], given["seed"], given["steps"], given["saliency"]) == (2, 3, 2, "fisher")
    assert (given["progress"], given["clock_period"]) == (False, 4)
    given.clear()
    run("prune", "--params", params(train={"regularization": {"strength": 0.1, "form": "price"}}), "--out", tmp_path)
    assert given["regularization"] == kp.Regularization(0.1, "price")
    assert given["budget"] == SETTINGS["select"]["budget"]
    assert given["tolerance"] == 0.5
    given.clear()
    run("prune", "--params", params(), "--out", tmp_path, "--distill", 0, "--regularization", 0)
    assert (given["distill"], given["regularization"]) == (None, None)


def test_a_model_or_hardware_that_is_given_sets_aside_what_goes_with_the_files(
    data, params, tmp_path, given, monkeypatch
):
    loaded = []
    monkeypatch.setattr("knapprune.cli.pruning.load", lambda *files: loaded.append(files))
    (tmp_path / "block.toml").write_text("wide_port = 20\nnarrow_port = 10\n")
    (tmp_path / "somewhere.h5").write_text("")
    file = params(files={"weights": str(tmp_path / "somewhere.h5"), "multipliers": str(tmp_path / "block.toml")})
    run("prune", "--params", file, "--out", tmp_path / "out")
    assert given["hardware"].multipliers.wide_port == 20
    run("prune", data[0], "--params", file, "--out", tmp_path / "out", "--hardware", "accelerator")
    assert given["hardware"] == "accelerator"
    assert loaded == [(data[0], tmp_path / "somewhere.h5", data[1]), (data[0], None, data[1])]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"train": {"epoch": 2}}, "own.toml: got the key 'train.epoch', expected one of"),
        ({"select": {"steps": "2"}}, "own.toml: select.steps: got '2', expected a whole number"),
        ({"keep": {"checkpoint": "run"}}, "own.toml: keep.checkpoint: expected none, since the command keeps it in"),
    ],
)
def test_a_mistake_in_the_file_is_said_before_anything_is_loaded(params, tmp_path, tables, message):
    file = params(**tables, files={"model": "nowhere.keras"})
    result = run("prune", "--params", file, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in sentence(result)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("at", "name"), [(0, "MODEL"), (1, "CONFIG"), (2, "--train"), (4, "--validation")])
@pytest.mark.parametrize("command", ["prune", "tune"])
def test_a_file_that_nobody_names_is_asked_for(data, tmp_path, command, at, name):
    left = data[:at] + (data[at + 2 :] if at > 1 else ())  # the two that have no option stand in their order
    result = run(command, *left, *QUICK, "--study" if command == "tune" else "--out", tmp_path / "new")
    assert result.exit_code == 2
    table = {"MODEL": "model", "CONFIG": "config"}.get(name, name.removeprefix("--"))
    assert f"{name}: got none, expected a file, or {table} in the table [files] of --params" in sentence(result)


def test_an_interrupted_run_goes_on_by_the_settings_in_its_folder(params, tmp_path, monkeypatch):
    """No other option is needed, and another one is refused; before training began there is nothing to go on with."""
    from knapprune.adapters.keras.adapter import KerasAdapter

    fit, left = KerasAdapter.fit, []

    def interrupted(*arguments, **options):
        if not left:
            raise KeyboardInterrupt
        left.pop()
        return fit(*arguments, **options)

    assert run("prune", "--params", params(), "--out", tmp_path / "whole").exit_code == 0
    with monkeypatch.context() as patch:
        patch.setattr(KerasAdapter, "fit", interrupted)
        left[:] = [None] * 3
        assert run("prune", "--params", params(), "--out", tmp_path / "parts").exit_code == 130
    assert (tmp_path / "parts" / "checkpoint").is_dir()
    (tmp_path / "parts" / "run.toml").rename(tmp_path / "settings.toml")
    assert "has no run.toml, which says how the run was started" in sentence(
        run("prune", "--resume", tmp_path / "parts")
    )
    (tmp_path / "settings.toml").rename(tmp_path / "parts" / "run.toml")
    nowhere = run("prune", "--resume", tmp_path / "elsewhere")
    assert "elsewhere holds no run that was interrupted" in sentence(nowhere)
    other = run("prune", "--resume", tmp_path / "parts", "--steps", 3)
    assert other.exit_code == 2
    assert "steps: the pruning in" in sentence(other)
    again = run("prune", "--resume", tmp_path / "parts")
    assert again.exit_code == 0, again.output
    assert results(tmp_path / "parts") == results(tmp_path / "whole")


def test_a_run_that_is_refused_leaves_the_settings_of_the_one_before_it(params, tmp_path, given):
    """A folder that is forced still tells of the results in it, until training begins."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.toml").write_text("# earlier\n")
    mark(tmp_path / "out", {"run.toml"})
    refused = run("prune", "--params", params(), "--out", tmp_path / "out", "--force")
    assert "recorded" in sentence(refused)
    assert (tmp_path / "out" / "run.toml").read_text() == "# earlier\n"


def test_tune_reads_the_file_and_hands_it_on(params, tmp_path, given):
    """What a search decides itself it refuses from a file as from a call."""
    run("tune", "--params", params(), "--study", tmp_path / "study.log", "--epochs", 1)
    assert given["regularization"] == 1e-3  # which the search refuses
    assert (given["epochs"], given["steps"], given["distill"]) == (1, 2, kp.Distillation(0.5, 4.0))


@pytest.mark.needs("optuna")
def test_tune_with_a_file_prints_a_line_with_that_file(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = data[0].parent / "tuned.toml"
    select = {"budget": {"dsp": 0.5}, "steps": 1, "tolerance": 0.5, "saliency": "l1"}
    file.write_text(tomli_w.dumps({"train": {"epochs": 1}, "select": select, "files": SETTINGS["files"]}))
    refused = run("tune", "--params", file, "--study", "study.log")
    assert "saliency_data: got data, expected None for saliency 'l1'" in sentence(refused)
    tuned = run("tune", "--params", file, "--study", "study.log", "--trials", 1, "--saliency", "fisher")
    assert tuned.exit_code == 0, tuned.output
    words = shlex.split(tuned.stdout.splitlines()[-1])
    assert words[:4] == ["knapprune", "prune", "--params", str(file)]
    pruned = run(*words[1:])
    assert pruned.exit_code == 0, pruned.output
    report = json.loads((tmp_path / "pruned" / "report.json").read_text())
    assert f"metric {report['pruned']['metric']:.4f} at the budget" in tuned.stdout
