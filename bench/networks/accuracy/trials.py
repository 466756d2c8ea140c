"""Settings that were tried on seeds that no table reports, judged by validation data alone."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.networks.accuracy.baselines import baseline
from bench.networks.accuracy.data import Data
from bench.networks.accuracy.methods import METHODS
from bench.networks.accuracy.networks import NETWORKS
from bench.networks.accuracy.problem import Problem
from bench.networks.study import Row

SEEDS = (0, 1, 2)
"""Of the networks that they are tried on."""

BARE: dict[str, Any] = {"regularization": None}

TRIALS: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"published-layer-{strength:g}": ("published", {"layer": strength}) for strength in (1e-6, 1e-5, 1e-4, 1e-3)},
    **{
        f"published-gradual-layer-{strength:g}": ("published-gradual", {"layer": strength})
        for strength in (0.0, 1e-5, 1e-4)
    },
    "l2-lamp": ("knapprune", BARE),
    **{f"l2-lamp-layer-{strength:g}": ("knapprune", {"layer": strength}) for strength in (1e-4, 1e-3)},
    **{f"l2-lamp-price-{strength:g}": ("knapprune", {"price": strength}) for strength in (3e-5, 1e-4, 3e-4, 1e-3)},
    "fisher": ("knapprune-fisher", BARE),
    **{f"fisher-price-{strength:g}": ("knapprune-fisher", {"price": strength}) for strength in (1e-4, 3e-4)},
    "fisher-lamp-price-0.0001": ("knapprune-fisher", {"price": 1e-4, "normalise": "lamp"}),
    "gauss-newton-price-0.0001": ("knapprune-fisher", {"price": 1e-4, "saliency": "gauss-newton"}),
    "gauss-newton-lamp-price-0.0001": (
        "knapprune-fisher",
        {"price": 1e-4, "saliency": "gauss-newton", "normalise": "lamp"},
    ),
}
"""Method and settings by name; ``layer`` and ``price`` are the strength of the penalty in that form."""


def name_of(network: str, trial: str, seed: int) -> str:
    """Return a name for files, and to know the run by."""
    return f"{network}-{trial}-{seed}"


def attempt(name: str, seed: int, key: str, budget: dict[str, int], data: Data, folder: Path) -> Row:
    """Prune a network with one of the settings."""
    from knapprune.pruning.regularization import Regularization

    network, (method, settings) = NETWORKS[key], TRIALS[name]
    given = dict(settings)
    for form in ("layer", "price"):
        if form in given:
            given["regularization"] = Regularization(given.pop(form), form)
    run = name_of(key, name, seed)
    original = baseline(network, data, seed, folder / f"{key}-{seed}.keras")
    started, checkpoint = time.perf_counter(), folder / f"{run}.checkpoint"
    model = METHODS[method].run(Problem(network, original, data, budget, seed, checkpoint), **given)
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
