"""What a method reaches within so many look-up tables: chosen by validation data, said by test data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bench.networks.digits.methods import METHODS
from bench.networks.digits.networks import NETWORKS
from bench.networks.study import Row

GROUPS: Mapping[str, tuple[str, ...]] = {
    "knapprune": ("widths", "digits"),
    "HGQ2": ("hgq-rising", "hgq"),
    "PQuantML": ("pquant",),
    "uniform bits": ("uniform",),
    "pruning alone": ("zeros",),
}
"""Methods of one kind; where there are two, the better by validation stands for both."""


def done(rows: Iterable[Row]) -> list[Row]:
    """Leave out what failed and what no longer belongs to the study."""
    return [row for row in rows if "error" not in row and row["method"] in METHODS and row["network"] in NETWORKS]


def seeds_of(rows: Iterable[Row], network: str) -> list[int]:
    """List the seeds of a network, the first one, of the whole frontier, in front."""
    return sorted({row["seed"] for row in done(rows) if row["network"] == network})


def points(rows: Iterable[Row], network: str, methods: Sequence[str], seed: int) -> list[Row]:
    """List all designs of some methods, each with the method it is of."""
    return [
        {**point, "method": row["method"]}
        for row in done(rows)
        if (row["network"], row["seed"]) == (network, seed) and row["method"] in methods
        for point in row["points"]
    ]


def front(designs: Iterable[Row]) -> list[Row]:
    """Keep the designs that are better on validation data than all that are no larger."""
    kept: list[Row] = []
    for design in sorted(designs, key=lambda one: (one["lut"], -one["validation"])):
        if not kept or design["validation"] > kept[-1]["validation"]:
            kept.append(design)
    return kept


def within(designs: Iterable[Row], limit: float) -> Row | None:
    """Return the best by validation of the designs that are no larger."""
    fitting = [design for design in front(designs) if design["lut"] <= limit]
    return fitting[-1] if fitting else None
