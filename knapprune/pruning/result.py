"""What a pruning returns, and its report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from knapprune.adapters.finding import find_adapter
from knapprune.adapters.training_adapter import TrainingAdapter
from knapprune.hardware.resources import Resources
from knapprune.network.layers import Masks
from knapprune.pruning.history import Step
from knapprune.pruning.snapshot import Snapshot
from knapprune.report.content import Budget, LayerRow, Proof, Side, StepRow, Vendor
from knapprune.report.report import Report
from knapprune.selection.budget import Cap
from knapprune.selection.result import changes, in_brief, same_arrays
from knapprune.tables import html_table

_COMPARED = ("history", "before", "resources", "budget", "met", "baseline", "metric", "tolerance", "stopped")


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


@dataclass(frozen=True, eq=False, repr=False)
class Pruning:
    """What `prune` returns.

    Two are equal where all that they hold is, masks and the models' weights and optimisers entry by entry; how long it
    took is no part of it.

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

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pruning):
            return NotImplemented
        same = all(getattr(self, name) == getattr(other, name) for name in (*_COMPARED, "hls_config"))
        return same and same_arrays(self.masks, other.masks) and _same_model(self.model, other.model)

    def __hash__(self) -> int:
        return hash((self.before, self.resources, self.budget, self.metric, len(self.history)))

    def __repr__(self) -> str:
        known = {"metric": f"{self.baseline:.4g} -> {self.metric:.4g}", **changes(self.before, self.resources)}
        known |= {
            "budget": f"[{in_brief(self.budget)}]",
            "steps": str(len(self.history)),
            "seconds": f"{self.seconds:.1f}",
        }
        met = "met" if self.met else "not met"
        return f"Pruning[{met}]({', '.join(f'{name}={text}' for name, text in known.items())})"

    def _repr_html_(self) -> str:
        limits = {cap.resource: cap.limit for cap in self.budget if cap.layer is None}
        rows: list[list[object]] = [
            [name, self.before[name], use, limits.get(name, "")]
            for name, use in self.resources.items()
            if name in self.before
        ]
        rows.append(["validation metric", f"{self.baseline:.4f}", f"{self.metric:.4f}", ""])
        notes = [
            "The budget is met." if self.met else "The budget is not met: no step within the tolerance kept it.",
            *([f"budget: {in_brief(self.budget)}"] if self.budget else []),
            *([f"ended early, {ended}"] if (ended := _ended(self)) is not None else []),
            f"{len(self.history)} steps, {self.seconds:.1f} s",
        ]
        return html_table("Pruning", ["", "unpruned", "pruned", "budget"], rows, notes=notes)

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


def _same_model(one: Any, other: Any) -> bool:
    """Say whether two models are of one architecture, and all that training and masking change is equal in them."""
    if one is other:
        return True
    framework = find_adapter(one)
    if not isinstance(framework, TrainingAdapter) or not framework.matches(other):
        return False
    if framework.describe(one) != framework.describe(other):
        return False
    first, second = (Snapshot.of(framework, model) for model in (one, other))
    return (
        same_arrays(first.state, second.state)
        and same_arrays(first.masks, second.masks)
        and first.data_types == second.data_types
    )


def pruning_report(pruning: Pruning, baseline: Verified | None = None, pruned: Verified | None = None) -> Report:
    """Gather what a pruning did and, where it was verified, what was counted."""
    return Report(
        {
            "baseline": _side(pruning.baseline, pruning.before.total, baseline),
            "pruned": _side(pruning.metric, pruning.resources.total, pruned),
            "budget": _budget(pruning.budget),
            "understood": [cap.understood for cap in pruning.budget],
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
