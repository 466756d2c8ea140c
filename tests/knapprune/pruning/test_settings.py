"""The groups of settings: what is wrong with one, or with two together, is said before anything is looked at."""

from __future__ import annotations

import inspect
from dataclasses import fields

import numpy as np
import pytest

import knapprune as kp
from knapprune.pruning.settings import Keeping, Selecting, Training


def names(*groups):
    return [field.name for group in groups for field in fields(group)]


def test_every_argument_of_a_pruning_is_in_one_group():
    """But for the network, the data that it trains on and is measured by, and its configuration."""
    arguments = set(inspect.signature(kp.prune).parameters)
    apart = {"model", "hls_config", "train", "validation", "overrides"}
    assert sorted(names(Selecting, Training, Keeping)) == sorted(arguments - apart)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"patience": 0}, "patience: got 0, expected a whole number, 1 or more"),
        ({"steps": 2.0}, "steps: got 2.0, expected a whole number, 1 or more"),
        ({"steps": True}, "steps: got True, expected a whole number"),
        ({"schedule": lambda step, steps: 0.5}, r"schedule: got the shares \[0.5"),
        ({"epochs": "4"}, "epochs: got '4', expected a whole number, 0 or more"),
        ({"final_epochs": -1}, "final_epochs: got -1, expected a whole number, 0 or more"),
        ({"seed": -1}, "seed: got -1, expected a whole number, 0 or more"),
        ({"batch_size": 0}, "batch_size: got 0, expected a whole number, 1 or more"),
        ({"learning_rate": "linear"}, "learning_rate: got 'linear', expected one of"),
        ({"distill": 2.0}, "distill: got the weight 2.0"),
        ({"distill": "half"}, "distill: got 'half', expected a number, a Distillation or None"),
        ({"regularization": "weak"}, "regularization: got 'weak', expected a number, a Regularization or None"),
        ({"regrow": "some"}, "regrow: got 'some', expected a share above 0, up to 1, or None"),
        ({"regularization": -1}, "regularization: got the strength -1.0"),
        ({"regrow": 0.0}, "regrow: got 0.0, expected a share above 0, up to 1, or None"),
        ({"tolerance": "0.1"}, "tolerance: got '0.1', expected a number, 0 or more"),
        ({"tolerance": float("nan")}, "tolerance: got nan"),
        ({"saliency": "l3"}, "saliency: got 'l3', expected one of"),
        ({"saliency": "l1", "saliency_data": ([], [])}, "saliency_data: got data, expected None for saliency 'l1'"),
        ({"normalise": "median"}, "normalise: got 'median', expected a function or one of"),
        ({"time_limit": 0}, "time_limit must be a positive, finite number; got 0"),
        ({"regrow": 0.1, "saliency": "fisher"}, "regrow: got a saliency of gradients, expected one of the weights"),
        ({"regularization": 0.1, "structure": "fetch-group:2/4"}, "regularization: got fetch groups as structure"),
    ],
)
def test_a_mistake_is_named_before_the_model_is_looked_at(wrong, message):
    """No model, no data: what is refused is refused without them."""
    with pytest.raises(ValueError, match=f"^{message}"):
        kp.prune(None, train=None, validation=None, **wrong)


def test_a_folder_that_is_none_is_refused():
    with pytest.raises(TypeError, match="checkpoint: got 3, expected the path of a folder, or None"):
        kp.prune(None, train=None, validation=None, checkpoint=3)


def test_numbers_of_numpy_are_numbers():
    """As they come out of a search over settings."""
    with pytest.raises(TypeError, match="None"):  # the first thing that is wrong is the model
        kp.prune(
            None,
            train=None,
            validation=([], []),
            steps=np.int64(2),
            batch_size=np.int32(8),
            tolerance=np.float32(0.1),
            time_limit=np.float64(1),
        )
