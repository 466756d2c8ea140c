"""The command line: sentences for errors, files for results."""

from __future__ import annotations

import csv
import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tomli_w
import yaml

import knapprune as kp
from knapprune.cli import app
from shared.commands import invoke
from shared.frameworks import keras
from shared.high_granularity import network
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras")


def run(*arguments):
    return invoke(app, *arguments)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A small trained network, its configuration and its data, as files."""
    folder = tmp_path_factory.mktemp("files")
    keras.utils.set_random_seed(2)
    random = np.random.default_rng(2)
    labels = random.integers(0, 2, 200)
    inputs = (random.normal(size=(200, 8)) + 2 * labels[:, None]).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, "relu", name="fc1"),
            keras.layers.Dense(2, "softmax", name="out"),
        ]
    )
    model.compile("adam", loss="sparse_categorical_crossentropy")
    model.fit(inputs, labels, epochs=10, verbose=0)
    model.save(folder / "model.keras")
    config = {
        "Backend": "Vitis",
        "IOType": "io_parallel",
        "HLSConfig": hls_settings(),
    }
    (folder / "config.yml").write_text(yaml.safe_dump(config))
    np.savez(folder / "data.npz", x=inputs, y=labels)
    return folder


def test_estimate_prints_a_line_for_each_layer(files):
    """The table has the layers and the totals."""
    result = run("estimate", files / "model.keras", files / "config.yml")
    assert result.exit_code == 0, result.output
    assert "fc1" in result.stdout
    assert "total" in result.stdout


def test_a_file_says_what_a_product_takes(files, tmp_path):
    """Every command reads it; a wrong key is a sentence."""
    (tmp_path / "m.yml").write_text("block: DSP48E2\nin_logic: [[16, 16]]")
    free = run("estimate", files / "model.keras", files / "config.yml", "--multipliers", tmp_path / "m.yml")
    assert free.exit_code == 0, free.output
    assert free.stdout.splitlines()[2].split()[-2] == "0"
    (tmp_path / "m.yml").write_text("ports: 27")
    wrong = run("verify", files / "model.keras", files / "config.yml", "--multipliers", tmp_path / "m.yml")
    assert wrong.exit_code == 2
    assert "has the key 'ports'" in wrong.output


def test_a_table_of_multipliers_is_refused_for_backends_that_have_none(files, tmp_path):
    (tmp_path / "m.yml").write_text("block: DSP48E2\n")
    (tmp_path / "intel.yml").write_text(yaml.safe_dump({"Backend": "oneAPI", "Model": {"Precision": "fixed<16,6>"}}))
    result = run("estimate", files / "model.keras", tmp_path / "intel.yml", "--multipliers", tmp_path / "m.yml")
    assert result.exit_code == 2
    assert "--multipliers: got a Backend oneAPI, expected one of" in " ".join(result.output.split())


def test_estimate_explains(files):
    """With --explain each layer says why it costs what it costs."""
    result = run("estimate", files / "model.keras", files / "config.yml", "--explain")
    assert result.exit_code == 0, result.output
    assert "pruning for dsp: structure 'dsp-row' saves it" in result.stdout
    assert "legal for resource_unrolled: 2, 4, 8" in result.stdout


def test_a_chip_can_be_the_budget(files, tmp_path):
    """The caps are what the part has, and the record says which of them binds."""
    chip = ("--budget", "part=xc7z007sclg225-1", "--budget", "share=0.25")
    result = run("select", files / "model.keras", files / "config.yml", *chip, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "out" / "selection.json").read_text())
    assert [(cap["resource"], cap["part"], cap["limit"], cap["binds"]) for cap in record["budget"]] == [
        ("dsp", "xc7z007s", 16, True),
        ("bram18", "xc7z007s", 25, False),
    ]
    assert "of xc7z007s: dsp" in result.stdout


def test_a_full_disk_names_the_file_of_select_that_did_not_fit(files, tmp_path):
    """No more than so many bytes in a file, as on a disk without room."""
    arguments = (
        "select",
        files / "model.keras",
        files / "config.yml",
        "--budget",
        "dsp=0.5",
        "--out",
        tmp_path / "out",
    )
    result = run(*arguments[:-1], tmp_path / "warm")  # compiles the solver's kernels, or loads them
    assert result.exit_code == 0, result.output
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))
        result = run(*arguments)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert result.exit_code == 2
    assert f"Error: {tmp_path / 'out' / 'model.keras'}: File too large" in result.stderr
    assert not [path for path in (tmp_path / "out").rglob("*") if "model" in path.name]


def test_what_a_budget_was_understood_to_be_is_printed_and_recorded(files, tmp_path):
    arguments = ("select", files / "model.keras", files / "config.yml", "--budget", "dsp=0.5", "--budget", "bram18=30")
    result = run(*arguments, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "budget: dsp 20 (0.5 of 40), uses" in result.stdout
    assert "bram18 30 (a count), uses" in result.stdout
    record = json.loads((tmp_path / "out" / "selection.json").read_text())
    assert [cap["understood"] for cap in record["budget"]] == ["dsp 20 (0.5 of 40)", "bram18 30 (a count)"]


def test_select_writes_masks_a_model_and_the_proof(files, tmp_path):
    """What was chosen stands in files that other commands read."""
    arguments = (
        "select",
        files / "model.keras",
        files / "config.yml",
        "--budget",
        "dsp=0.5",
        "--out",
        tmp_path / "out",
    )
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "out" / "selection.json").read_text())
    assert record["selection"]["status"] == "OPTIMAL"
    assert record["resources"]["dsp"] <= record["before"]["dsp"] / 2
    again = run(*arguments)
    assert again.exit_code == 2
    assert "--force" in again.stderr
    estimated = run("estimate", tmp_path / "out" / "model.keras", files / "config.yml")
    assert f" {record['resources']['dsp']} " in estimated.stdout


def test_select_takes_whole_channels_to_a_size(files, tmp_path):
    """What is written shrinks to the size that the record says."""
    options = ("--structure", "channel", "--budget", "parameters=0.5", "--out", tmp_path / "half")
    result = run("select", files / "model.keras", files / "config.yml", *options)
    assert result.exit_code == 0, result.output
    assert "parameters" in result.stdout
    record = json.loads((tmp_path / "half" / "selection.json").read_text())
    assert record["resources"]["parameters"] <= record["before"]["parameters"] / 2
    small = kp.shrink(kp.load(tmp_path / "half" / "model.keras"))
    assert small.parameters == record["resources"]["parameters"]


def test_select_chooses_values_and_writes_them(files, tmp_path):
    settings = {"Model": {"Precision": "fixed<16,6>", "ReuseFactor": 1, "Strategy": "latency"}}
    (tmp_path / "config.yml").write_text(yaml.safe_dump(settings))
    run(
        "select", files / "model.keras", tmp_path / "config.yml", "--budget", "dsp=0", "--choose", "digits=2",
        "--out", tmp_path / "out",
    )  # fmt: skip
    with np.load(tmp_path / "out" / "values.npz") as values, np.load(tmp_path / "out" / "masks.npz") as masks:
        assert values.files
        for name, mask in masks.items():
            assert np.array_equal(values[name] != 0, mask)
    model = kp.load(tmp_path / "out" / "model.keras")
    assert kp.estimate(model, settings)["dsp"] == 0


def test_select_chooses_reuse_factors_and_writes_the_configuration(files, tmp_path):
    """What is chosen for each layer stands in a configuration that other commands read."""
    result = run(
        "select", files / "model.keras", files / "config.yml", "--budget", "dsp=0.5", "--budget", "latency=40",
        "--choose", "reuse_factor=legal", "--choose", "out.bits=12,16", "--out", tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "out" / "selection.json").read_text())
    assert record["resources"]["latency"] <= 40
    verified = run("verify", tmp_path / "out" / "model.keras", tmp_path / "out" / "hls_config.yml")
    assert verified.exit_code == 0, verified.output
    written = yaml.safe_load((tmp_path / "out" / "hls_config.yml").read_text())
    chosen = {name: entry["ReuseFactor"] for name, entry in written["LayerName"].items()}
    assert chosen == {name: layer["reuse_factor"] for name, layer in record["layers"].items()}


@pytest.mark.parametrize("entry", ["reuse_factor", "bits=8,,16", "bits=", "reuse_factor=some"])
def test_a_choice_of_another_form_is_refused(files, tmp_path, entry):
    """The message shows the form."""
    result = run(
        "select", files / "model.keras", files / "config.yml", "--budget", "dsp=0.5", "--choose", entry,
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code == 2
    assert "expected" in result.stderr


@pytest.mark.needs("jinja2")
def test_prune_writes_its_report_and_meets_the_budget(files, tmp_path):
    """The whole loop from files to files."""
    result = run(
        "prune", files / "model.keras", files / "config.yml", "--budget", "dsp=0.5", "--budget", "fc1.bram=0.75",
        "--train", files / "data.npz", "--validation", files / "data.npz", "--out", tmp_path / "out",
        "--steps", 2, "--epochs", 1, "--tolerance", 0.5,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["met"]
    assert set(report["budget"]) == {"dsp", "fc1"}
    hidden = {".knapprune.json", ".knapprune.lock"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "history.png",
        "masks.npz",
        "hls_config.yml",
        "model.keras",
        "report.html",
        "report.json",
        "run.toml",
        *hidden,
    }


def test_verify_without_the_reports_it_was_told_to_read_says_how_to_make_them(files, tmp_path):
    """A sentence, not a traceback."""
    result = run("verify", files / "model.keras", files / "config.yml", "--reports", tmp_path)
    assert result.exit_code == 2
    assert "_csynth.xml" in result.output
    assert "build_prj.tcl" in result.output


@pytest.mark.needs("jinja2")
def test_prune_goes_on_with_a_run_that_was_interrupted(files, tmp_path):
    """What is on disk is gone on with, for the same arguments only; a finished run has nothing to go on with."""
    arguments = (
        "prune", files / "model.keras", files / "config.yml", "--budget", "dsp=0.5", "--train", files / "data.npz",
        "--validation", files / "data.npz", "--steps", 2, "--epochs", 1, "--tolerance", 0.5,
    )  # fmt: skip
    saved = []
    rename = os.replace

    def interrupted(source, target):
        rename(source, target)
        saved.append(target)
        if len(saved) == 8:  # two markers, the settings, twice a state and what counts, and a state
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", interrupted)
        assert run(*arguments, "--out", tmp_path).exit_code == 130
    other = run(*arguments, "--resume", tmp_path, "--seed", 1)
    assert other.exit_code == 2
    assert "seed: the pruning in" in other.stderr.replace("\n", " ")
    done = run(*arguments, "--resume", tmp_path)
    assert done.exit_code == 0, done.output
    assert len(json.loads((tmp_path / "report.json").read_text())["history"]) == 2
    again = run(*arguments, "--resume", tmp_path)
    assert again.exit_code == 2
    assert "holds no run that was interrupted" in again.stderr.replace("\n", " ")


@pytest.mark.needs("hls4ml")
def test_verify_counts_what_was_predicted(files):
    """Converted, counted, equal."""
    result = run("verify", files / "model.keras", files / "config.yml")
    assert result.exit_code == 0, result.output
    assert "counted dsp" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("estimate", "missing.keras", "config.yml"), "MODEL: missing.keras: there is no such file"),
        (("select", "model.keras", "config.yml", "--budget", "dsp", "--out", "o"), "expected a form like dsp=0.25"),
        (("select", "model.keras", "config.yml", "--budget", "uram=1", "--out", "o"), "unknown resource 'uram'"),
        (("select", "model.keras", "config.yml", "--budget", "nope.dsp=1", "--out", "o"), "no layer 'nope' to cap"),
        (
            ("select", "model.keras", "config.yml", "--budget", "dsp=1", "--solver", "x", "--out", "o"),
            "solver must be one of",
        ),
        (("verify", "model.keras", "config.yml", "--data", "config.yml"), "not an .npz file; save arrays x and y"),
    ],
)
def test_bad_input_is_a_sentence_and_exit_code_2(files, tmp_path, monkeypatch, arguments, message):
    """No traceback: what is wrong, and what was expected."""
    monkeypatch.chdir(files)
    arguments = [str(tmp_path / "o") if argument == "o" else argument for argument in arguments]
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.stderr


@pytest.mark.needs("hgq")
def test_a_model_with_quantised_layers_is_written_with_its_masks(files, tmp_path):
    from hgq.layers import QDense

    network(lambda: QDense(4, name="fc"), shape=(32,)).save(tmp_path / "net.keras")
    settings = {"HLSConfig": hls_settings(reuse_factor=2)}
    (tmp_path / "config.yml").write_text(yaml.safe_dump(settings))
    result = run(
        "select", tmp_path / "net.keras", tmp_path / "config.yml", "--budget", "bram18=0.5", "--out", tmp_path / "out"
    )
    assert result.exit_code == 0, result.output
    masks = np.load(tmp_path / "out" / "masks.npz")
    kernel = keras.ops.convert_to_numpy(kp.load(tmp_path / "out" / "model.keras").layers[0].qkernel)
    assert not masks["fc"].all()
    assert not kernel[~masks["fc"]].any()


@pytest.mark.needs("qonnx")
def test_of_an_onnx_file_the_pruned_file_is_written_too(tmp_path):
    """It counts what was predicted; where it cannot be written, the sentence comes after the other results."""
    from onnx import TensorProto, helper, numpy_helper, save

    weights = np.random.default_rng(3).normal(size=(8, 4)).astype("f")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 8))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4))],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)])
    save(model, tmp_path / "net.onnx")
    settings = {"HLSConfig": hls_settings("latency", 1)}
    (tmp_path / "config.yml").write_text(yaml.safe_dump(settings))
    asked = ("--budget", "dsp=0.5", "--structure", "unstructured")
    result = run("select", tmp_path / "net.onnx", tmp_path / "config.yml", *asked, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    counts = json.loads((tmp_path / "out" / "selection.json").read_text())["resources"]
    pruned = kp.load(tmp_path / "out" / "model.onnx", hls_config=tmp_path / "config.yml")
    assert kp.estimate(pruned).total == counts
    assert (tmp_path / "out" / "hls4ml" / "firmware" / "parameters.h").is_file()

    model.graph.node[0].input[1] = "twice"
    model.graph.node.insert(0, helper.make_node("Add", ["w", "w"], ["twice"]))
    save(model, tmp_path / "computed.onnx")
    result = run("select", tmp_path / "computed.onnx", tmp_path / "config.yml", *asked, "--out", tmp_path / "more")
    assert result.exit_code == 2
    assert "no tensor has just the weights of layer" in result.stderr.replace("\n", " ")
    assert not (tmp_path / "more" / "model.onnx").exists()
    assert (tmp_path / "more" / "hls4ml" / "firmware" / "parameters.h").is_file()


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        (("dsp=0.5", "dsp=0.25"), "--budget: got dsp twice, in 'dsp=0.25' for the second time, expected it once"),
        (("fc1.dsp=8", "fc1.dsp=9"), "--budget: got fc1.dsp twice"),
        (("part=xcku115-flvb2104-2-i", "part=xc7z007sclg225-1"), "--budget: got part twice"),
        (("fc1=4", "fc1.dsp=9"), "--budget: got fc1.dsp twice"),
    ],
)
def test_a_budget_is_said_once(files, tmp_path, budget, message):
    given = [word for one in budget for word in ("--budget", one)]
    result = run("select", files / "model.keras", files / "config.yml", *given, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()


ALONE = """
import sys, time
started = time.perf_counter()
import knapprune.cli
sys.argv = ["knapprune", *sys.argv[1:]]
try:
    knapprune.cli.main()
finally:
    print("loaded", sorted({"tensorflow", "keras", "torch", "hls4ml"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("estimate", "nowhere.keras", "config.yml"), "MODEL: nowhere.keras: there is no such file"),
        (
            ("verify", "model.keras", "config.yml", "--data", "nowhere.npz"),
            "--data: nowhere.npz: there is no such file",
        ),
        (
            ("select", "model.keras", "config.yml", "--out", "out", "--data", "."),
            "--data: .: is a folder, expected a file",
        ),
        (
            ("prune", "model.keras", "config.yml", "--train", "data.npz", "--validation", "no.npz", "--out", "out"),
            "--validation: no.npz: there is no such file",
        ),
        (("prune", "model.keras", "config.yml", "--out", "out"), "--train: got none, expected a file"),
        (("select", "model.keras", "config.yml", "--out", "out", "--budget", "dsp"), "--budget: got 'dsp', expected"),
        (("prune", "--resume", "out"), "--resume: out holds no run that was interrupted"),
    ],
)
def test_what_can_be_said_without_a_framework_is_said_before_it_is_loaded(files, arguments, named):
    done = subprocess.run(
        [sys.executable, "-c", ALONE, *arguments], cwd=files, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert named in " ".join(done.stderr.split())
    assert done.stdout == "loaded []\n"
    assert not (files / "out").exists()


@pytest.mark.needs("jinja2")
def test_a_run_that_is_told_to_end_writes_the_best_so_far_and_how_to_go_on(files, tmp_path):
    """SIGTERM, as batch systems send it: the model, the report and the state are there, and going on ends the run."""
    arguments = [
        "prune", "model.keras", "config.yml", "--budget", "dsp=0.5", "--train", "data.npz", "--validation", "data.npz",
        "--steps", "40", "--epochs", "3", "--tolerance", "1",
    ]  # fmt: skip
    command = [sys.executable, "-c", "import knapprune.cli; knapprune.cli.main()"]
    out = tmp_path / "out"
    with subprocess.Popen(
        [*command, *arguments, "--out", out], cwd=files, stderr=subprocess.PIPE, text=True
    ) as running:
        manifest = out / "checkpoint" / "checkpoint.json"
        while running.poll() is None and not (manifest.exists() and len(json.loads(manifest.read_text())["history"])):
            time.sleep(0.05)
        running.send_signal(signal.SIGTERM)
        said = running.communicate(timeout=120)[1]
    assert running.returncode == 130, said
    assert f"The best so far is in {out}; to go on: knapprune prune --resume {out}" in " ".join(said.split())
    report = json.loads((out / "report.json").read_text())
    assert 1 <= len(report["history"]) < 40
    assert "interrupted in step" in report["ended"]
    assert manifest.exists()
    assert (
        kp.estimate(kp.load(out / "model.keras"), files / "config.yml")["dsp"] == report["pruned"]["resources"]["dsp"]
    )


def grid_of(source, folder, **tables):
    """Write a sweep's file of settings."""
    paths = {"model": "model.keras", "config": "config.yml", "train": "data.npz", "validation": "data.npz"}
    content = {
        "files": {name: str(source / path) for name, path in paths.items()},
        "train": {"epochs": 1},
        "select": {"steps": 1, "tolerance": 1.0},
        "grid": {"budget": [{"dsp": 0.5}, {"dsp": 0.25}], "seed": [0, 1]},
    }
    (folder / "sweep.toml").write_text(tomli_w.dumps(content | tables))
    return folder / "sweep.toml"


def test_a_sweep_is_a_table_of_all_combinations_that_goes_on(files, tmp_path):
    settings = grid_of(files, tmp_path)
    first = run("sweep", settings, "--out", tmp_path / "out")
    assert first.exit_code == 0, first.output
    assert "4 of 4: metric" in first.stderr
    with (tmp_path / "out" / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["budget"], row["seed"]) for row in rows] == [
        ("dsp=0.5", "0"), ("dsp=0.5", "1"), ("dsp=0.25", "0"), ("dsp=0.25", "1"),
    ]  # fmt: skip
    assert int(rows[3]["dsp"]) < int(rows[0]["dsp"])
    again = run("sweep", settings, "--out", tmp_path / "out")
    assert again.exit_code == 0
    assert "of 4" not in again.stderr


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"grid": {}}, "grid: got none, expected a table such as: seed = [0, 1, 2]"),
        ({"grid": {"seed": 3}}, "grid.seed: got 3, expected a list of values"),
        ({"grid": {"sed": [3]}}, "got the key 'grid.sed', expected one of"),
        ({"grid": {"seed": [0, "one"]}}, "grid.seed.1: got 'one', expected a whole number"),
        ({"grid": {"steps": [1, 2]}}, "steps: got it in the table grid and beside it"),
        ({"grid": {"seed": [0, -1]}}, "seed: got -1, expected a whole number, 0 or more"),
        ({"files": {}}, "MODEL: got none, expected a file, or model in the table [files] of"),
    ],
)
def test_a_sweep_that_cannot_be_is_a_sentence(files, tmp_path, tables, message):
    result = run("sweep", grid_of(files, tmp_path, **tables), "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()


def test_a_grid_is_for_sweeps_alone(files, tmp_path):
    result = run("prune", "--params", grid_of(files, tmp_path), "--out", tmp_path / "out")
    assert "grid: expected no such table: knapprune sweep takes it" in " ".join(result.stderr.split())
