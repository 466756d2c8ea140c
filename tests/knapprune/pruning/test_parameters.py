"""Settings in a TOML file: read as what prune takes, written as what is read, and mistakes named with their key."""

from __future__ import annotations

import inspect
import os
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

import knapprune as kp
from knapprune.hardware.dsp import TABLES
from knapprune.hardware.hls4ml import Hls4mlHardware
from knapprune.network.hls_config import Overrides
from knapprune.pruning.parameters import FILES, SETTINGS, Parameters
from knapprune.pruning.settings import Keeping, Selecting, Training

WHOLE = """\
[train]
epochs = 2
final_epochs = 20
batch_size = 64
learning_rate = "restarts"
regrow = 0.1
distill = 0.5
seed = 3

[train.regularization]
strength = 0.0003
form = "price"

[train.class_weight]
0 = 1.0
2 = 5

[select]
structure = "neuron"
saliency = "l2"
normalise = "none"
solver = "highs"
time_limit = 2.5
hardware = "accelerator"
schedule = "constant"
steps = 8
tolerance = 0.05
patience = 2
quantise = true
metric = "auc"

[select.budget]
dsp = 0.4
bram18 = 12

[select.budget.fc1]
dsp = 8

[keep]
checkpoint = "run"
progress = false
check_conversion = false

[config]
part = "xcku115-flvb2104-2-i"
clock_period = 4
"""


def written(folder, text):
    path = folder / "run.toml"
    path.write_text(text)
    return path


def test_a_table_holds_what_its_group_holds():
    """But for the data of a saliency, which is a file, and callbacks, which are objects."""
    groups = {"select": Selecting, "train": Training, "keep": Keeping}
    assert {table: set(names) for table, names in SETTINGS.items()} == {
        **{
            table: {own.name for own in fields(group)} - {"saliency_data", "callbacks"}
            for table, group in groups.items()
        },
        "config": set(get_type_hints(Overrides)),
    }
    assert "saliency_data" in FILES


def test_every_setting_is_read_as_the_argument_of_its_name(tmp_path):
    read = kp.read_params(written(tmp_path, WHOLE))
    assert read == {
        "epochs": 2, "final_epochs": 20, "batch_size": 64, "learning_rate": "restarts", "regrow": 0.1, "distill": 0.5,
        "seed": 3, "regularization": kp.Regularization(3e-4, "price"), "structure": "neuron", "saliency": "l2",
        "normalise": "none", "solver": "highs", "time_limit": 2.5, "hardware": "accelerator", "schedule": "constant",
        "steps": 8, "tolerance": 0.05, "patience": 2, "quantise": True,
        "class_weight": {0: 1.0, 2: 5}, "metric": "auc", "check_conversion": False,
        "budget": {"dsp": 0.4, "bram18": 12, "fc1": {"dsp": 8}}, "checkpoint": tmp_path / "run", "progress": False,
        "part": "xcku115-flvb2104-2-i", "clock_period": 4,
    }  # fmt: skip
    inspect.signature(kp.prune).bind(None, train=None, validation=None, **read)


def test_every_setting_is_written_as_it_was_read(tmp_path):
    """The text is the same, with the checkpoint where it was meant and the paths whole."""
    read = Parameters.read(written(tmp_path, WHOLE))
    Parameters(read.settings | {"checkpoint": "run"}, {}).write(tmp_path / "again.toml")
    assert (tmp_path / "again.toml").read_text() == WHOLE
    Parameters({}, {"model": Path("model.keras")}).write(tmp_path / "files.toml")
    assert (tmp_path / "files.toml").read_text() == f'[files]\nmodel = "{Path.cwd() / "model.keras"}"\n'


COUNTS, NUMBERS, TEXTS = st.integers(0, 2**60), st.floats(allow_nan=False), st.text(max_size=9)
STRENGTHS = st.floats(0, 1e300)
AMOUNTS = st.one_of(COUNTS, NUMBERS)


@given(
    settings=st.fixed_dictionaries(
        {},
        optional={
            "epochs": COUNTS,
            "learning_rate": TEXTS,
            "distill": st.builds(kp.Distillation, st.floats(1e-300, 1), st.floats(1e-300, 1e300)),
            "regularization": st.one_of(
                STRENGTHS, st.builds(kp.Regularization, STRENGTHS, st.sampled_from(["layer", "price"]))
            ),
            "structure": st.one_of(TEXTS, st.dictionaries(TEXTS, TEXTS)),
            "tolerance": NUMBERS,
            "quantise": st.booleans(),
        },
    ),
    plain=st.dictionaries(TEXTS, st.one_of(AMOUNTS, TEXTS)),
    layers=st.dictionaries(TEXTS, st.dictionaries(TEXTS, AMOUNTS)),
)
def test_what_is_written_is_read_as_the_same_to_the_last_bit(tmp_path_factory, settings, plain, layers):
    """The order of a budget counts too: caps are taken in it."""
    path = tmp_path_factory.getbasetemp() / "law.toml"
    budget = plain | {name: own for name, own in layers.items() if name not in plain}
    Parameters(settings | {"budget": budget}).write(path)
    read = kp.read_params(path)
    assert repr(read.pop("budget")) == repr(budget)
    assert read == settings
    assert repr(read.get("tolerance")) == repr(settings.get("tolerance"))


def test_a_budget_reads_as_written_whether_a_layer_stands_first_or_last(tmp_path):
    read = kp.read_params(written(tmp_path, "[select]\nbudget = {fc1 = {dsp = 8}, dsp = 0.5}\n"))
    assert repr(read["budget"]) == "{'dsp': 0.5, 'fc1': {'dsp': 8}}"


def test_paths_are_meant_from_where_the_file_lies(tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    path = written(tmp_path / "there", '[files]\nmodel = "model.keras"\ntrain = "/data/train.npz"\n')
    monkeypatch.chdir(tmp_path)
    read = Parameters.read(os.path.relpath(path))
    read.write(tmp_path / "here.toml")
    assert Parameters.read(tmp_path / "here.toml").files == {
        "model": tmp_path / "there" / "model.keras",
        "train": Path("/data/train.npz"),
    }


def test_multipliers_are_read_into_the_hardware_and_other_files_are_the_commands(tmp_path):
    (tmp_path / "own.toml").write_text(f'block = "{next(iter(TABLES))}"\n')
    read = kp.read_params(written(tmp_path, '[files]\nmultipliers = "own.toml"\nmodel = "nowhere.keras"\n'))
    assert read.keys() == {"hardware"}
    assert isinstance(read["hardware"], Hls4mlHardware)
    text = '[select]\nhardware = "accelerator"\n[files]\nmultipliers = "own.toml"\n'
    with pytest.raises(ValueError, match=r"select\.hardware: got 'accelerator', expected 'hls4ml' with a file of"):
        kp.read_params(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[train]\nepoch = 3", "got the key 'train.epoch', expected one of .*'train.epochs'.*; did you mean 'train.ep"),
        ("[train]\nbudget = {dsp = 1}", "got the key 'train.budget', expected one of .*; did you mean 'select.budget'"),
        ("[trian]\nepochs = 3", r"got the key 'trian', expected one of \['train', 'select', .*; did you mean 'train'"),
        ("epochs = 3", "got the key 'epochs', expected one of .*; did you mean 'train.epochs'"),
        ("[zzz]", r"got the key 'zzz', expected one of \['train', 'select', 'keep', 'config', 'files', 'grid'\]$"),
        ("train = 3", r"train: got 3, expected a table with some of \['epochs'"),
        ('[train]\nepochs = "3"', "train.epochs: got '3', expected a whole number"),
        ("[train]\nepochs = true", "train.epochs: got True, expected a whole number"),
        ("[train]\nepochs = 2.0", "train.epochs: got 2.0, expected a whole number"),
        (
            "[train]\nregularization = {form = 'price'}",
            "train.regularization: got .*, expected a table with 'strength'",
        ),
        (
            "[train]\nregularization = {strenght = 1}",
            "key 'train.regularization.strenght'.*mean 'train.regularization.s",
        ),
        ("[train]\nregularization = {strength = '1'}", "train.regularization.strength: got '1', expected a number"),
        (
            "[train]\ndistill = 'half'",
            r"train.distill: got 'half', expected a number, or a table with some of \['weight",
        ),
        ("[select]\nbudget = 0.5", r"select.budget: got 0.5, expected a table such as \{dsp = 0.25"),
        ("[select]\nbudget = {dsp = true}", "select.budget.dsp: got True, expected a number"),
        ("[select]\nbudget = {fc1 = {dsp = 'all'}}", "select.budget.fc1.dsp: got 'all', expected a number"),
        ("[select]\nstructure = 3", "select.structure: got 3, expected a text in quotes, or a table of such by layer"),
        ("[select]\nstructure = {fc1 = 3}", "select.structure.fc1: got 3, expected a text in quotes"),
        ("[select]\nquantise = 1", "select.quantise: got 1, expected true or false"),
        ("[train]\nclass_weight = {a = 1}", "train.class_weight: got .*, expected a table of weights by class number"),
        ("[select]\ntolerance = 1979-05-27", "select.tolerance: got datetime.date.*, expected a number"),
        ("[files]\nmodel = 1", "files.model: got 1, expected a text in quotes"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match=message) as refused:
        kp.read_params(path)
    assert str(refused.value).startswith(f"{path}: ")


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"params: no file .*run\.toml"):
        kp.read_params(tmp_path / "run.toml")
    with pytest.raises(ValueError, match=r"params: .*run\.toml is not valid TOML: .*end of document"):
        kp.read_params(written(tmp_path, "[train"))
    (tmp_path / "run.toml").write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"params: .*run\.toml is not UTF-8: line 1 has the byte 0xff"):
        kp.read_params(tmp_path / "run.toml")
