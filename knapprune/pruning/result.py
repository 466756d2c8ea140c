"""What a pruning returns, and its report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from knapprune.hardware.resources import Resources
from knapprune.network.layers import Masks
from knapprune.pruning.history import Step
from knapprune.report.content import Budget, LayerRow, Proof, Side, StepRow, Vendor
from knapprune.report.report import Report
from knapprune.selection.budget import Cap


class PruningWarning(UserWarning):
    """A pruning that ended early; it returns the best it had."""


class PruningInterrupted(KeyboardInterrupt):
    """Ctrl-C, or what counts as such, while a model was pruned.

    Parameters
    ----------
    pruning
        The best so far, as `knapprune.prune` would return it; with a checkpoint, the same call goes on from there.
    """

    def __init__(self, pruning: Pruning) -> None:
        super().__init__("pruning was interrupted")
        self.pruning = pruning


class CountedLayer(Protocol):
    """What was counted of one layer."""

    @property
    def counted(self) -> Mapping[str, int]:
        """By resource."""


class Verified(Protocol):
    """What a report says of a verification: the part of what `knapprune.verify` returns that it needs."""

    @property
    def accuracy(self) -> float | None:
        """The metric as the hardware computes."""

    @property
    def model_accuracy(self) -> float | None:
        """The metric in floating point."""

    @property
    def counted(self) -> Mapping[str, int]:
        """What was counted in the generated project, by resource."""

    @property
    def by_layer(self) -> Mapping[str, CountedLayer]:
        """The same by layer name."""

    @property
    def reported(self) -> Any:
        """A dataclass of what the vendor's tools report, or None."""


@dataclass(frozen=True)
class Pruning:
    """What `prune` returns.

    Parameters
    ----------
    model
        The most pruned model whose metric is within the tolerance; the unpruned one where no step's is.
    masks
        Its masks by layer name, True for a weight that is kept.
    history
        The steps in order.
    before, resources
        What the unpruned and the returned model use.
    budget
        The caps asked for.
    met
        Whether the returned model keeps them; where none was asked for, whether its groups lose as many as given.
    baseline, metric
        The validation metric of the unpruned and of the returned model.
    tolerance
        How far it could fall.
    seconds
        Wall-clock time of the whole call, with that of the runs it goes on from.
    stopped
        Why pruning ended before its last step, where something went wrong; None otherwise.
    hls_config
        The configuration that the returned model's resources hold for: the one given, with the types of data that were
        chosen in it.
    """

    model: Any
    masks: Masks
    history: tuple[Step, ...]
    before: Resources
    resources: Resources
    budget: tuple[Cap, ...]
    met: bool
    baseline: float
    metric: float
    tolerance: float
    seconds: float
    stopped: str | None = None
    hls_config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def report(self) -> Report:
        """A report to save: ``report.save("report.html")`` or ``"report.json"``."""
        return pruning_report(self)

    def plot(self, path: str | Path) -> None:
        """Draw the history: the metric and the share of each resource by epoch, with the tolerance and the budget."""
        from knapprune.report.files import write_bytes
        from knapprune.report.history_plot import history_plot

        kind = Path(path).suffix.lower().removeprefix(".")
        if kind not in ("png", "svg", "pdf"):
            raise ValueError(f"path: got {str(path)!r}, expected a name that ends in .png, .svg or .pdf")
        write_bytes(Path(path), history_plot(self.report.content, kind))


def pruning_report(pruning: Pruning, baseline: Verified | None = None, pruned: Verified | None = None) -> Report:
    """Gather what a pruning did and, where it was verified, what was counted."""
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


def _side(metric: float, resources: dict[str, int], check: Verified | None) -> Side:
    return {
        "metric": metric,
        "accuracy": None if check is None else check.accuracy,
        "model_accuracy": None if check is None else check.model_accuracy,
        "resources": resources,
        "counted": None if check is None else check.counted,
        "reported": None if check is None or check.reported is None else cast("Vendor", asdict(check.reported)),
    }


def _budget(caps: Iterable[Cap]) -> Budget:
    """Absolute counts by resource; caps on one layer under its name."""
    whole: dict[str, int] = {}
    layers: dict[str, dict[str, int]] = {}
    for cap in caps:
        target = whole if cap.layer is None else layers.setdefault(cap.layer, {})
        target[cap.resource] = cap.limit
    return {**whole, **layers}


def _returned(pruning: Pruning) -> Step | None:
    """Return the step whose model was returned: the last accepted one."""
    accepted = [step for step in pruning.history if step.accepted]
    return accepted[-1] if accepted else None


def _selection(step: Step | None) -> Proof | None:
    if step is None:
        return None
    solution = step.selection.solution
    return {
        "status": solution.status,
        "gap": solution.gap,
        "solver": solution.solver,
        "value": solution.value,
        "bound": solution.bound,
        "prices": None if solution.prices is None else list(solution.prices),
        "seconds": solution.seconds,
    }


def _layers(pruning: Pruning, check: Verified | None) -> list[LayerRow]:
    rows: list[LayerRow] = []
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


def _step(step: Step) -> StepRow:
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
