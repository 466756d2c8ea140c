"""Predicted against reported, on logarithmic axes: 0.1.0 on the left, the model of today on the right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.networks.vendor.groups import NEAR_FF, NEAR_LUT, both, in_memory, way
from bench.networks.vendor.prediction import FORCED
from bench.networks.vendor.published import Row
from knapsolve.files import atomic

NAMES = {"dsp": "DSP blocks", "bram18": "BRAM_18K", "lut": "look-up tables", "ff": "flip-flops"}
COLOURS = {"resource, RF > 1": "#0072B2", "reuse factor 1": "#D55E00", "latency, RF > 1": "#009E73"}
MARKS = {"resource, RF > 1": "o", "reuse factor 1": "s", "latency, RF > 1": "^"}
#: Where none is drawn: logarithms know no 0.
NOTHING = 0.4


def plot(rows: Sequence[Row], resources: Sequence[str], path: Path) -> None:
    """Draw a line of two panels for each resource."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.5, 5.4 * len(resources)), layout="constrained")
    grid = figure.subplots(len(resources), 2, squeeze=False)
    handles: dict[str, Any] = {}
    for line, name in zip(grid, resources, strict=True):
        shown = [row for row in rows if row["set"] != FORCED or name in ("lut", "ff")]
        shown = [row for row in shown if row["stage"] == "csynth" and (name != "bram18" or in_memory(row))]
        panels = [both(shown, name, which) for which in ("before", "predicted")]
        ends = _ends([number for pairs in panels for pair in pairs for number in pair])
        for axes, which, model in zip(line, ("before", "predicted"), ("knapprune 0.1.0", "now"), strict=True):
            _panel(axes, shown, name, which, ends, handles)
            axes.set_title(f"{NAMES[name]}: {model}, {len(both(shown, name, which))} layers", fontsize=14)
    figure.legend(
        list(handles.values()),
        list(handles),
        loc="outside lower center",
        ncols=4 if len(handles) < 5 else 3,
        fontsize=13,
        frameon=False,
    )
    atomic.through(path, lambda file: figure.savefig(file, dpi=100, metadata={"Software": None}))


def _ends(numbers: Sequence[float]) -> tuple[float, float]:
    low = min((number for number in numbers), default=0)
    return (NOTHING / 1.6 if low < 1 else low / 2), 2 * max(numbers, default=1)


def _panel(
    axes: Any, rows: Sequence[Row], name: str, which: str, ends: tuple[float, float], handles: dict[str, Any]
) -> None:
    if name in ("lut", "ff"):
        factors = (1 - NEAR_LUT, 1 + NEAR_LUT) if name == "lut" else (1 / NEAR_FF, NEAR_FF)
        label = "within 30% (LUT), a factor of 2 (FF)"
        bounds = [[factor * end for end in ends] for factor in factors]
        handles[label] = axes.fill_between(ends, *bounds, color="0.87", linewidth=0, zorder=0)
    (handles["predicted = reported"],) = axes.plot(ends, ends, color="0.25", linewidth=1.2, zorder=1)
    for strategy, colour in COLOURS.items():
        pairs = both([row for row in rows if way(row) == strategy], name, which)
        predicted, reported = ([max(pair[place], NOTHING) for pair in pairs] for place in (0, 1))
        handles[strategy] = axes.scatter(
            reported,
            predicted,
            s=34,
            marker=MARKS[strategy],
            facecolors="none",
            edgecolors=colour,
            linewidths=1.1,
            zorder=2,
        )
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
    axes.set_xlabel(f"{NAMES[name]}, reported by C synthesis", fontsize=13)
    axes.set_ylabel(f"{NAMES[name]}, predicted", fontsize=13)
    axes.grid(True, color="0.92")
    axes.tick_params(labelsize=12)
    ticks = {10.0**power: _power(power) for power in range(9) if ends[0] <= 10**power <= ends[1]}
    if ends[0] < 1:
        ticks = {NOTHING: "0"} | ticks
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(list(ticks), list(ticks.values()))
        axis.set_minor_locator(_no_ticks())


def _power(power: int) -> str:
    """Write a power of ten: 1, 10, 100, 1k, ..."""
    return f"{10 ** (power % 3)}{('', 'k', 'M')[power // 3]}"


def _no_ticks() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()
