"""tune: a search that is kept in a file, gone on with, and judged at the budget."""

from __future__ import annotations

import numpy as np
import pytest

import knapprune as kp
from shared.frameworks import keras
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras", "optuna")


CONFIG = hls_settings()
RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, 3, 200)
INPUTS = (RANDOM.normal(size=(3, 8))[LABELS] + 0.5 * RANDOM.normal(size=(200, 8))).astype("float32")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    dense = keras.layers.Dense
    network = keras.Sequential([keras.Input((8,)), dense(16, "relu", name="fc1"), dense(3, name="out")])
    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit(INPUTS, LABELS, epochs=3, verbose=0)
    return network


def tuned(model, study, **options):
    data = (INPUTS, LABELS)
    arguments = {"train": data, "validation": data, "budget": {"dsp": 0.5}, "steps": 1, "epochs": 1, "progress": False}
    return kp.tune(model, CONFIG, study=study, **arguments | options)


def test_a_search_is_gone_on_with_as_if_it_had_not_been_interrupted(model, tmp_path):
    """Two trials and then a third are three trials; a fourth call has nothing left to do."""
    whole = tuned(model, tmp_path / "whole.log", trials=3)
    first = tuned(model, tmp_path / "parts.log", trials=2)
    both = tuned(model, tmp_path / "parts.log", trials=3)
    assert first.trials == whole.trials[:2]
    assert both == whole
    assert tuned(model, tmp_path / "parts.log", trials=3) == whole
    assert len({strength for strength, _ in whole.trials}) == 3
    assert all(1e-6 <= strength <= 1e-2 for strength, _ in whole.trials)
    assert whole.metric == max(metric for _, metric in whole.trials)
    assert (whole.best.strength, whole.metric) in whole.trials
    with pytest.raises(ValueError, match=r"epochs: the search in .* was started with 1, got 2; expected the same"):
        tuned(model, tmp_path / "parts.log", trials=3, epochs=2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"trials": 0}, "trials: got 0"),
        ({"strengths": (1.0, 0.1)}, "strengths: got"),
        ({"form": "size"}, "regularization: got the form 'size'"),
        ({"regularization": 0.1}, "regularization: expected none"),
    ],
)
def test_bad_arguments_are_refused_before_any_work(model, tmp_path, wrong, message):
    """The message names the argument; no file is left behind."""
    with pytest.raises(ValueError, match=message):
        tuned(model, tmp_path / "study.log", **wrong)
    assert not list(tmp_path.iterdir())


def test_several_processes_share_what_is_to_be_done(model, tmp_path):
    """While one is in a trial another finishes two: together they try no more than was asked for, and nothing twice."""
    told, others = [], []

    def on_trial(finished, strength, metric):
        told.append((finished, strength, metric))
        if not others:
            others.append(tuned(model, tmp_path / "study.log", trials=3))

    found = tuned(model, tmp_path / "study.log", trials=4, on_trial=on_trial)
    assert [finished for finished, _, _ in told] == [1, 4]
    assert found.trials[:3] == others[0].trials
    assert [told[0][1:], told[1][1:]] == [found.trials[0], found.trials[3]]
    assert len({strength for strength, _ in found.trials}) == 4


def test_an_interrupted_trial_is_lost_and_those_before_it_are_not(model, tmp_path, monkeypatch):
    first = tuned(model, tmp_path / "study.log", trials=1)
    with monkeypatch.context() as patch:
        patch.setattr("knapprune.pruning.tuning.prune", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            tuned(model, tmp_path / "study.log", trials=2)
    both = tuned(model, tmp_path / "study.log", trials=2, progress=True)  # a bar changes no result
    assert both.trials[:1] == first.trials
    assert len(both.trials) == 2


def test_arguments_that_were_mistaken_bind_nothing(model, tmp_path):
    with pytest.raises(ValueError, match="epochs: got -1"):
        tuned(model, tmp_path / "study.log", trials=1, epochs=-1)
    assert len(tuned(model, tmp_path / "study.log", trials=1).trials) == 1


def test_two_searches_of_other_arguments_do_not_mix(model, tmp_path, monkeypatch):
    """The second begins while the first is in its first trial, and finishes one: the first is refused."""
    prune, inner = kp.pruning.prune, []

    def meanwhile(*arguments, **options):
        if not inner:
            inner.append(None)
            tuned(model, tmp_path / "study.log", trials=1, batch_size=16)
        return prune(*arguments, **options)

    monkeypatch.setattr("knapprune.pruning.tuning.prune", meanwhile)
    with pytest.raises(ValueError, match=r"batch_size: the search in .* was started with 16, got None"):
        tuned(model, tmp_path / "study.log", trials=1)


@pytest.mark.parametrize("content", ["LayerName: {}\n", "[1, 2]\n", '"op_code"\n', "{\n}\n", "\x00\xff"])
def test_a_file_of_another_kind_is_left_as_it_is(model, tmp_path, content):
    file = tmp_path / "mine.yml"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"study: .* is not a file of a search"):
        tuned(model, file, trials=1)
    assert file.read_text() == content
    assert list(tmp_path.iterdir()) == [file]


def test_a_search_in_which_nothing_ends_with_a_number_says_so(model, tmp_path):
    ended = []
    with (
        pytest.warns(kp.PruningWarning),
        pytest.raises(RuntimeError, match="study: 2 trials ended without a metric; lower the learning rate"),
    ):
        tuned(model, tmp_path / "study.log", trials=1, learning_rate=_nan, on_trial=lambda *trial: ended.append(trial))
    assert [(finished, metric) for finished, _, metric in ended] == [(0, None), (0, None)]


def _nan(epoch, epochs):
    return float("nan")
