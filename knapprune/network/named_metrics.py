"""Metrics by name, for whatever framework: larger is better, so an error counts by its negative."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from knapprune.network.metric import accuracy, class_numbers

Metric = Callable[[Any, Any], float]


def auc(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the area under the ROC curve, exactly; of several classes the mean of each against the others.

    It is the chance that a sample of the class scores above one that is not of it (Fawcett, "An introduction to ROC
    analysis", 2006, section 7), so logits and probabilities of one output have the same.

    Examples
    --------
    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    labels, scores = class_numbers(y_true, y_pred)
    labels, scores = labels.ravel(), scores.reshape(-1, scores.shape[-1])
    classes = range(scores.shape[1]) if scores.shape[1] > 1 else [1]
    areas = []
    for place, number in enumerate(classes):
        inside = labels == number
        if 0 < inside.sum() < inside.size:
            areas.append(_area(inside, scores[:, place]))
    if not areas:
        raise ValueError("y_true: expected samples of two classes at least, got one")
    return float(np.mean(areas))


def _area(inside: npt.NDArray[np.bool_], scores: npt.NDArray[Any]) -> float:
    """Sum the ranks of the class; equal scores share theirs."""
    _, place, times = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(times) - (times - 1) / 2)[place.ravel()]
    positives = int(inside.sum())
    above = ranks[inside].sum() - positives * (positives + 1) / 2
    return float(above / (positives * (inside.size - positives)))


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mean squared error, negated."""
    return -float(np.mean(np.square(_difference(y_true, y_pred))))


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mean absolute error, negated."""
    return -float(np.mean(np.abs(_difference(y_true, y_pred))))


def r2_score(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the share of the targets' variance that the outputs explain."""
    rest = np.mean(np.square(_difference(y_true, y_pred)))
    return 1.0 - float(rest / np.var(np.asarray(y_true, dtype=np.float64)))


def _difference(y_true: ArrayLike, y_pred: ArrayLike) -> npt.NDArray[np.float64]:
    """Subtract targets and outputs of one shape, but for a last axis of one."""
    targets, outputs = np.asarray(y_true, dtype=np.float64), np.asarray(y_pred, dtype=np.float64)
    if targets.shape != outputs.shape and targets.size != outputs.size:
        raise ValueError(f"y_true: expected targets of the outputs' shape {outputs.shape}, got {targets.shape}")
    return outputs - targets.reshape(outputs.shape)


#: Those that need nothing of a framework.
NAMED: Mapping[str, Metric] = {
    "accuracy": accuracy,
    "acc": accuracy,
    "auc": auc,
    "mean_squared_error": mean_squared_error,
    "mse": mean_squared_error,
    "mean_absolute_error": mean_absolute_error,
    "mae": mean_absolute_error,
    "r2_score": r2_score,
}


def unknown(name: str, known: Iterable[str]) -> ValueError:
    """Return the error for a name that no metric has; it tells the nearest that one has."""
    names = sorted(set(known))
    nearest = get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    if nearest:
        return ValueError(f"metric: got {name!r}, expected a metric's name such as {nearest[0]!r}, or a function")
    return ValueError(f"metric: got {name!r}, expected a function or one of {names}")


def check_one_output(outputs: int) -> None:
    """Refuse to choose a metric for a model that has several outputs."""
    if outputs > 1:
        raise ValueError(
            f"metric: the model has {outputs} outputs, expected a function of the list of targets and that of outputs"
        )


def for_regression(loss: str) -> ValueError:
    """Return the error for a regression that is to be judged without a metric."""
    return ValueError(
        f"metric: got none, and the model's loss {loss!r} is that of a regression, of which no share can be right; "
        "expected one, such as metric='mean_squared_error' or a function of targets and outputs"
    )
