"""Accuracy against area: what each method keeps of the first at each size of the second."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.networks.accuracy.methods import METHODS
from bench.networks.accuracy.networks import BLOCK
from bench.networks.accuracy.page import area_of, done, first_seed, unpruned
from knapsolve.files import atomic

Row = dict[str, Any]
COLOURS = (
    *("#1f5fa8", "#2a9fd6", "#d4a017", "#d62728", "#17807e", "#c2571a"),
    *("#2e8b57", "#8a4fa3", "#8c6d31", "#b03060", "#777777"),
)
MARKS = "oh*p<sD^vPX"
FLOOR = 0.8
"""Accuracies below are drawn here; the page has their values."""


def plot(rows: list[Row], network: str, path: Path) -> None:
    """Draw the frontier."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    whole = unpruned(rows, network)
    pruned = [row for row in done(rows) if row["network"] == network and row["share"] is not None]
    swept = first_seed(rows, network)
    figure = Figure(figsize=(7.2, 5.6), layout="constrained")
    axes = figure.add_subplot()
    for (name, method), colour, mark in zip(METHODS.items(), COLOURS, MARKS, strict=True):
        points = _points(row for row in pruned if row["method"] == name)
        if not points:
            continue
        axes.plot(*zip(*points, strict=True), f"{mark}", color=colour, label=method.title, alpha=0.85)
        if line := _points(row for row in swept if row["method"] == name):
            axes.plot(*zip(*line, strict=True), "-", color=colour, linewidth=1)
    if whole:
        reached = sum(row["bit_accurate"] for row in whole.values()) / len(whole)
        size = area_of(next(iter(whole.values())))
        axes.axhline(reached, color="#333333", linewidth=1)
        _name_line(axes, f"unpruned: {size:,}", reached, 3)
        axes.axhline(reached - 0.01, color="#999999", linewidth=1, linestyle="--")
        _name_line(axes, "one point below", reached - 0.01, -11)
    if any(row["bit_accurate"] < FLOOR for row in pruned):
        axes.axhline(FLOOR, color="#bbbbbb", linewidth=1, linestyle=":")
        _name_line(axes, f"{FLOOR:g} or less", FLOOR, -11)
    axes.set_xscale("log")
    axes.margins(x=0.1, y=0.1)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(f"area: LUT, estimated, + {BLOCK} x DSP, counted")
    axes.set_ylabel("accuracy on the test images, bit-accurate")
    axes.grid(alpha=0.25)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    atomic.through(path, lambda file: figure.savefig(file, dpi=130, metadata={"Software": None}))


def _points(rows: Iterable[Row]) -> list[tuple[int, float]]:
    """Return area and accuracy, the smallest first."""
    return sorted((area_of(row), max(row["bit_accurate"], FLOOR)) for row in rows)


def _name_line(axes: Any, text: str, height: float, points: int) -> None:
    """Write beside a horizontal line, so many points above it."""
    axes.annotate(
        text, (0.01, height), xycoords=("axes fraction", "data"), xytext=(0, points),
        textcoords="offset points", color="#555555", fontsize=9,
    )  # fmt: skip
