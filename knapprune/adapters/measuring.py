"""What a model is judged by: a function, a metric's name, or nothing, which is the share of right classes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from knapprune.adapters.adapter import Adapter
from knapprune.adapters.user_adapter import NamesMetrics
from knapprune.network.metric import accuracy
from knapprune.network.named_metrics import NAMED, Metric, check_one_output, unknown


def metric_of(framework: Adapter, model: Any, given: Metric | str | None) -> Metric:
    """Find the metric that was asked for."""
    if given is not None and not isinstance(given, str):
        if not callable(given):
            raise TypeError(f"metric: got {given!r}, expected a function, a name or None")
        return given
    if isinstance(framework, NamesMetrics):
        return partial(_of_one_output, framework.metric(model, given))
    if given in (None, "accuracy", "acc"):
        return partial(_of_one_output, partial(accuracy, threshold=None))
    if given not in NAMED:
        raise unknown(given, NAMED)
    return partial(_of_one_output, NAMED[given])


def _of_one_output(metric: Metric, targets: Any, outputs: Any) -> float:
    check_one_output(len(outputs) if isinstance(outputs, list | tuple | Mapping) else 1)
    return metric(targets, outputs)
