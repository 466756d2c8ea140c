"""A search on disk: what was tried, in a file that several processes may share."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from knapprune.tools import require


class Study:
    """A study of Optuna's in a file, for one set of arguments.

    Parameters
    ----------
    file
        Where; made if it is not there.
    arguments
        Digests of all arguments by name.

    Raises
    ------
    MissingToolError
        If Optuna is not installed.
    ValueError
        If the file is of other arguments, or of another kind.
    """

    def __init__(self, file: str | os.PathLike[str], arguments: Mapping[str, str]) -> None:
        self._optuna = optuna = _optuna()
        self._path = path = Path(file).absolute()
        self._arguments = dict(arguments)
        _check_is_study(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        # The path is absolute because Optuna's lock is a link to it, in its own folder.
        storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))
        self._study = optuna.create_study(
            storage=storage, study_name="knapprune", direction="maximize", load_if_exists=True
        )
        # Arguments bind from the first trial that is finished: until then they may be those that were mistaken.
        if not self.finished():
            self._study.set_user_attr("arguments", self._arguments)
        self._check_arguments()

    def finished(self) -> list[Any]:
        """Return the trials that have a metric, of all processes, in their order."""
        trials: list[Any] = self._study.get_trials(deepcopy=False, states=(self._optuna.trial.TrialState.COMPLETE,))
        return trials

    @property
    def best(self) -> Any:
        """The trial with the largest metric."""
        return self._study.best_trial

    def ask(self, seed: int) -> Any:
        """Begin a trial."""
        trial = self._study.ask()
        # By the trial's number, so that a search that was interrupted, or shared, tries nothing twice.
        drawn = int(np.random.SeedSequence([seed, trial.number]).generate_state(1)[0])
        self._study.sampler = self._optuna.samplers.TPESampler(seed=drawn)
        return trial

    def tell(self, trial: Any, metric: float | None) -> None:
        """End a trial."""
        self._check_arguments()
        if metric is None:
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(trial, metric)

    def _check_arguments(self) -> None:
        saved = self._study.user_attrs.get("arguments", {})
        for name in {**saved, **self._arguments}:
            if saved.get(name) != self._arguments.get(name):
                raise ValueError(
                    f"{name}: the search in {self._path} was started with {saved.get(name)}, got "
                    f"{self._arguments.get(name)}; expected the same to go on from there, or another file to start anew"
                )


def _check_is_study(path: Path) -> None:
    """Refuse a file of another kind: Optuna would add its lines to it."""
    if not path.exists():
        return
    with path.open("rb") as lines:
        first = lines.readline()
    try:
        entry = json.loads(first) if first else {"op_code": None}
    except ValueError:
        entry = None
    if not (isinstance(entry, dict) and "op_code" in entry):
        raise ValueError(f"study: {path} is not a file of a search, expected one that `tune` wrote, or a new name")


def _optuna() -> Any:
    optuna = require("optuna", extra="tune")
    # It tells of every study that is made or found; what went wrong it still tells.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
