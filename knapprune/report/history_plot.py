"""The history of a pruning as a picture: the metric, and what the hardware shrank to, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from textwrap import fill
from typing import Any

from knapprune.hardware.units import in_one_unit, in_words
from knapprune.report.content import Content, StepRow, limits
from knapprune.report.picture import (
    LIMIT,
    MASKED,
    METRIC,
    METRIC_NAME,
    RETURNED,
    SEVERAL,
    UNPRUNED,
    encoded,
    figure,
    masked_points,
    tidy,
)


def history_plot(content: Content, kind: str = "png") -> bytes:
    """Draw the history of a pruning."""
    return encoded(history_figure(content), kind)


def history_figure(content: Content) -> Any:
    """Draw the validation metric and the share of each resource over a pruning."""
    steps = content["history"]
    trained = any(step["metrics"] for step in steps)
    ends = _ends(steps, trained)
    drawn = figure(7.0, 5.6)
    above, below = drawn.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    returned = _returned(content, ends, trained)
    _metric(above, content, ends, trained, returned)
    _resources(below, content, ends, returned)
    for axes, columns in ((above, 3), (below, 2)):
        for edge in ends[:-1]:
            axes.axvline(edge, color="#dddddd", linewidth=0.8, zorder=0)
        tidy(axes, grid="y")
        axes.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, frameon=False, fontsize=9, borderaxespad=0.2,
            columnspacing=1.4, handlelength=1.6,
        )  # fmt: skip
    lines = "; a vertical line ends a step" if len(ends) > 1 else ""
    below.set_xlabel(f"epochs of fine-tuning{lines}" if trained else "pruning steps, without fine-tuning")
    below.xaxis.get_major_locator().set_params(integer=True)
    below.set_xlim(-0.015 * ends[-1], 1.015 * ends[-1])
    if content["ended"]:
        drawn.suptitle(fill(f"Ended early: {content['ended']}", 90), x=0.01, ha="left", fontsize=9, color=LIMIT)
    return drawn


def _ends(steps: Sequence[StepRow], trained: bool) -> list[int]:
    """Where each step ends on the horizontal axis: epochs, or, where none trains, the steps themselves."""
    ends: list[int] = []
    for step in steps:
        ends.append((ends[-1] if ends else 0) + (len(step["metrics"]) if trained else 1))
    return ends


def _returned(content: Content, ends: Sequence[int], trained: bool) -> tuple[int, StepRow] | None:
    """Return the step that is returned, and where its state was reached: its last best epoch, or the masking."""
    accepted = [index for index, step in enumerate(content["history"]) if step["accepted"]]
    if not accepted:
        return None
    step = content["history"][accepted[-1]]
    epochs = [epoch for epoch, value in enumerate(step["metrics"], start=1) if value == step["metric"]]
    after = len(step["metrics"]) if trained else 0
    return ends[accepted[-1]] - after + (epochs[-1] if epochs else 0), step


def _metric(
    axes: Any,
    content: Content,
    ends: Sequence[int],
    trained: bool,
    returned: tuple[int, StepRow] | None,
) -> None:
    steps, baseline = content["history"], content["baseline"]["metric"]
    floor = baseline - content["tolerance"]
    axes.axhline(baseline, color=UNPRUNED, linewidth=1.2, label=f"unpruned: {baseline:.4f}")
    axes.axhline(floor, color=LIMIT, linestyle="--", linewidth=1.2, label=f"tolerance: {floor:.4f}")
    starts = [0, *ends[:-1]]
    curve = [(start + epoch, value) for start, step in zip(starts, steps, strict=True)
             for epoch, value in enumerate(step["metrics"], start=1)]  # fmt: skip
    masked = [(start if trained else end, step["metric_before"])
              for start, end, step in zip(starts, ends, steps, strict=True)]  # fmt: skip
    if curve:
        size = 4 if len(curve) <= 60 else 2
        axes.plot(*zip(*curve, strict=True), "o-", color=METRIC, markersize=size, linewidth=1.2,
                  label="after an epoch")  # fmt: skip
    bottom = _bottom([baseline, floor, *(value for _, value in curve or masked)], [value for _, value in masked])
    inside = [point for point in masked if point[1] >= bottom]
    outside = [(at, bottom) for at, value in masked if value < bottom]
    if inside:
        masked_points(axes, inside)
    if outside:
        axes.plot(*zip(*outside, strict=True), "v", color=MASKED, markersize=7, fillstyle="none", clip_on=False,
                  label="masked, below the axis")  # fmt: skip
    if returned is not None:
        at, step = returned
        axes.plot(at, step["metric"], "D", color=RETURNED, markersize=7, label=f"returned: {step['metric']:.4f}")
    axes.set_ylim(bottom=bottom)
    axes.set_ylabel(METRIC_NAME)


def _bottom(trained: Sequence[float], masked: Sequence[float]) -> float:
    """Return the lower end of the axis: what masking alone costs must not squeeze all else into a line."""
    values = [value for value in trained if isfinite(value)]
    low, span = min(values), max(max(values) - min(values), 1e-3)
    lowest = min([low, *(value for value in masked if isfinite(value))])
    return max(lowest, low - 1.5 * span) - 0.05 * span


def _resources(axes: Any, content: Content, ends: Sequence[int], returned: tuple[int, StepRow] | None) -> None:
    everything = content["baseline"]["resources"]
    budget = limits(content)
    before = {name: everything[name] for name in in_one_unit(everything, budget) if everything[name]}
    for color, (name, count) in zip(SEVERAL * len(before), before.items(), strict=False):
        used = [step["resources"][name] for step in content["history"]]
        shares = [100 * amount / count for amount in [count, *used]]
        limit = budget.get(name)
        asked = "" if limit is None else f" (budget {limit:,})"
        label = f"{in_words(name)}: {count:,} → {content['pruned']['resources'][name]:,}{asked}"
        # Each step's masks hold from its start to its end, and are there before its first epoch.
        axes.stairs(shares[1:], [0, *ends], baseline=None, color=color, linewidth=1.8, label=label)
        axes.plot([0, 0], shares[:2], color=color, linewidth=1.8)
        if limit is not None and limit <= count:
            axes.axhline(100 * limit / count, color=color, linestyle="--", linewidth=1)
        if returned is not None:
            at, step = returned
            axes.plot(at, 100 * step["resources"][name] / count, "D", color=RETURNED, markersize=6)
    axes.set_ylim(0, 104)
    axes.set_ylabel("in use, % of unpruned\n(dashed: budget)")
