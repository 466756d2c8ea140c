"""Time against the number of items, from rows: a panel a family."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from bench.solvers.peers import PEERS, YARDSTICKS
from knapsolve.files import atomic

Row = dict[str, Any]
COLUMNS = 3
ENOUGH = 4
"""Problems of a set from which it is worth counting proofs."""
FEW = 0.5
"""Share of proofs below which distances say more."""
FINISHED = ("OPTIMAL", "YARDSTICK")


def plot(title: str, rows: list[Row], path: Path) -> bool:
    """Draw time against size, a panel a family; where there is one size only, proofs or distances.

    Filled marks are proofs, crosses are runs that ended without one at their limit. Yardsticks are grey.
    """
    panels = _panels(rows)
    if not panels:
        return _of_sets(title, rows, path)
    from matplotlib.figure import Figure

    columns = min(COLUMNS, len(panels))
    lines = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(4.2 * columns + 2.2, 3.2 * lines + 0.8), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    styles = _styles(sorted({row["solver"] for rows in panels.values() for row in rows}, key=_rank))
    handles: dict[str, Any] = {}
    for axes, (family, members) in zip(grid.flat, panels.items(), strict=False):
        _panel(axes, family, members, styles, handles)
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_visible(False)
    for column in range(columns):
        lowest = max(i for i in range(lines) if i * columns + column < len(panels))
        grid[lowest][column].set_xlabel("items")
        grid[lowest][column].tick_params(labelbottom=True)
    for line in grid:
        line[0].set_ylabel("seconds")
    figure.legend([handles[name] for name in styles], list(styles), loc="outside right upper", frameon=False)
    figure.suptitle(f"{title}  (x: ended without a proof)")
    atomic.through(path, lambda file: figure.savefig(file, dpi=110, metadata={"Software": None}))
    return True


def _of_sets(title: str, rows: list[Row], path: Path) -> bool:
    """Draw a panel a set: how many problems were proved by when, or, where few were, how far values and bounds are."""
    sets: dict[str, list[Row]] = {}
    for row in rows:
        if row["seconds"] and row["status"] != "YARDSTICK":
            sets.setdefault(row["set"], []).append(row)
    panels = {name: members for name, members in sets.items() if len({row["spec"] for row in members}) >= ENOUGH}
    if not panels:
        return False
    from matplotlib.figure import Figure

    columns = min(COLUMNS, len(panels))
    lines = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(4.2 * columns + 2.2, 3.2 * lines + 0.8), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False)
    styles = _styles(sorted({row["solver"] for members in panels.values() for row in members}, key=_rank))
    handles: dict[str, Any] = {}
    for axes, (name, members) in zip(grid.flat, panels.items(), strict=False):
        proved = sum(row["status"] == "OPTIMAL" for row in members) / len(members)
        (_proofs if proved >= FEW else _distances)(axes, members, styles, handles)
        axes.set(title=f"{name}: {len({row['spec'] for row in members})} problems, {members[0]['limit']:g} s")
        axes.grid(True, color="0.9")
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_visible(False)
    figure.legend([handles[name] for name in styles], list(styles), loc="outside right upper", frameon=False)
    figure.suptitle(title)
    atomic.through(path, lambda file: figure.savefig(file, dpi=110, metadata={"Software": None}))
    return True


def _proofs(axes: Any, rows: list[Row], styles: dict[str, dict[str, Any]], handles: dict[str, Any]) -> None:
    """Draw how many problems each solver proved within how many seconds."""
    end = max(row["limit"] for row in rows)
    for solver, style in styles.items():
        times = sorted(row["seconds"] for row in rows if row["solver"] == solver and row["status"] == "OPTIMAL")
        if any(row["solver"] == solver for row in rows):
            steps = [*times, max([end, *times])]
            (handles[solver],) = axes.step(steps, [*range(1, len(times) + 1), len(times)], where="post", **style)
    axes.set(xscale="log", ylim=(0, None), xlabel="seconds", ylabel="proved")


def _distances(axes: Any, rows: list[Row], styles: dict[str, dict[str, Any]], handles: dict[str, Any]) -> None:
    """Draw how far each solver's bound is above the best known value of a problem, and its own value below."""
    numbers = {spec: number for number, spec in enumerate(dict.fromkeys(row["spec"] for row in rows))}
    for solver, style in styles.items():
        mine = [row for row in rows if row["solver"] == solver and row["best_known"] and row["bound"] is not None]
        if not mine:
            continue
        at = [numbers[row["spec"]] for row in mine]
        bounds, values = ([100 * (row[end] / row["best_known"] - 1) for row in mine] for end in ("bound", "value"))
        axes.vlines(at, values, bounds, color=style["color"], linewidth=1)
        axes.plot(at, bounds, "_", color=style["color"], markersize=7)
        (handles[solver],) = axes.plot(at, values, "o", color=style["color"], markersize=4)
    axes.axhline(0.0, color="0.3", linewidth=0.8)
    axes.set(xlabel="problem", ylabel="% of the best known:\nvalue (dot) to bound (bar)")


def _panels(rows: list[Row]) -> dict[str, list[Row]]:
    panels: dict[str, list[Row]] = {}
    for row in rows:
        if row["family"] != "file" and row["seconds"]:
            panels.setdefault(row["set"], []).append(row)
    return {family: members for family, members in panels.items() if len({row["n"] for row in members}) > 1}


def _rank(solver: str) -> tuple[int, str]:
    """Ours first, then peers, then yardsticks."""
    return (2 if solver in YARDSTICKS else 1 if solver in PEERS else 0), solver


def _styles(solvers: list[str]) -> dict[str, dict[str, Any]]:
    """Return colour and line of each solver: ours thick, peers thin, yardsticks grey and broken."""
    palette = iter(["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C510A", "#000000"] * 2)
    broken = iter(["--", ":"])
    return {
        name: {"color": "0.5", "linestyle": next(broken)}
        if name in YARDSTICKS
        else {"color": next(palette), "linewidth": 1.2 if name in PEERS else 2.4}
        for name in solvers
    }


def _panel(axes: Any, family: str, rows: list[Row], styles: dict[str, dict[str, Any]], handles: dict[str, Any]) -> None:
    for name, style in styles.items():
        mine = sorted((row for row in rows if row["solver"] == name), key=lambda row: int(row["n"]))
        if not mine:
            continue
        sizes, times = [row["n"] for row in mine], [row["seconds"] for row in mine]
        (handles[name],) = axes.plot(sizes, times, **style)
        for row in mine:
            mark = "o" if row["status"] in FINISHED else "x"
            if name not in YARDSTICKS:
                axes.plot(row["n"], row["seconds"], mark, color=style["color"], markersize=5)
    axes.set(title=family, xscale="log", yscale="log")
    axes.grid(True, color="0.9")
