"""What rows say of each other: ratios within one run, and our champion against the best peer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from bench.solvers.peers import PEERS, YARDSTICKS

Row = dict[str, Any]
PROVED = "OPTIMAL"


def partition_ratio(row: Row, rows: list[Row]) -> float | None:
    """Return the row's time over that of a partition of the values, measured in the same run; None if there is none."""
    if row["seconds"] is None:
        return None
    for other in rows:
        same = other["spec"] == row["spec"] and other["run"] == row["run"]
        if same and other["solver"] == "numpy-argpartition" and other["seconds"]:
            return float(row["seconds"] / other["seconds"])
    return None


def shortfall(row: Row, rows: list[Row]) -> float | None:
    """Return how far the row's value lies below the best value that is known, relative to it."""
    if row["value"] is None:
        return None
    values = [other["value"] for other in rows if other["spec"] == row["spec"] and other["value"] is not None]
    best = max([*values, *([row["best_known"]] if row.get("best_known") is not None else [])])
    return 0.0 if best == row["value"] else float((best - row["value"]) / max(abs(best), 1e-300))


@dataclass(frozen=True)
class Duel:
    """Our champion and the fastest peer that proved, on one problem in one run.

    Parameters
    ----------
    spec
        Name of the problem.
    ratio
        Time of the peer over ours. Where no peer proved, a lower bound: the largest time a peer was given.
    proved
        Whether a peer proved.
    peer
        Name of that peer, or an empty string.
    """

    spec: str
    ratio: float
    proved: bool
    peer: str


def duels(champion: str, rows: list[Row]) -> list[Duel]:
    """Return a duel for each problem that the champion proved and a peer tried in the same run."""
    compared = []
    for ours in (row for row in rows if row["solver"] == champion and row["status"] == PROVED):
        peers = [
            row
            for row in rows
            if row["spec"] == ours["spec"]
            and row["run"] == ours["run"]
            and row["solver"] in PEERS
            and row["solver"] not in YARDSTICKS
        ]
        proofs = [row for row in peers if row["status"] == PROVED]
        tried = [row for row in peers if _used_its_time(row)]
        if proofs:
            best = min(proofs, key=lambda row: row["seconds"])
            compared.append(Duel(ours["spec"], best["seconds"] / ours["seconds"], True, best["solver"]))
        elif tried:
            longest = max(row["seconds"] for row in tried)
            compared.append(Duel(ours["spec"], longest / ours["seconds"], False, ""))
    return compared


def _used_its_time(row: Row) -> bool:
    """Return whether a run went on to its limit and proved nothing; one that gave up early says nothing of time."""
    unproved = row["status"] in ("FEASIBLE", "NO_SOLUTION", "KILLED")
    return unproved and row["seconds"] is not None and row["seconds"] > 0.9 * row["limit"]


@dataclass(frozen=True)
class Summary:
    """One contestant on all problems of a set.

    Parameters
    ----------
    solver
        Its name.
    problems, proved
        How many problems it took, and how many it proved.
    seconds
        Geometric mean of its times; a run that was stopped counts with the time it had.
    ratio
        Geometric mean of its time over the champion's, on the problems of one run that both took; None where there are
        none.
    below_best
        Mean relative distance of its values from the best values known; a run without a selection counts as 1.
    gap
        Mean relative gap of value and bound; None where it gives no bound on some problem.
    """

    solver: str
    problems: int
    proved: int
    seconds: float
    ratio: float | None
    below_best: float
    gap: float | None


def summaries(champion: str, rows: list[Row]) -> list[Summary]:
    """Return a summary for each contestant of a set, in the order of their first rows; yardsticks are left out."""
    summed = []
    ours = {(row["spec"], row["run"]): row["seconds"] for row in rows if row["solver"] == champion and row["seconds"]}
    for solver in dict.fromkeys(row["solver"] for row in rows if row["status"] != "YARDSTICK"):
        mine = [row for row in rows if row["solver"] == solver]
        times = [row["seconds"] for row in mine if row["seconds"]]
        both = [(row["seconds"], ours.get((row["spec"], row["run"]))) for row in mine if row["seconds"]]
        ratios = [time / other for time, other in both if other is not None]
        gaps = [row["gap"] for row in mine]
        below = [shortfall(row, rows) for row in mine]
        summed.append(
            Summary(
                solver=solver,
                problems=len(mine),
                proved=sum(row["status"] == PROVED for row in mine),
                seconds=geometric_mean(times) if times else math.nan,
                ratio=geometric_mean(ratios) if ratios else None,
                below_best=sum(1.0 if gap is None else gap for gap in below) / len(below),
                gap=None if None in gaps else sum(gaps) / len(gaps),
            )
        )
    return summed


def geometric_mean(ratios: list[float]) -> float:
    """Return the geometric mean of positive numbers."""
    return math.exp(sum(math.log(ratio) for ratio in ratios) / len(ratios))
