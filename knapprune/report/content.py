"""What a report says: plain values, under the same keys in JSON, on the page, in the pictures and on the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

Use = Mapping[str, int]
"""Amounts by resource."""

Budget = Mapping[str, int | Mapping[str, int]]
"""Absolute limits by resource; limits on one layer under its name."""


class Proof(TypedDict):
    """What is known of a selection; see `knapsolve.Solution`."""

    status: str
    gap: float
    solver: str
    value: float
    bound: float
    prices: list[float] | None
    seconds: float


class Vendor(TypedDict):
    """What the vendor's tools report; see :class:`knapprune.verification.reports.reported.Reported`."""

    tool: str
    by_layer: dict[str, dict[str, float]]
    total: dict[str, float]
    difference: dict[str, dict[str, float]]
    total_difference: dict[str, float]
    synthesised: dict[str, float] | None
    remainder: dict[str, float]
    unmatched: dict[str, dict[str, float]]
    notes: Sequence[str]


class Side(TypedDict):
    """A model, unpruned or pruned; what was not verified is None."""

    metric: float
    accuracy: float | None
    model_accuracy: float | None
    resources: Use
    counted: Use | None
    reported: Vendor | None


class LayerRow(TypedDict):
    """A layer before and after."""

    layer: str
    kernel: list[int]
    strategy: str
    reuse_factor: int
    weights_kept: int
    weights: int
    before: Use
    after: Use
    counted: Use | None


class StepRow(TypedDict):
    """A step of a pruning: the metric right after masking, after each epoch, and the best of these."""

    share: float
    budget: Budget
    resources: Use
    metric_before: float
    metrics: list[float]
    metric: float
    accepted: bool
    selection: Proof | None
    seconds: float


class Content(TypedDict):
    """All of a report.

    `understood` says of each cap of the budget what was made of it, `ended` in a sentence why pruning ended before its
    last step, `stopped` what went wrong.
    """

    baseline: Side
    pruned: Side
    budget: Budget
    understood: list[str]
    tolerance: float
    met: bool
    selection: Proof | None
    layers: list[LayerRow]
    history: list[StepRow]
    seconds: float
    stopped: str | None
    ended: str | None


def limits(content: Content) -> dict[str, int]:
    """Take the limits on the whole network out of the budget, by resource."""
    return {name: limit for name, limit in content["budget"].items() if not isinstance(limit, Mapping)}
