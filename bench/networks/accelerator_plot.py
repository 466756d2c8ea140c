"""Speed-up by fetch groups at each setting, and what choosing them by layer keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.networks.accelerator_page import FULL, measured
from bench.networks.study import Row
from knapsolve.files import atomic


def plot(rows: list[Row], path: Path) -> None:
    """Draw, a line of panels for each network: speed-up by setting, and saliency kept against cycles."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    networks = [row["network"] for row in measured(rows, "network")]
    figure = Figure(figsize=(10, 3.4 * len(networks)), layout="constrained")
    grid = figure.subplots(len(networks), 2, squeeze=False)
    for (bars, curve), network in zip(grid, networks, strict=True):
        mine = [row for row in rows if row["network"] == network]
        full = [row for row in measured(mine, "throughput") if row["elements"] == FULL]
        for shift, kind, label, colour in (
            (-0.2, "unstructured", "magnitude", "#D55E00"),
            (0.2, "groups", "fetch groups", "#0072B2"),
        ):
            heights = [row["dense"]["cycles"] / row[kind]["cycles"] for row in full]
            drawn = bars.bar(np.arange(len(full)) + shift, heights, 0.38, label=label, color=colour)
            bars.bar_label(drawn, fmt="%.1f", padding=2, fontsize=9)
        bars.axhline(1, color="0.5", linewidth=1, label="dense")
        bars.set_xticks(range(len(full)), [f"{row['pruned']}/{row['size']}" for row in full])
        bars.set(title=f"{network}: {FULL} PEs of g - p multipliers", xlabel="p/g", ylabel="times faster than dense")
        bars.margins(y=0.12)
        points = sorted(measured(mine, "by layer"), key=lambda row: int(row["pruned"]))
        for kind, label, colour, mark in (
            ("uniform", "one p for all layers", "#D55E00", "s--"),
            ("chosen", "p chosen by layer", "#0072B2", "o-"),
        ):
            cycles = [row[kind]["cycles"] / row["dense"] for row in points]
            curve.plot(cycles, [row[kind]["geometric"] for row in points], mark, color=colour, label=label)
        for row in points:
            place = (row["uniform"]["cycles"] / row["dense"], row["uniform"]["geometric"])
            curve.annotate(f"{row['pruned']}/16", place, (6, -10), textcoords="offset points", fontsize=8, color="0.35")
        curve.set(title=f"{network}: {FULL} PEs of 2 multipliers", xlabel="cycles, of the dense network's")
        curve.set_ylabel("L1 kept, geometric mean of layers")
        curve.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        curve.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        curve.margins(0.12)
        for axes in (bars, curve):
            axes.grid(True, axis="y", color="0.9")
            axes.set_axisbelow(True)
            axes.legend(frameon=False, loc="upper left" if axes is bars else "lower right")
    atomic.through(path, lambda file: figure.savefig(file, dpi=110, metadata={"Software": None}))
