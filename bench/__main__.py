"""The command ``python -m bench``: measure groups, keep the rows, write tables and plots from them."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.measuring import machine
from bench.solvers import formats, rows, tables
from bench.solvers.peers import PEERS, YARDSTICKS, contestant, installed, names
from bench.solvers.registry import groups
from bench.solvers.runner import measure
from bench.solvers.spec import SEVERITIES, Group, Spec
from knapsolve.files import atomic

OUT = machine.ROOT / "docs" / "benchmarks"
REGISTRY = groups()


def main(  # noqa: PLR0913
    group: Annotated[list[str] | None, typer.Argument(help=f"Any of {', '.join(REGISTRY)}; all if none.")] = None,
    severity: Annotated[str, typer.Option(help=f"How much: {', '.join(SEVERITIES)}.")] = "standard",
    repeat: Annotated[int, typer.Option(help="Runs of which the median is taken.", min=1)] = 5,
    solvers: Annotated[str, typer.Option(help="Names, with commas between; the group's own if none.")] = "",
    limit: Annotated[
        float | None, typer.Option(help="Seconds a run may take; the group's own if none.", min=0.01)
    ] = None,
    only: Annotated[str, typer.Option(help="Only problems whose name contains this.")] = "",
    out: Annotated[Path, typer.Option(help="Folder of the rows, tables and plots.")] = OUT,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the newest run: keep the rows it has.")] = False,
    render: Annotated[bool, typer.Option("--render", help="Measure nothing; write pages from rows there are.")] = False,
) -> None:
    """Measure, keep the rows, and write a page and a plot for each group."""
    chosen = {name: _group(name) for name in group or REGISTRY}
    if severity not in SEVERITIES:
        raise typer.BadParameter(f"severity must be one of {', '.join(SEVERITIES)}; got {severity!r}")
    asked = tuple(name.strip() for name in solvers.split(",") if name.strip())
    own = {solver for members in chosen.values() if members.measure for solver in members.solvers}
    if unknown := [name for name in asked if name not in own and not installed(name)]:
        raise typer.BadParameter(f"solvers must be among {', '.join(names())}; got {', '.join(unknown)}")
    for name, members in chosen.items():
        path = out / f"{name}.json"
        if not render:
            run = _newest_run(path) if resume else None
            _run(name, members, _pairs(members, severity, asked, only), repeat, limit or members.limit, path, run)
        _render(name, members, path)


def _group(name: str) -> Group:
    if name not in REGISTRY:
        raise typer.BadParameter(f"group must be one of {', '.join(REGISTRY)}; got {name!r}")
    return REGISTRY[name]


def _pairs(group: Group, severity: str, asked: tuple[str, ...], only: str) -> list[tuple[Spec, str]]:
    """Return who meets what: all that were asked for, or the group's own where they stand a chance."""
    level = SEVERITIES.index(severity)
    if group.measure is not None:
        return [(s, n) for s in group.specs for n in asked or group.solvers if only in s.name]
    specs = [spec for spec in group.specs if SEVERITIES.index(spec.severity) <= level and only in spec.name]
    if asked:
        return [(spec, name) for spec in specs for name in asked]
    return [
        (spec, name) for spec in specs for name in group.solvers if installed(name) and _stands_a_chance(spec, name)
    ]


def _stands_a_chance(spec: Spec, name: str) -> bool:
    if name not in PEERS or name in YARDSTICKS:
        return True
    largest = contestant(name).largest
    return spec.peers and (largest is None or spec.n <= largest)


def _newest_run(path: Path) -> str | None:
    """Return the stamp of the newest run that left rows, or None. Stamps sort as text."""
    return max((row["run"] for row in rows.load(path)), default=None)


def _run(
    name: str,
    group: Group,
    pairs: list[tuple[Spec, str]],
    repeat: int,
    limit: float,
    path: Path,
    resumed: str | None = None,
) -> None:
    """Measure every pair; rows are saved as they come, so that an interrupted run loses nothing.

    Pairs that have a row of the resumed run are passed over, and new rows carry its stamp.
    """
    if not pairs:
        Console().print(f"{name}: nothing to measure (published files need KNAPPRUNE_DATA)")
        return
    order = [spec.name for spec in group.specs]
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    stamp = {"run": resumed or now, "machine": machine.describe()}
    done = {(row["spec"], row["solver"]) for row in rows.load(path) if row["run"] == resumed}
    pairs = [(spec, solver) for spec, solver in pairs if (spec.name, solver) not in done]
    make = group.measure or measure
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as progress:
        task = progress.add_task(name, total=len(pairs))
        for spec, solver in pairs:
            progress.update(task, description=f"{name}: {solver} on {spec.name}")
            load = machine.load()
            row = make(spec, solver, repeat=repeat, limit=limit)
            if row is not None:
                progress.console.print(
                    f"{spec.name:45s} {solver:20s} {row['status']:12s} {formats.seconds(row['seconds']):>10s}",
                    soft_wrap=True,
                )
                rows.save(path, rows.merge(rows.load(path), [row | stamp | {"load": load}], order))
            progress.advance(task)


def _render(name: str, group: Group, path: Path) -> None:
    measured = rows.load(path)
    if not measured:
        return
    from bench.solvers.plots import plot

    plotted = plot(group.title, measured, path.with_suffix(".png"))
    atomic.write_text(path.with_suffix(".md"), tables.page(name, group, measured, plotted))


if __name__ == "__main__":
    typer.run(main)
