"""Which published rows belong together, and when a prediction is near what is reported."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.networks.vendor.prediction import FORCED
from bench.networks.vendor.published import Row

SETS = {
    "single-dense": "single layers",
    "two-dense": "two layers, after Vivado",
    "project-layer": "published networks",
    FORCED: "products forced into blocks",
}
DEPTHS = ((512, "2 to 512"), (1024, "513 to 1024"), (1 << 60, "above 1024"))
#: What is near: a share of what is reported for look-up tables, a factor for flip-flops.
NEAR_LUT, NEAR_FF = 0.3, 2.0


def name_of_set(row: Row) -> str:
    """Name where a row is from."""
    return SETS.get(row["set"], str(row["set"]))


def way(row: Row) -> str:
    """Name how a row's weights are held."""
    if row["rf"] == 1:
        return "reuse factor 1"
    return f"{row['strategy']}, RF > 1"


def depth(row: Row) -> str:
    """Name the band of a memory's depth."""
    deepest = max(row.get("rf_used") or [row["rf"]])
    return next(name for most, name in DEPTHS if deepest <= most)


def width(row: Row) -> str:
    """Name the band of a weight's width."""
    bits = row["wbits"]
    return "2 to 5" if bits < 6 else "6 and 7" if bits < 8 else "8 to 18" if bits <= 18 else "above 18"


def of_dsp(row: Row) -> tuple[str, ...]:
    """Group rows for the table of DSP blocks."""
    by_type = in_memory(row) and "value_bits" not in row
    known = "at most" if row["upper_bound"] else "by types" if by_type else ""
    return name_of_set(row), way(row), width(row), known


def of_memory(row: Row) -> tuple[str, ...]:
    """Group rows for the table of memories."""
    return name_of_set(row), depth(row)


def in_memory(row: Row) -> bool:
    """Say whether a row's weights are in a memory."""
    return bool(row["strategy"] != "latency" and row["rf"] > 1)


def both(rows: Sequence[Row], name: str, which: str = "predicted") -> list[tuple[float, float]]:
    """List predicted and reported numbers of the rows that have both."""
    return [
        (row[which][name], row["reported"][name]) for row in rows if name in row["predicted"] and name in row[which]
    ]


def share(pairs: Sequence[tuple[float, float]], near: Callable[[float, float], bool]) -> float:
    """Share of the pairs that are near each other; 1 of none."""
    return sum(near(*pair) for pair in pairs) / len(pairs) if pairs else 1.0


def equal(predicted: float, reported: float) -> bool:
    """Say whether both are equal."""
    return predicted == reported


def within_one(predicted: float, reported: float) -> bool:
    """Say whether both differ by at most one."""
    return abs(predicted - reported) <= 1


def near_lut(predicted: float, reported: float) -> bool:
    """Say whether look-up tables are within 30% of what is reported."""
    return abs(predicted - reported) <= NEAR_LUT * reported


def near_ff(predicted: float, reported: float) -> bool:
    """Say whether flip-flops are within a factor of 2."""
    return predicted <= NEAR_FF * reported and reported <= NEAR_FF * predicted


NEAR = {"lut": near_lut, "ff": near_ff}
