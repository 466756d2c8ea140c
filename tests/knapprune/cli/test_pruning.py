"""prune and tune on the command line: all that the library can do can be said, and mistakes are sentences."""

from __future__ import annotations

import inspect
import json
import shlex
import sys

import numpy as np
import pytest
import yaml
from typer.main import get_command

import knapprune as kp
from knapprune.cli import app
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
    """But for the metric, which is a function, the bar, and what stands in the configuration."""
    run("prune", *data, *QUICK, "--out", tmp_path)
    names = set(inspect.signature(kp.pruning.prune).parameters)
    assert set(given) == names - {"model", "hls_config", "metric", "progress", "overrides"}


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
        (("--hardware", "accelerator", "--multipliers", "m.yml"), "--multipliers: got --hardware accelerator"),
        (("--schedule", "nope"), "schedule: got 'nope'"),
        (("--learning-rate", "nope"), "learning_rate: got 'nope'"),
    ],
)
def test_an_option_that_cannot_be_used_is_a_sentence(data, tmp_path, options, message):
    result = run("prune", *data, *QUICK, *options, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in sentence(result)


def test_without_a_budget_it_says_who_needs_one(data, tmp_path):
    result = run("prune", *data, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "budget: got None, expected one: only fetch groups with p given" in sentence(result)


def test_a_run_whose_page_could_not_be_written_is_refused_before_it_trains(data, tmp_path, given, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    result = run("prune", *data, *QUICK, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert 'pip install "knapprune[plots]"' in sentence(result)
    assert not given


@pytest.mark.filterwarnings("default::knapprune.PruningWarning")
def test_a_run_that_went_wrong_keeps_its_state_and_its_page_says_why(data, tmp_path):
    folder = data[0].parent
    with np.load(folder / "data.npz") as arrays:
        np.savez(tmp_path / "bad.npz", x=np.full_like(arrays["x"], 3e38), y=arrays["y"])
    result = run(
        "prune", *data[:2], "--train", tmp_path / "bad.npz", *data[4:], *QUICK, "--tolerance", 0,
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code in (0, 1), result.output
    assert "Ended early: in step 1, train: the loss is " in " ".join(result.stdout.split())
    assert "Ended early:</strong> in step 1" in (tmp_path / "out" / "report.html").read_text()
    assert (tmp_path / "out" / "checkpoint").is_dir()
