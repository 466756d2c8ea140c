"""Who is ahead where, from the rows."""

from __future__ import annotations

from math import sqrt

from bench.networks.digits.front import GROUPS, done, front, points, seeds_of, within
from bench.networks.digits.limits import LIMITS
from bench.networks.study import Row
from bench.solvers import formats


def compared(rows: list[Row], network: str, rival: str) -> list[tuple[int, float]]:
    """List by how many points of test accuracy knapprune is ahead at each limit that both keep, with the first seed."""
    seed = seeds_of(rows, network)[0]
    ours, theirs = (points(rows, network, GROUPS[name], seed) for name in ("knapprune", rival))
    differences = []
    for limit in LIMITS:
        mine, other = within(ours, limit), within(theirs, limit)
        if mine and other:
            differences.append((limit, 100 * (mine["test"] - other["test"])))
    return differences


def beaten(rows: list[Row], network: str, rival: str) -> tuple[int, int]:
    """Count the designs on a rival's frontier than which one of knapprune is no larger and better, and all of them."""
    seed = seeds_of(rows, network)[0]
    ours, theirs = (points(rows, network, GROUPS[name], seed) for name in ("knapprune", rival))
    all_of = front(theirs)
    mine = [within(ours, design["lut"]) for design in all_of]
    pairs = zip(mine, all_of, strict=True)
    return sum(own is not None and own["test"] > design["test"] for own, design in pairs), len(all_of)


def table(rows: list[Row], network: str) -> str:
    """Show what each kind of method reaches within each limit."""
    seed = seeds_of(rows, network)[0]
    body: list[list[object]] = []
    for name, methods in GROUPS.items():
        found = [within(points(rows, network, methods, seed), limit) for limit in LIMITS]
        body.append(
            [name, *("none" if one is None else f"{100 * one['test']:.2f} ({one['lut']:.0f})" for one in found)]
        )
    return formats.table(["test accuracy, % (LUT), within", *(f"{limit} LUT" for limit in LIMITS)], body)


def sentences(rows: list[Row], network: str) -> str:
    """Say at how many of the limits knapprune is ahead of each other kind, and where it is not."""
    lines = []
    for rival in list(GROUPS)[1:]:
        differences = compared(rows, network, rival)
        if not differences:
            lines.append(f"- {rival}: nothing to compare within these limits.")
            continue
        ahead = [limit for limit, points in differences if points > 0]
        behind = [f"{limit} ({points:+.2f} points)" for limit, points in differences if points <= 0]
        line = f"- {rival}: knapprune is ahead at {len(ahead)} of {len(differences)} limits"
        best = max((points for _, points in differences if points > 0), default=0.0)
        line += f", by up to {best:.2f} points" if ahead else ""
        line += f"; it is not at {', '.join(behind)}." if behind else "."
        less, designs = beaten(rows, network, rival)
        lines.append(f"{line} Of the {designs} designs on that frontier, {less} are behind one that is no larger.")
    return "\n".join(lines)


def error(rows: list[Row], network: str) -> float:
    """Return the standard error of an accuracy of the test data, in points, at the mean accuracy of the designs."""
    mine = [row for row in done(rows) if row["network"] == network and row["points"]]
    reached = [point["test"] for row in mine for point in row["points"]]
    mean = sum(reached) / len(reached)
    return 100 * sqrt(mean * (1 - mean) / mine[0]["samples"])
