"""Accuracy against DSPs: what each method keeps of the first at each count of the second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.networks.accuracy.methods import METHODS
from bench.networks.accuracy.page import done, unpruned
from knapsolve.files import atomic

Row = dict[str, Any]
COLOURS = ("#1f5fa8", "#2a9fd6", "#c2571a", "#2e8b57", "#8a4fa3", "#8c6d31", "#b03060", "#777777")
MARKS = "ohsD^vPX"
FLOOR = 0.8
"""Accuracies below are drawn here; the page has their values."""


def plot(rows: list[Row], network: str, path: Path) -> None:
    """Draw the frontier."""
    from matplotlib.figure import Figure

    whole = unpruned(rows, network)
    pruned = [row for row in done(rows) if row["network"] == network and row["budget"]]
    first = min((row["seed"] for row in pruned), default=0)
    figure = Figure(figsize=(7.2, 5.4), layout="constrained")
    axes = figure.add_subplot()
    for (name, method), colour, mark in zip(METHODS.items(), COLOURS, MARKS, strict=True):
        mine = sorted(
            (row["counted"]["dsp"], max(row["bit_accurate"], FLOOR)) for row in pruned if row["method"] == name
        )
        if not mine:
            continue
        counts, reached = zip(*mine, strict=True)
        axes.plot(counts, reached, f"{mark}", color=colour, label=method.title, alpha=0.85)
        swept = {
            row["counted"]["dsp"]: row["bit_accurate"]
            for row in pruned
            if row["method"] == name and row["seed"] == first
        }
        axes.plot(sorted(swept), [max(swept[count], FLOOR) for count in sorted(swept)], "-", color=colour, linewidth=1)
    if whole:
        reached = sum(row["bit_accurate"] for row in whole.values()) / len(whole)
        dsps = next(iter(whole.values()))["counted"]["dsp"]
        axes.axhline(reached, color="#333333", linewidth=1)
        _name_line(axes, f"unpruned: {dsps} DSPs", reached, 3)
        axes.axhline(reached - 0.01, color="#999999", linewidth=1, linestyle="--")
        _name_line(axes, "one point below", reached - 0.01, -11)
    if any(row["bit_accurate"] < FLOOR for row in pruned):
        axes.axhline(FLOOR, color="#bbbbbb", linewidth=1, linestyle=":")
        _name_line(axes, f"{FLOOR:g} or less", FLOOR, -11)
    axes.set_xscale("log")
    limits = sorted({row["budget"]["dsp"] for row in pruned})
    axes.set_xticks(limits, [str(limit) for limit in limits])
    axes.minorticks_off()
    axes.margins(x=0.1, y=0.1)
    axes.set_xlabel("DSPs, counted in the C++; ticks are the budgets")
    axes.set_ylabel("accuracy on the test images, bit-accurate")
    axes.grid(alpha=0.25)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    atomic.through(path, lambda file: figure.savefig(file, dpi=130, metadata={"Software": None}))


def _name_line(axes: Any, text: str, height: float, points: int) -> None:
    """Write beside a horizontal line, so many points above it."""
    axes.annotate(
        text, (0.01, height), xycoords=("axes fraction", "data"), xytext=(0, points),
        textcoords="offset points", color="#555555", fontsize=9,
    )  # fmt: skip
