"""The page of a group, in Markdown, from its rows and nothing else."""

from __future__ import annotations

import math
import statistics
from itertools import groupby
from typing import Any

from bench.solvers import formats
from bench.solvers.compare import duels, geometric_mean, partition_ratio, shortfall, summaries
from bench.solvers.spec import Group

Row = dict[str, Any]
STATUS = {
    "OPTIMAL": "proved",
    "FEASIBLE": "not proved",
    "NO_SOLUTION": "found nothing",
    "INFEASIBLE": "says infeasible",
    "KILLED": "**killed**",
    "FAILED": "**failed**",
    "WRONG": "**wrong**",
    "YARDSTICK": "yardstick",
}
HEADER = (
    "problem",
    "solver",
    "result",
    "time",
    "of a partition",
    "below the best value",
    "gap",
    "memory on top of inputs",
    "first call",
    "remark",
)

SUMMARY_HEADER = ("problems", "solver", "proved", "time", "over ours", "below the best value", "gap")


def page(name: str, group: Group, rows: list[Row], plotted: bool) -> str:
    """Return the whole page."""
    parts = [f"# {group.title}", group.text, _method(rows)]
    if plotted:
        parts.append(f"![What was solved, and how fast]({name}.png)")
    parts += _comparison(group.champion, rows)
    if group.measure is None:
        parts += ["## Summary", summary(group.champion, rows)]
    for heading, members in _by_set(rows):
        parts += [f"## {heading}", table(members)]
    parts.append(f"Made from `{name}.json` by `python -m bench {name}`.")
    return "\n\n".join(parts) + "\n"


def summary(champion: str, rows: list[Row]) -> str:
    """Return a table of each contestant on each set; times and gaps are means over the problems that it took."""
    body = [
        (
            heading,
            own.solver,
            f"{own.proved} of {own.problems}",
            formats.seconds(None if math.isnan(own.seconds) else own.seconds),
            formats.ratio(own.ratio),
            formats.gap(own.below_best),
            formats.gap(own.gap),
        )
        for heading, members in _by_set(rows)
        for own in summaries(champion, members)
    ]
    return formats.table(SUMMARY_HEADER, body)


def table(rows: list[Row]) -> str:
    """Return rows as a table; columns in which no row says anything are left out."""
    cells = [[str(cell) for cell in _cells(row, rows)] for row in rows]
    kept = [i for i in range(len(HEADER)) if any(line[i] not in ("", "-") for line in cells)]
    return formats.table([HEADER[i] for i in kept], [[line[i] for i in kept] for line in cells])


def _cells(row: Row, rows: list[Row]) -> list[str]:
    extra = row.get("extra_bytes")
    inputs = row.get("input_bytes")
    memory = formats.size(extra) + (f" ({formats.ratio(extra / inputs)})" if extra is not None and inputs else "")
    yardstick = row["status"] == "YARDSTICK"
    return [
        _problem(row),
        row["solver"],
        STATUS[row["status"]],
        formats.seconds(row["seconds"]),
        formats.ratio(partition_ratio(row, rows)),
        formats.gap(shortfall(row, rows)),
        formats.gap(row["gap"]),
        "-" if yardstick else memory,
        "-" if yardstick else formats.seconds(row.get("warm_seconds")),
        row["note"],
    ]


def _problem(row: Row) -> str:
    if row["family"] == "file":
        return str(row["spec"].rpartition("/")[2].removesuffix(":0"))
    return f"n = {formats.count(row['n'])}, m = {row['m']}"


def _by_set(rows: list[Row]) -> list[tuple[str, list[Row]]]:
    return [(heading, list(members)) for heading, members in groupby(rows, key=lambda row: str(row["set"]))]


def _method(rows: list[Row]) -> str:
    machines = sorted({_machine(row["machine"]) for row in rows})
    versions = sorted({row["version"] for row in rows if row["version"]})
    limits = sorted({f"{row['limit']:g} s" for row in rows}, key=lambda text: float(text[:-2]))
    loads = [row["load"] for row in rows if row["load"] is not None]
    busy = f" Load average when a row began: median {statistics.median(loads):.1f}." if loads else ""
    repeats = max(len(row["all_seconds"]) for row in rows)
    return (
        f"Medians of up to {repeats} repeats in a process of each solver's own, warm: the first call, on a small "
        "problem, loads and compiles and is stated apart. Times include the building of the solver's model and exclude "
        f"that of the `Knapsack` itself. Limits: {', '.join(limits)}; who goes on is killed, and stays in the table. "
        "Values are recomputed from the selection. Memory is the growth of the peak resident set during a run. Ratios "
        "compare rows of one run.\n\n"
        f"Machine: {'; '.join(machines)}.{busy} Versions: {', '.join(versions)}. "
        f"Runs: {', '.join(sorted({row['run'] for row in rows}))}."
    )


def _machine(machine: Row) -> str:
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}, "
        f"NumPy {machine['numpy']}"
    )


def _comparison(champion: str, rows: list[Row]) -> list[str]:
    """Return a sentence on the champion against peers that proved, and one on problems where none did."""
    all_duels = duels(champion, rows)
    proved = [duel for duel in all_duels if duel.proved]
    sentences = []
    if proved:
        worst = min(proved, key=lambda duel: duel.ratio)
        sentences.append(
            f"On {len(proved)} problems `{champion}` and a peer both proved the optimum: the fastest such peer took "
            f"{formats.ratio(geometric_mean([duel.ratio for duel in proved]))} the time of `{champion}` "
            f"(geometric mean), at the least {formats.ratio(worst.ratio)} (`{worst.peer}` on `{worst.spec}`)."
        )
    if len(all_duels) > len(proved):
        alone = [duel for duel in all_duels if not duel.proved]
        sentences.append(
            f"On {len(alone)} more `{champion}` proved the optimum and no peer did, given at least "
            f"{formats.ratio(min(duel.ratio for duel in alone))} its time."
        )
    lost = sorted({row["spec"] for row in rows if row["solver"] == champion and row["status"] != "OPTIMAL"})
    if lost:
        sentences.append(f"`{champion}` did not prove: {', '.join(f'`{spec}`' for spec in lost)}.")
    return [" ".join(sentences)] if sentences else []
