"""Accuracy against look-up tables: the frontier of each method, by validation, as the test data see it."""

from __future__ import annotations

from pathlib import Path

from bench.networks.digits.front import front, points, seeds_of
from bench.networks.digits.methods import METHODS
from bench.networks.study import Row
from knapsolve.files import atomic

COLOURS = ("#1f5fa8", "#2a9fd6", "#2e8b57", "#8c6d31", "#6b5b95", "#c2571a", "#b03060")
MARKS = "ohsDP^v"
DEEP = 0.12
"""How far below the best accuracy the plot goes."""


def picture(network: str) -> str:
    """Name the plot of a network."""
    return f"digits-{network}.png"


def plots(rows: list[Row], out: Path) -> None:
    """Draw every network that has rows."""
    for network in dict.fromkeys(row["network"] for row in rows):
        if seeds_of(rows, network):
            plot(rows, network, out / picture(network))


def plot(rows: list[Row], network: str, path: Path) -> None:
    """Draw the frontier of each method with the first seed."""
    from matplotlib.figure import Figure

    seed = seeds_of(rows, network)[0]
    figure = Figure(figsize=(7.2, 5.4), layout="constrained")
    axes = figure.add_subplot()
    fronts = {name: front(points(rows, network, [name], seed)) for name in METHODS}
    best = max((point["test"] for line in fronts.values() for point in line), default=1.0)
    for (name, method), colour, mark in zip(METHODS.items(), COLOURS, MARKS, strict=True):
        line = [point for point in fronts[name] if point["test"] > best - DEEP and point["lut"] > 0]
        if line:
            luts, reached = [point["lut"] for point in line], [100 * point["test"] for point in line]
            axes.plot(luts, reached, f"{mark}-", color=colour, label=method.title, markersize=5, linewidth=1.2)
    axes.set_xscale("log")
    axes.set_xlabel("look-up tables of the whole network, counted by da4ml")
    axes.set_ylabel("accuracy on the test data, bit-accurate, %")
    axes.grid(alpha=0.25, which="both")
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    atomic.through(path, lambda file: figure.savefig(file, dpi=130, metadata={"Software": None}))
