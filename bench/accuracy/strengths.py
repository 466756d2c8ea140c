"""How strong the penalty of groups should be, and in which form: tried on a seed that no table reports."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench import machine
from bench.accuracy.baselines import baseline
from bench.accuracy.data import Data
from bench.accuracy.methods import METHODS, Problem
from bench.accuracy.networks import Network
from knapsolve import atomic

Row = dict[str, Any]

SEED = 0
"""Of the networks that are tried on."""

TRIALS: tuple[tuple[str, str, float], ...] = (
    *(("published", "layer", strength) for strength in (1e-6, 1e-5, 1e-4, 1e-3)),
    ("knapprune", "none", 0.0),
    *(("knapprune", form, strength) for strength in (1e-5, 1e-4, 1e-3) for form in ("price", "layer")),
)
"""Method, form of the penalty, strength."""


def name_of(network: str, method: str, form: str, strength: float) -> str:
    """Return a name for files, and to know the trial by."""
    return f"{network}-{method}-{form}-{strength:g}"


def attempt(
    key: str, network: Network, budget: dict[str, int], data: Data, trial: tuple[str, str, float], folder: Path
) -> Row:
    """Prune with one strength.

    Parameters
    ----------
    key
        Name of the network.
    network
        Which.
    budget
        Absolute counts by resource.
    data
        The best epoch is chosen by, and the strength judged by, its validation part.
    trial
        Method, form, strength.
    folder
        For networks and checkpoints.

    Returns
    -------
    dict
        Ready for JSON.
    """
    from knapprune.regularization import Regularization

    method, form, strength = trial
    name = name_of(key, *trial)
    original = baseline(network, data, SEED, folder / f"{key}-{SEED}.keras")
    penalty = None if form == "none" else Regularization(strength, "price" if form == "price" else "layer")
    started, checkpoint = time.perf_counter(), folder / f"{name}.checkpoint"
    problem = Problem(network, original, data, budget, SEED, checkpoint)
    model = METHODS[method].run(problem, regularization=penalty)
    seconds = time.perf_counter() - started
    model.save(folder / f"{name}.keras")
    shutil.rmtree(checkpoint, ignore_errors=True)
    row = {"run": name, "network": key, "method": method, "form": form, "strength": strength, "seed": SEED}
    row |= {"validation": _accuracy(model, *data.validation), "seconds": seconds, "load": machine.load()}
    atomic.write_text(folder / f"{name}.json", json.dumps(row))
    return row


def _accuracy(model: Any, inputs: Any, classes: Any) -> float:
    return float(np.mean(model.predict(inputs, verbose=0).argmax(axis=1) == classes))
