"""What the model is asked to reach on published reports, and what it reaches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.networks.vendor.groups import both, depth, equal, in_memory, near_ff, near_lut, share, within_one
from bench.networks.vendor.prediction import FORCED
from bench.networks.vendor.published import Row
from bench.solvers.formats import table
from knapprune.hardware.fitted import SHARED, UNROLLED

Near = Callable[[float, float], bool]


@dataclass(frozen=True)
class Target:
    """A share of some rows that is to be reached.

    Parameters
    ----------
    what
        Rows and number, in words.
    resource
        The number.
    asked
        The share.
    near
        What counts.
    of
        Which rows.
    """

    what: str
    resource: str
    asked: float
    near: Near
    of: Callable[[Row], bool]

    def pairs(self, rows: Sequence[Row]) -> list[tuple[float, float]]:
        """List what is predicted and reported of the rows it is about."""
        return both([row for row in rows if self.of(row)], self.resource)

    def reached(self, rows: Sequence[Row]) -> float:
        """Share of the rows that are near."""
        return share(self.pairs(rows), self.near)


def _single(row: Row) -> bool:
    return bool(row["set"] == "single-dense")


def _memory(band: str) -> Callable[[Row], bool]:
    return lambda row: _single(row) and in_memory(row) and depth(row) == band


def strategy(row: Row) -> str:
    """Name the strategy that logic goes by; empty for what logic synthesis left, and where there is no estimate."""
    if row["stage"] != "csynth" or not row["form"]:
        return ""
    return {UNROLLED.name: "reuse factor 1", SHARED.name: "latency, RF > 1"}.get(row["form"], "resource, RF > 1")


def _logic(name: str) -> Callable[[Row], bool]:
    return lambda row: strategy(row) == name


TARGETS = (
    Target(
        "DSP equal: resource, RF > 1, weights of 8 to 18 bits",
        "dsp",
        1.0,
        equal,
        lambda row: in_memory(row) and 8 <= row["wbits"] <= 18,
    ),
    Target("DSP equal: single layers, RF 1", "dsp", 1.0, equal, lambda row: _single(row) and row["rf"] == 1),
    Target(
        "DSP equal: published layers, RF 1, data of 13 bits or more",
        "dsp",
        0.85,
        equal,
        lambda row: row["set"] == "project-layer" and row["rf"] == 1 and row["dbits"] >= 13,
    ),
    Target(
        "DSP within one: single layers, 6 bits", "dsp", 0.95, within_one, lambda row: _single(row) and row["wbits"] == 6
    ),
    Target("BRAM_18K equal: single layers, RF 2 to 512", "bram18", 0.98, equal, _memory("2 to 512")),
    Target("BRAM_18K within one: single layers, RF 513 to 1024", "bram18", 0.99, within_one, _memory("513 to 1024")),
    Target("BRAM_18K within one: single layers, RF above 1024", "bram18", 0.95, within_one, _memory("above 1024")),
    *(
        Target(f"{text}: {name}", resource, 0.8, near, _logic(name))
        for text, resource, near in (("LUT within 30%", "lut", near_lut), ("FF within a factor of 2", "ff", near_ff))
        for name in ("reuse factor 1", "latency, RF > 1", "resource, RF > 1")
    ),
    Target("interval within one cycle", "ii", 0.9, within_one, lambda row: True),
)


def target_table(rows: Sequence[Row]) -> str:
    """Lay out the targets and what is reached."""
    body: list[list[object]] = []
    for target in TARGETS:
        pairs = target.pairs(rows)
        hits = sum(target.near(*pair) for pair in pairs)
        reached = f"{hits:,} of {len(pairs):,}" + (f" ({target.reached(rows):.1%})" if pairs else "")
        held = "no row" if not pairs else "yes" if target.reached(rows) >= target.asked else "**no**"
        body.append([target.what, f"{target.asked:.0%}", reached, held])
    return table(["what", "asked", "reached", "held"], body, thousands=True)


def bound_table(rows: Sequence[Row]) -> str:
    """Lay out the DSP blocks that are known from above only: how many are too many, and whether any is too few."""
    body: list[list[object]] = []
    groups: dict[str, Callable[[Row], bool]] = {
        "data of 12 bits or fewer, RF 1": lambda row: bool(row["rf"] == 1),
        "latency, RF > 1": lambda row: bool(row["rf"] > 1),
    }
    for what, of in groups.items():
        own = [row for row in rows if row["upper_bound"] and row["set"] != FORCED and of(row)]
        pairs = both(own, "dsp")
        above = [predicted - reported for predicted, reported in pairs if predicted > reported]
        below = sum(predicted < reported for predicted, reported in pairs)
        line = [what, len(pairs), sum(equal(*pair) for pair in pairs), len(above), max(above, default=0), below]
        body.append([*line, *(round(sum(pair[place] for pair in pairs)) for place in (1, 0))])
    header = ["upper bound", "rows", "equal", "too many", "most too many", "too few", "reported", "predicted"]
    return table(header, body, thousands=True)
