"""What rows say of each other: ratios within one run, and our champion against the best peer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from bench.peers import PEERS, YARDSTICKS

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
    found = []
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
            found.append(Duel(ours["spec"], best["seconds"] / ours["seconds"], True, best["solver"]))
        elif tried:
            longest = max(row["seconds"] for row in tried)
            found.append(Duel(ours["spec"], longest / ours["seconds"], False, ""))
    return found


def _used_its_time(row: Row) -> bool:
    """Return whether a run went on to its limit and proved nothing; one that gave up early says nothing of time."""
    unproved = row["status"] in ("FEASIBLE", "NO_SOLUTION", "KILLED")
    return unproved and row["seconds"] is not None and row["seconds"] > 0.9 * row["limit"]


def geometric_mean(ratios: list[float]) -> float:
    """Return the geometric mean of positive numbers."""
    return math.exp(sum(math.log(ratio) for ratio in ratios) / len(ratios))
