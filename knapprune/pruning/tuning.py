"""Find the strength of a penalty: prune with several, and let Optuna choose which to try next."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from knapprune.adapters.configuration import configuration
from knapprune.adapters.finding import find_adapter
from knapprune.adapters.training_adapter import training_adapter
from knapprune.network.hls_config import HlsConfigSource, as_dict
from knapprune.pruning import prune
from knapprune.pruning.fingerprint import fingerprint
from knapprune.pruning.regularization import Regularization
from knapprune.pruning.study import Study


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
    on_trial: Callable[[int, float, float | None], None] | None = None,
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
        several processes that are given the same file share the work. A trial that is interrupted is lost, those that
        were finished are not.
    trials
        How many trials to finish, those that are in the file counted. Each of several processes ends the trial that it
        is in, so there may be some more.
    strengths
        The smallest and the largest strength to try; between them its logarithm counts.
    form
        As for :class:`~knapprune.pruning.regularization.Regularization`.
    seed
        Of the search, by the number of the trial, and of each pruning.
    on_trial
        Called after each trial of this process with how many are finished, the strength, and the metric or, where the
        trial ended without one, None.
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
    Regularization(low, form)
    if taken := pruning.keys() & {"regularization", "patience", "checkpoint"}:
        raise ValueError(f"{min(taken)}: expected none, since the search itself decides it")
    framework = training_adapter(find_adapter(model), model)
    known = {
        **{name: value for name, value in pruning.items() if name not in ("progress", "check_conversion")},
        "strengths": list(strengths),
        "form": form,
        "seed": seed,
        "model": [framework.describe(model), framework.kernels(model)],
        "hls_config": as_dict(configuration(framework, model, hls_config)),
    }
    search = Study(study, {name: fingerprint(value) for name, value in known.items()})
    tried = 0
    while len(search.finished()) < trials:
        if tried >= 2 * trials:
            raise RuntimeError(f"study: {tried} trials ended without a metric; lower the learning rate")
        tried += 1
        trial = search.ask(seed)
        strength = trial.suggest_float("strength", low, high, log=True)
        penalty = Regularization(strength, form)
        out = prune(model, hls_config, seed=seed, regularization=penalty, patience=None, **pruning)
        pruning["check_conversion"] = False  # the model is the same
        reached = [step.metric for step in out.history if step.share == 1.0]
        metric = max(reached) if out.stopped is None and reached else None
        search.tell(trial, metric)
        if on_trial is not None:
            on_trial(len(search.finished()), strength, metric)
    best = search.best
    return Tuning(
        best=Regularization(best.params["strength"], form),
        metric=best.value,
        trials=tuple((trial.params["strength"], trial.value) for trial in search.finished()),
    )
