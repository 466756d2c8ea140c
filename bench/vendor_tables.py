"""Tables of published layers, reported and predicted, from the rows of docs/benchmarks/vendor.json."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from bench.formats import table
from bench.vendor_prediction import FORCED, RESOURCES
from knapprune.hardware.fitted import FORMS

Row = Mapping[str, Any]

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


def count_table(rows: Sequence[Row], name: str, group: Callable[[Row], tuple[str, ...]], header: Sequence[str]) -> str:
    """Lay out how often a count is what is reported, a line for each group, and what 0.1.0 said.

    Parameters
    ----------
    rows
        Predicted rows, those that cannot be compared among them.
    name
        The resource.
    group
        Which line a row belongs to.
    header
        What the parts of a group are.

    Returns
    -------
    str
        Markdown.
    """
    columns = ["rows", "not compared", "equal", "within one", "median difference", "reported", "predicted"]
    body: list[list[object]] = []
    for key in sorted({group(row) for row in rows}, key=_order):
        own = [row for row in rows if group(row) == key]
        now, before = both(own, name), both(own, name, "before")
        line: list[object] = [*key, len(own), len(own) - len(now)]
        if now:
            line += [sum(equal(*pair) for pair in now), sum(within_one(*pair) for pair in now)]
            line += [_median(now), *(round(sum(pair[place] for pair in now)) for place in (1, 0))]
            line += [sum(equal(*pair) for pair in before), _median(before), round(sum(pair[0] for pair in before))]
        body.append(line + ["-"] * (len(header) + len(columns) + 3 - len(line)))
    return table([*header, *columns, "0.1.0: equal", "median difference", "predicted"], body)


def logic_table(rows: Sequence[Row], left_out: Sequence[Row]) -> str:
    """Lay out how near the estimates of look-up tables and flip-flops are, by form.

    Parameters
    ----------
    rows
        Predicted rows.
    left_out
        The same shares for coefficients fitted without the rows like each row; none for rows that were not fitted to.

    Returns
    -------
    str
        Markdown.
    """
    body: list[list[object]] = []
    for name, what in (("lut", "LUT within 30%"), ("ff", "FF within a factor of 2")):
        for form in FORMS:
            own = [row for row in rows if row["form"] == form.name]
            now = both(own, name)
            if not now:
                continue
            before = both(own, name, "before")
            line: list[object] = [what, form.name, len(now), _percent(share(now, NEAR[name])), _nine_in_ten(now)]
            line.append(f"{_percent(share(before, NEAR[name]))} of {len(before)}" if before else "-")
            for group in ("shape", "width", "source"):
                found = [
                    row
                    for row in left_out
                    if (row["form"], row["resource"], row["left_out"]) == (form.name, name, group)
                ]
                line.append(_percent(found[0]["near"]) if found and found[0]["near"] is not None else "-")
            body.append(line)
    header = ["what", "form", "rows", "share", "9 in 10 within", "0.1.0", "shape left out", "width left out"]
    return table([*header, "source left out"], body)


def cycle_table(rows: Sequence[Row]) -> str:
    """Lay out how near interval and latency are."""
    body: list[list[object]] = []
    for name, what in (("ii", "interval"), ("latency", "latency")):
        for key in sorted({(name_of_set(row), way(row)) for row in rows}, key=_order):
            own = [row for row in rows if (name_of_set(row), way(row)) == key]
            now = both(own, name)
            line: list[object] = [what, *key, len(own), len(own) - len(now)]
            ratios = [predicted / reported for predicted, reported in now if reported]
            if now:
                line += [sum(equal(*pair) for pair in now), sum(within_one(*pair) for pair in now)]
                line += [f"{min(ratios):.3g} to {max(ratios):.3g}" if ratios else "-"]
            body.append(line + ["-"] * (8 - len(line)))
    header = ["what", "set", "strategy", "rows", "not compared", "equal", "within one cycle", "predicted over reported"]
    return table(header, body)


def left_out_table(rows: Sequence[Row]) -> str:
    """Lay out which numbers are not compared, and why."""
    found: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        for name, reason in row["not_compared"].items():
            found.setdefault(reason, {}).setdefault(name, []).append(row)
    body: list[list[object]] = []
    for reason, by_name in found.items():
        sources = {row["source"] for own in by_name.values() for row in own}
        kinds = sorted({row["kind"] for own in by_name.values() for row in own})
        counts = [len(by_name[name]) if name in by_name else "" for name in RESOURCES]
        body.append([reason, ", ".join(kinds), ", ".join(sorted(sources, key=_number)), *counts])
    names = ("DSP", "BRAM_18K", "LUT", "FF", "interval", "latency")
    return table(["why", "kind", "sources", *names], body)


def _number(source: str) -> int:
    digits = source.removeprefix("S")
    return int(digits) if digits.isdigit() else 0


def _order(key: tuple[str, ...]) -> tuple[object, ...]:
    places = [*SETS.values(), "reuse factor 1", "latency, RF > 1", "resource, RF > 1", *(name for _, name in DEPTHS)]
    return tuple(places.index(part) if part in places else len(places) for part in key), key


def _median(pairs: Sequence[tuple[float, float]]) -> str:
    middle = median(predicted - reported for predicted, reported in pairs)
    return f"{middle:+g}" if middle else "0"


def _percent(number: float) -> str:
    return f"{number:.0%}"


def _nine_in_ten(pairs: Sequence[tuple[float, float]]) -> str:
    import numpy as np

    from bench.vendor_fit import factors, nine_in_ten

    predicted, reported = (np.array([pair[place] for pair in pairs], float) for place in (0, 1))
    return f"x{nine_in_ten(factors(predicted, reported)):.2f}"
