"""Plots, drawn without a screen."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from knapprune.hardware.units import in_words
from knapprune.tools import require


def schedule_plot(content: Mapping[str, Any], resource: str = "dsp") -> bytes:
    """Draw the metric against a resource over the steps of a pruning."""
    steps = content["history"]
    used = [content["baseline"]["resources"][resource], *(step["resources"][resource] for step in steps)]
    tuned = [content["baseline"]["metric"], *(step["metric"] for step in steps)]
    drawn = figure(figsize=(6.4, 4.0), layout="constrained")
    axes = drawn.add_subplot()
    axes.plot(used, tuned, "o-", color="#1f5fa8", label="after fine-tuning")
    masked = [step["metric_before"] for step in steps]
    axes.plot(used[1:], masked, "v", color="#c2571a", alpha=0.8, label="right after masking")
    axes.plot(used[:1], tuned[:1], "s", color="#333333", label="unpruned")
    limit = content["budget"].get(resource)
    if limit is not None:
        axes.axvline(limit, color="#777777", linestyle="--", linewidth=1)
        axes.annotate(f"budget {limit}", (limit, 0.5), xycoords=("data", "axes fraction"), xytext=(4, 0),
                      textcoords="offset points", color="#555555", fontsize=9)  # fmt: skip
    axes.set_xlim(0, None)
    axes.set_xlabel(f"{in_words(resource)}s, predicted" if resource == "dsp" else f"{in_words(resource)}, predicted")
    axes.set_ylabel("validation metric")
    axes.grid(alpha=0.25)
    axes.legend(loc="best", frameon=False)
    picture = io.BytesIO()
    drawn.savefig(picture, format="png", dpi=150)
    return picture.getvalue()


def figure(**options: Any) -> Any:
    """Begin a picture."""
    return require("matplotlib.figure", extra="plots").Figure(**options)
