"""Checkpoints: whatever ends the process, going on ends where an undisturbed run does."""

from __future__ import annotations

import inspect
import json
import os
import resource

import numpy as np
import pytest

import knapprune as kp
from knapprune.hardware.dsp import MultiplierTable
from knapprune.hardware.hls4ml import Hls4mlHardware
from knapprune.pruning.fingerprint import fingerprint
from knapprune.report.run_folder import LOCK, MARKER, mark
from shared.frameworks import keras
from shared.hls import hls_settings
from shared.kills import whole_and_killed

# The normalisation multiplies, and nothing can prune that.
pytestmark = [
    pytest.mark.needs("keras"),
    pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning"),
]

KILLS = int(os.environ.get("KNAPPRUNE_KILLS", "3"))
CONFIG = hls_settings()
ARGUMENTS = {"budget": {"dsp": 0.4, "bram18": 0.5}, "tolerance": 0.1, "steps": 3, "epochs": 3, "seed": 7}

CHILD = f"""
import sys
import numpy as np, keras, knapprune as kp
model, data, folder, answer = sys.argv[1:]
data = np.load(data)
out = kp.prune(
    keras.models.load_model(model), {CONFIG!r}, train=(data["x"], data["y"]), validation=(data["xv"], data["yv"]),
    progress=False, checkpoint=folder, **{ARGUMENTS!r},
)
weights = {{f"weight {{i}}": array for i, array in enumerate(out.model.get_weights())}}
metrics = [[step.metric_before, *step.metrics] for step in out.history]
np.savez(answer, baseline=out.baseline, metrics=metrics, **weights, **out.masks)
"""


def test_hardware_with_other_multipliers_is_known_as_other():
    """A plugin's model, or one with a table of its own, is more than its type."""
    narrow, wide = (Hls4mlHardware(multipliers=MultiplierTable(bits, 18)) for bits in (25, 27))
    assert fingerprint(wide) == fingerprint(Hls4mlHardware(multipliers=MultiplierTable(27, 18)))
    assert fingerprint(wide) != fingerprint(narrow)


@pytest.fixture(scope="module")
def problem():
    """A trained network with dropout and Adam, so that a run has randomness and momentum to lose."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(4, 16))
    labels = generator.integers(0, 4, 900)
    inputs = (centres[labels] + 1.5 * generator.normal(size=(900, 16))).astype("float32")
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((16,)),
            layers.Dense(32, "relu", name="fc1"),
            layers.Dropout(0.3),
            layers.BatchNormalization(),
            layers.Dense(16, "relu", name="fc2"),
            layers.Dense(4, name="out"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss=loss)
    model.fit(inputs[:600], labels[:600], epochs=5, verbose=0)
    return model, (inputs[:600], labels[:600]), (inputs[600:], labels[600:])


def pruned(problem, **options):
    model, train, validation = problem
    return kp.prune(
        model, CONFIG, **{"train": train, "validation": validation, "progress": False} | ARGUMENTS | options
    )


def same(one, other):
    """Whether two prunings ended alike: masks, metrics and every weight, to the last bit."""
    assert [step.metrics for step in one.history] == [step.metrics for step in other.history]
    assert [step.metric_before for step in one.history] == [step.metric_before for step in other.history]
    assert one.masks.keys() == other.masks.keys()
    assert all(np.array_equal(mask, other.masks[name]) for name, mask in one.masks.items())
    weights = zip(one.model.get_weights(), other.model.get_weights(), strict=True)
    assert all(np.array_equal(own, theirs) for own, theirs in weights)
    return True


def test_every_argument_that_a_result_depends_on_is_known_by_its_name(problem, tmp_path):
    """Folders outlive versions: a name or a form that changed would refuse a run that could go on."""
    pruned(problem, checkpoint=tmp_path, steps=1, epochs=0)
    known = json.loads((tmp_path / "checkpoint.json").read_text())["arguments"]
    # What later versions added is left out where it is not given: folders of versions without it go on.
    later = {"choose", "class_weight", "callbacks"}
    assert (
        known.keys()
        == inspect.signature(kp.prune).parameters.keys() - {"checkpoint", "progress", "check_conversion"} - later
    )
    assert {name: known[name] for name in ("budget", "steps", "schedule", "tolerance", "regrow", "overrides")} == {
        "budget": "{'dsp': 0.4, 'bram18': 0.5}",
        "steps": "1",
        "schedule": "'polynomial'",
        "tolerance": "0.1",
        "regrow": "None",
        "overrides": "{}",
    }


@pytest.fixture(scope="module")
def undisturbed(problem):
    return pruned(problem)


def test_the_same_seed_is_the_same_run_and_another_is_not(problem, undisturbed):
    assert same(pruned(problem), undisturbed)
    other = pruned(problem, seed=8, steps=1, epochs=1)
    assert other.history[0].metrics[0] != pruned(problem, steps=1, epochs=1).history[0].metrics[0]


class InterruptionError(Exception):
    """Stands for whatever ends a run."""


@pytest.mark.parametrize("epochs", [0, 3, 5])
def test_a_run_that_is_interrupted_between_two_epochs_goes_on_to_the_same_end(problem, undisturbed, tmp_path, epochs):
    """Before the first, between two steps, in the middle of a step."""
    left = epochs

    def rate(epoch, of):
        nonlocal left
        left -= 1
        if left < 0:
            raise InterruptionError
        return 1.0

    with pytest.raises(InterruptionError):
        pruned(problem, checkpoint=tmp_path, learning_rate=rate)
    left = 100
    again = pruned(problem, checkpoint=tmp_path, learning_rate=rate)
    assert same(again, undisturbed)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 is for POSIX")
def test_kill_9_at_random_moments_changes_nothing(problem, tmp_path):
    """A process killed again and again ends with the masks, metrics and weights of one that was left alone."""
    model, train, validation = problem
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", x=train[0], y=train[1], xv=validation[0], yv=validation[1])
    given = tmp_path / "model.keras", tmp_path / "data.npz"
    whole, killed, stages = whole_and_killed(CHILD, tmp_path, *given, kills=KILLS)
    assert stages[-1] > 0
    assert set(whole) == set(killed)
    assert all(np.array_equal(whole[name], killed[name]) for name in whole), f"killed at the saves {stages}"


@pytest.mark.parametrize(
    ("other", "name"),
    [
        ({"steps": 2}, "steps"),
        ({"seed": 8}, "seed"),
        ({"budget": {"dsp": 0.3}}, "budget"),
        ({"normalise": "sum"}, "norm"),
    ],
)
def test_going_on_with_other_arguments_is_refused(problem, tmp_path, other, name):
    """The sentence names the argument; what is on disk is left alone."""
    pruned(problem, checkpoint=tmp_path, steps=3, epochs=0)
    kept = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(ValueError, match=rf"{name}.*was started with .*, got .*; expected the same"):
        pruned(problem, checkpoint=tmp_path, **{"steps": 3, "epochs": 0} | other)
    assert sorted(path.name for path in tmp_path.iterdir()) == kept


def test_a_checkpoint_of_another_version_is_refused(problem, tmp_path):
    """It may have counted otherwise, such as memories in whole blocks."""
    pruned(problem, checkpoint=tmp_path, steps=1, epochs=0)
    manifest = tmp_path / "checkpoint.json"
    saved = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(saved | {"format": 1}))
    with pytest.raises(ValueError, match=r"checkpoint: .*checkpoint\.json is of format 1, expected 2.*another folder"):
        pruned(problem, checkpoint=tmp_path, steps=1, epochs=0)


def test_other_data_and_another_model_are_refused(problem, tmp_path):
    """One number in the data, one weight of the model."""
    model, (x, y), _ = problem
    pruned(problem, checkpoint=tmp_path, epochs=0)
    changed = x.copy()
    changed[17, 3] += 1
    with pytest.raises(ValueError, match=r"^train: the pruning in"):
        pruned(problem, checkpoint=tmp_path, epochs=0, train=(changed, y))
    other = keras.models.clone_model(model)
    other.compile("adam", loss=model.loss)
    with pytest.raises(ValueError, match=r"^model: the pruning in"):
        kp.prune(other, CONFIG, train=(x, y), validation=(x, y), checkpoint=tmp_path, **ARGUMENTS | {"epochs": 0})


def test_a_full_disk_ends_with_a_sentence_and_the_best_state_and_can_be_gone_on_from(problem, undisturbed, tmp_path):
    """No more than so many bytes in a file, as on a disk without room; then room again."""
    epochs = []

    def metric(targets, outputs):
        epochs.append(0)
        if len(epochs) == 7:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
        return float(np.mean(outputs.argmax(1) == targets))

    try:
        with pytest.warns(kp.PruningWarning, match=r"ended in step 2: checkpoint: .*File too large; what was saved"):
            stopped = pruned(problem, checkpoint=tmp_path, metric=metric)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert "File too large" in stopped.stopped
    assert len(stopped.history) == 2
    assert stopped.resources["dsp"] < stopped.before["dsp"]
    assert same(pruned(problem, checkpoint=tmp_path, metric=metric), undisturbed)


def test_no_more_states_are_kept_than_count(problem, undisturbed, tmp_path):
    """Old states go, and so does what a killed run left half written."""
    mark(tmp_path, {"checkpoint.json"})
    (tmp_path / ".state-000001-xyz").mkdir()
    pruned(problem, checkpoint=tmp_path)
    names = {path.name for path in tmp_path.iterdir()} - {MARKER, LOCK}
    assert "checkpoint.json" in names
    assert len(names) <= 4
    assert not [name for name in names if name.startswith(".")]
    done = pruned(problem, checkpoint=tmp_path)
    assert same(done, undisturbed)


def test_a_folder_with_something_else_in_it_is_refused(problem, tmp_path):
    """A manifest that is none is named."""
    (tmp_path / "checkpoint.json").write_text("{}")
    with pytest.raises(ValueError, match=r"checkpoint: .*checkpoint\.json cannot be read"):
        pruned(problem, checkpoint=tmp_path)
