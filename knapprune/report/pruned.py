"""The report of a pruning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from knapprune.budget import Cap
from knapprune.report.report import Report
from knapprune.verification import Verification

if TYPE_CHECKING:
    from knapprune.pruning import Pruning, Step


def pruning_report(
    pruning: Pruning, baseline: Verification | None = None, pruned: Verification | None = None
) -> Report:
    """Gather what a pruning did and, where it was verified, what was counted.

    Parameters
    ----------
    pruning
        What `knapprune.prune` returned.
    baseline, pruned
        What `knapprune.verify` found for the unpruned and for the pruned model. Accuracies are then the verified ones:
        ``accuracy`` bit by bit, ``model_accuracy`` in floating point, on the data that `verify` was given. Without
        them ``accuracy`` is None and ``metric`` is the validation metric of the pruning.

    Returns
    -------
    Report
        With the keys ``baseline``, ``pruned``, ``budget``, ``tolerance``, ``met``, ``selection``, ``layers``,
        ``history``, ``seconds``, ``stopped`` and ``ended``: why there are fewer steps than asked for, None otherwise.
    """
    return Report(
        {
            "baseline": _side(pruning.baseline, pruning.before.total, baseline),
            "pruned": _side(pruning.metric, pruning.resources.total, pruned),
            "budget": _budget(pruning.budget),
            "tolerance": pruning.tolerance,
            "met": pruning.met,
            "selection": _selection(_returned(pruning)),
            "layers": _layers(pruning, pruned),
            "history": [_step(step) for step in pruning.history],
            "seconds": pruning.seconds,
            "stopped": pruning.stopped,
            "ended": _ended(pruning),
        }
    )


def _ended(pruning: Pruning) -> str | None:
    """Say why pruning ended before its last step: something went wrong, or patience was at its end."""
    history = pruning.history
    if pruning.stopped is not None:
        return f"in step {len(history)}, {pruning.stopped}"
    if not history or any(step.share == 1.0 for step in history):
        return None
    late = next((number for number, step in enumerate(reversed(history)) if step.accepted), len(history))
    return f"after step {len(history)}: the last {late} missed the tolerance, and patience was at its end"


def _side(metric: float, resources: dict[str, int], check: Verification | None) -> dict[str, Any]:
    return {
        "metric": metric,
        "accuracy": None if check is None else check.accuracy,
        "model_accuracy": None if check is None else check.model_accuracy,
        "resources": resources,
        "counted": None if check is None else check.counted,
        "reported": None if check is None or check.reported is None else asdict(check.reported),
    }


def _budget(caps: Iterable[Cap]) -> dict[str, Any]:
    """Absolute counts by resource; caps on one layer under its name."""
    budget: dict[str, Any] = {}
    for cap in caps:
        target = budget if cap.layer is None else budget.setdefault(cap.layer, {})
        target[cap.resource] = cap.limit
    return budget


def _returned(pruning: Pruning) -> Step | None:
    """Return the step whose model was returned: the last accepted one."""
    accepted = [step for step in pruning.history if step.accepted]
    return accepted[-1] if accepted else None


def _selection(step: Step | None) -> dict[str, Any] | None:
    if step is None:
        return None
    found = step.selection.solution
    return {
        "status": found.status,
        "gap": found.gap,
        "solver": found.solver,
        "value": found.value,
        "bound": found.bound,
        "prices": None if found.prices is None else list(found.prices),
        "seconds": found.seconds,
    }


def _layers(pruning: Pruning, check: Verification | None) -> list[dict[str, Any]]:
    rows = []
    for layer in pruning.before.layers:
        mask = pruning.masks.get(layer.name)
        counted = None if check is None else dict(check.by_layer[layer.name].counted)
        rows.append(
            {
                "layer": layer.name,
                "kernel": list(layer.kernel_shape),
                "strategy": layer.strategy,
                "reuse_factor": layer.reuse_factor,
                "weights_kept": layer.size if mask is None else int(np.count_nonzero(mask)),
                "weights": layer.size,
                "before": dict(pruning.before.by_layer[layer.name]),
                "after": dict(pruning.resources.by_layer[layer.name]),
                "counted": counted,
            }
        )
    return rows


def _step(step: Step) -> dict[str, Any]:
    return {
        "share": step.share,
        "budget": _budget(step.budget),
        "resources": step.selection.resources.total,
        "metric_before": step.metric_before,
        "metrics": list(step.metrics),
        "metric": step.metric,
        "accepted": step.accepted,
        "selection": _selection(step),
        "seconds": step.seconds,
    }
