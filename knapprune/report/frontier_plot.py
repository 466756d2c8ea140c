"""A frontier as a picture: the value kept against the budget of one resource, and below it the price of one more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from knapprune.hardware.units import in_words
from knapprune.report.picture import LIMIT, MASKED, METRIC, RETURNED, UNPRUNED, encoded, figure, tidy

_MANY = 100
"""Ratio of the largest and the smallest price from which the axis is logarithmic."""


def frontier_plot(content: Mapping[str, Any], kind: str = "png") -> bytes:
    """Draw a frontier, given as `Frontier.to_dict` says it."""
    return encoded(frontier_figure(content), kind)


def frontier_figure(content: Mapping[str, Any]) -> Any:
    """Draw the share kept and the price of one more unit, with the same horizontal axis."""
    drawn = figure(7.0, 5.6)
    above, below = drawn.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    name, points = in_words(content["resource"]), content["points"]
    _kept(above, points)
    _price(below, points, name, content["total"])
    before = content["before"][content["resource"]]
    for axes in (above, below):
        axes.axvline(before, color=UNPRUNED, linestyle=":", linewidth=1.2, label=f"unpruned: {before:,} {name}")
        tidy(axes)
    above.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=9, borderaxespad=0.2,
        columnspacing=1.4, handlelength=1.6,
    )  # fmt: skip
    beside = "; ".join(_cap(cap) for cap in content["budget"])
    below.set_xlabel(f"budget, {name}{f'  (beside {beside})' if beside else ''}")
    below.set_xlim(0, 1.03 * max(before, max(point["budget"] for point in points)) or 1)
    below.xaxis.set_major_formatter(lambda amount, _: f"{amount:,.0f}")
    return drawn


def _kept(axes: Any, points: Sequence[Mapping[str, Any]]) -> None:
    axes.plot([p["budget"] for p in points], [100 * p["share"] for p in points], color=METRIC, linewidth=1.2, zorder=1)
    proved = [p for p in points if p["status"] == "OPTIMAL" and not p["outputs_first"]]
    ranked = [p for p in points if p["outputs_first"]]
    open_ones = [p for p in points if p["status"] != "OPTIMAL" and not p["outputs_first"]]
    for group, style, color, label in (
        (proved, "o", METRIC, "best, proved"),
        (ranked, "^", RETURNED, "no output lost"),
        (open_ones, "s", MASKED, "best found"),
    ):
        if group:
            axes.plot(
                [p["budget"] for p in group], [100 * p["share"] for p in group], style, color=color, markersize=4.5,
                fillstyle="full" if group is proved else "none", label=label, clip_on=False, zorder=3,
            )  # fmt: skip
    if open_ones:
        above = [100 * p["share"] * p["bound"] / p["value"] for p in open_ones if p["value"] > 0]
        at = [p["budget"] for p in open_ones if p["value"] > 0]
        axes.plot(at, above, "_", color=LIMIT, markersize=8, label="bound")
    axes.set_ylim(0, 104)
    axes.set_ylabel("value kept, %")


def _price(axes: Any, points: Sequence[Mapping[str, Any]], name: str, total: float) -> None:
    known = [(p["budget"], 100 * p["price"] / (total or 1.0)) for p in points if p["price"] is not None]
    positive = [point for point in known if point[1] > 0]
    prices = [price for _, price in positive]
    wide = bool(prices) and max(prices) > _MANY * min(prices)
    drawn = positive if wide else known
    if drawn:
        axes.plot(*zip(*drawn, strict=True), "o-", color=MASKED, markersize=3.5, linewidth=1.2, clip_on=False)
    if wide:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda price, _: f"{price:g}")
    else:
        axes.set_ylim(bottom=0)
    axes.set_ylabel(f"price of one more\n{name}, % of value")


def _cap(cap: Mapping[str, Any]) -> str:
    where = "" if cap["layer"] is None else f"{cap['layer']}: "
    return f"{where}{cap['limit']:,} {in_words(cap['resource'])}"
