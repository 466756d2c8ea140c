"""Settings beside the defaults of `kp.prune`, in as many epochs, on seeds of no table, by validation data alone."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.networks.accuracy.baselines import baseline
from bench.networks.accuracy.data import Data
from bench.networks.accuracy.methods import prune
from bench.networks.accuracy.networks import NETWORKS
from bench.networks.accuracy.problem import Problem
from bench.networks.study import Row

SEEDS = (0, 1)
"""Of the networks that they are tried on."""

EPOCHS = 20
"""Of each: five steps of four, or nine of one and a long last one."""

DEFAULTS: dict[str, Any] = {
    "steps": 5,
    "epochs": 4,
    "final_epochs": None,
    "learning_rate": "constant",
    "saliency": "auto",
    "normalise": "auto",
    "regularization": None,
}
"""What `kp.prune` does where nobody says otherwise."""

MAGNITUDE: dict[str, Any] = {"saliency": "l1", "normalise": "lamp"}
LONG: dict[str, Any] = {"steps": 10, "epochs": 1, "final_epochs": 11, "learning_rate": "restarts"}

TRIALS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "long": LONG,
    "magnitude": MAGNITUDE,
    "magnitude-long": MAGNITUDE | LONG,
    "gauss-newton-long": {"saliency": "gauss-newton"} | LONG,
}
"""What is set otherwise than by default, by name."""


def name_of(network: str, trial: str, seed: int) -> str:
    """Return a name for files, and to know the run by."""
    return f"{network}-{trial}-{seed}"


def attempt(name: str, seed: int, key: str, budget: dict[str, int], data: Data, folder: Path) -> Row:
    """Prune a network with one of the settings."""
    network = NETWORKS[key]
    given = DEFAULTS | TRIALS[name]
    run = name_of(key, name, seed)
    original = baseline(network, data, seed, folder / f"{key}-{seed}.keras")
    started, checkpoint = time.perf_counter(), folder / f"{run}.checkpoint"
    model = prune(Problem(network, original, data, budget, seed, checkpoint), **given)
    seconds = time.perf_counter() - started
    model.save(folder / f"{run}.keras")
    shutil.rmtree(checkpoint, ignore_errors=True)
    return _scores(model, *data.validation) | {"seconds": seconds}


def _scores(model: Any, inputs: Any, classes: Any) -> dict[str, float]:
    """Return accuracy and cross-entropy; the latter is the less noisy one."""
    from scipy.special import log_softmax

    logits = model.predict(inputs, verbose=0)
    likely = log_softmax(logits.astype(np.float64), axis=1)[np.arange(len(classes)), classes]
    return {"validation": float(np.mean(logits.argmax(axis=1) == classes)), "cross_entropy": float(-likely.mean())}
