"""What all pictures share: one size of text, one set of colours, drawn without a screen."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from knapprune.tools import require

UNPRUNED, METRIC, MASKED, RETURNED, LIMIT = "#333333", "#1f5fa8", "#c2571a", "#23803a", "#b3261e"
#: Of resources beside one another.
SEVERAL = ("#1f5fa8", "#c2571a", "#6a4c93", "#23803a", "#8a6d00", "#555555")

METRIC_NAME = "validation metric"


def figure(width: float, height: float) -> Any:
    """Begin a picture, in inches."""
    return require("matplotlib.figure", extra="plots").Figure(figsize=(width, height), layout="constrained")


def encoded(drawn: Any, kind: str = "png") -> bytes:
    """Return a picture as the content of a file."""
    picture = io.BytesIO()
    drawn.savefig(picture, format=kind, dpi=150)
    return picture.getvalue()


def tidy(axes: Any, grid: str = "both") -> None:
    """Leave out the frame where nothing is read off it, and draw a grid that stays behind."""
    axes.grid(axis=grid, alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def masked_points(axes: Any, points: Sequence[tuple[float, float]]) -> None:
    """Mark what masking alone left of the metric."""
    axes.plot(*zip(*points, strict=True), "v", color=MASKED, markersize=6, label="right after masking")
