"""Pruning by steps of a QKeras model: what is asked for beside the budget holds for it as for one of Keras 3."""

import numpy as np
import pytest

import knapprune as kp
from shared.hls import hls_settings
from shared.qkeras_networks import dense, digits, tf_keras

pytestmark = pytest.mark.needs("tf_keras", "hls4ml")


def test_callbacks_hear_all_epochs_weights_grow_again_and_a_run_goes_on_from_its_checkpoint(tmp_path):
    model, (train, validation, _) = dense(), digits(64)
    heard = []
    callback = tf_keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: heard.append((epoch, "loss" in logs)))
    given = {
        "train": (train[0][:300], train[1][:300]), "validation": validation, "budget": {"dsp": 0.4}, "steps": 2,
        "epochs": 1, "tolerance": 1.0, "regrow": 0.5,
        "metric": "accuracy", "progress": False,
        "quantise": True, "learning_rate": "cosine",
    }  # fmt: skip
    before = model.get_weights()
    first = kp.prune(model, hls_settings(), callbacks=[callback], **given)
    assert first.met
    assert heard == [(0, True), (1, True)]
    assert all(np.array_equal(own, other) for own, other in zip(model.get_weights(), before, strict=True))
    runs = [kp.prune(model, hls_settings(), checkpoint=tmp_path / "run", **given) for _ in range(2)]
    assert runs[0].metric == runs[1].metric
    for own, again in zip(*(run.model.get_weights() for run in runs), strict=True):
        assert np.array_equal(own, again)


def test_choosing_types_is_refused_for_what_quantises_itself():
    model, (train, validation, _) = dense(), digits(64)
    with pytest.raises(ValueError, match=r"choose: .*cannot keep weights on a grid, expected None"):
        kp.prune(model, hls_settings(), train=train, validation=validation, budget={"dsp": 0.5}, choose={"digits": [2]})
    with pytest.raises(ValueError, match=r"choose: a Sequential with quantised layers has types of its own"):
        kp.select(model, hls_settings(), {"dsp": 0.5}, choose={"reuse_factor": [4]})
