"""Find the strength of a penalty: prune with several, and let Optuna choose which to try next."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from knapprune.adapters.adapter import adapter, training_adapter
from knapprune.configuration import configuration
from knapprune.export import MissingToolError
from knapprune.hls_config import HlsConfigSource
from knapprune.pruning import prune
from knapprune.pruning.fingerprint import fingerprint
from knapprune.regularization import Regularization
from knapprune.variants import as_dict


@dataclass(frozen=True)
class Tuning:
    """What was tried, and what was best.

    Parameters
    ----------
    best
        For ``knapprune.prune(regularization=...)``.
    metric
        The validation metric that it reached at the budget.
    trials
        Strength and metric of every trial that was finished, in their order.
    """

    best: Regularization
    metric: float
    trials: tuple[tuple[float, float], ...]


def tune(
    model: Any,
    hls_config: HlsConfigSource,
    *,
    study: str | os.PathLike[str],
    trials: int = 20,
    strengths: tuple[float, float] = (1e-6, 1e-2),
    form: Literal["layer", "price"] = "price",
    seed: int = 0,
    **pruning: Any,
) -> Tuning:
    """Search for the strength that leaves the best metric at the budget.

    Parameters
    ----------
    model
        A trained, compiled model; it is not changed.
    hls_config
        hls4ml's configuration, or its YAML file.
    study
        A file that keeps what was tried. Where one of the same arguments is there already, the search goes on with it;
        several processes that are given the same file share the work.
    trials
        How many trials to finish, those that are in the file counted.
    strengths
        The smallest and the largest strength to try; between them its logarithm counts.
    form
        As for :class:`~knapprune.regularization.Regularization`.
    seed
        Of the search, by the number of the trial, and of each pruning.
    pruning
        What else goes to `knapprune.prune`: ``train``, ``validation``, ``budget`` and so on. Each trial is judged by
        its step at the whole budget, so the tolerance stops none.

    Returns
    -------
    Tuning
        The best strength, and all that were tried.

    Raises
    ------
    MissingToolError
        If Optuna is not installed.
    ValueError
        If an argument cannot be used, or the file is of a search with other arguments; the message names the argument.
    RuntimeError
        If no trial ends with a number.
    """
    if isinstance(trials, bool) or not isinstance(trials, int) or trials < 1:
        raise ValueError(f"trials: got {trials!r}, expected a whole number, 1 or more")
    low, high = strengths
    if not 0 < low < high < float("inf"):
        raise ValueError(f"strengths: got {strengths!r}, expected two numbers above 0, the smaller one first")
    if taken := pruning.keys() & {"regularization", "patience", "checkpoint"}:
        raise ValueError(f"{min(taken)}: expected none, since the search itself decides it")
    optuna = _optuna()
    framework = training_adapter(adapter(model), model)
    known = {
        **pruning,
        "strengths": list(strengths),
        "form": form,
        "seed": seed,
        "model": [framework.describe(model), framework.kernels(model)],
        "hls_config": as_dict(configuration(framework, model, hls_config)),
    }
    search = _open(optuna, Path(study), {name: fingerprint(value) for name, value in known.items()})
    finished = optuna.trial.TrialState.COMPLETE
    tried = 0
    while len(search.get_trials(deepcopy=False, states=(finished,))) < trials:
        if tried >= 2 * trials:
            raise RuntimeError(f"study: {tried} trials ended without a metric; lower the learning rate")
        tried += 1
        trial = search.ask()
        # By the trial's number, so that a search that was interrupted, or shared, tries nothing twice.
        drawn = int(np.random.SeedSequence([seed, trial.number]).generate_state(1)[0])
        search.sampler = optuna.samplers.TPESampler(seed=drawn)
        penalty = Regularization(trial.suggest_float("strength", low, high, log=True), form)
        out = prune(model, hls_config, seed=seed, regularization=penalty, patience=None, **pruning)
        reached = [step.metric for step in out.history if step.share == 1.0]
        if out.stopped is None and reached:
            search.tell(trial, max(reached))
        else:
            search.tell(trial, state=optuna.trial.TrialState.FAIL)
    done = search.get_trials(deepcopy=False, states=(finished,))
    best = search.best_trial
    return Tuning(
        best=Regularization(best.params["strength"], form),
        metric=best.value,
        trials=tuple((trial.params["strength"], trial.value) for trial in done),
    )


def _open(optuna: Any, path: Path, arguments: dict[str, str]) -> Any:
    """Open the search in a file, or start one there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))
    search = optuna.create_study(storage=storage, study_name="knapprune", direction="maximize", load_if_exists=True)
    saved = search.user_attrs.get("arguments")
    if saved is None:
        search.set_user_attr("arguments", arguments)
        return search
    for name in {**saved, **arguments}:
        if saved.get(name) != arguments.get(name):
            raise ValueError(
                f"{name}: the search in {path} was started with {saved.get(name)}, got {arguments.get(name)}; "
                "expected the same to go on from there, or another file to start anew"
            )
    return search


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise MissingToolError('Optuna is not installed; install it with: pip install "knapprune[tune]"') from error
    # It tells of every study that is made or found; what went wrong it still tells.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
