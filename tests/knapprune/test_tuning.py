"""tune: a search that is kept in a file, gone on with, and judged at the budget."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import knapprune as kp

pytest.importorskip("optuna")

CONFIG = {"Model": {"Precision": "fixed<16,6>", "ReuseFactor": 4, "Strategy": "resource_unrolled"}}
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
        ({"regularization": 0.1}, "regularization: expected none"),
    ],
)
def test_bad_arguments_are_refused_before_any_work(model, tmp_path, wrong, message):
    """The message names the argument; no file is left behind."""
    with pytest.raises(ValueError, match=message):
        tuned(model, tmp_path / "study.log", **wrong)
    assert not list(tmp_path.iterdir())
