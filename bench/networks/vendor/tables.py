"""Tables of published layers, reported and predicted, from the rows of docs/benchmarks/vendor.json."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from bench.networks.vendor.groups import DEPTHS, NEAR, SETS, both, equal, name_of_set, share, way, within_one
from bench.networks.vendor.prediction import RESOURCES
from bench.networks.vendor.published import Row
from bench.solvers.formats import table
from knapprune.hardware.fitted import FORMS


def count_table(rows: Sequence[Row], name: str, group: Callable[[Row], tuple[str, ...]], header: Sequence[str]) -> str:
    """Lay out how often a count is what is reported, a line for each group, and what 0.1.0 said."""
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
    return table([*header, *columns, "0.1.0: equal", "median difference", "predicted"], body, thousands=True)


def logic_table(rows: Sequence[Row], left_out: Sequence[Row]) -> str:
    """Lay out how near the estimates of look-up tables and flip-flops are, by form."""
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
                without = [
                    row
                    for row in left_out
                    if (row["form"], row["resource"], row["left_out"]) == (form.name, name, group)
                ]
                line.append(_percent(without[0]["near"]) if without and without[0]["near"] is not None else "-")
            body.append(line)
    header = ["what", "form", "rows", "share", "9 in 10 within", "0.1.0", "shape left out", "width left out"]
    return table([*header, "source left out"], body, thousands=True)


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
    return table(header, body, thousands=True)


def left_out_table(rows: Sequence[Row]) -> str:
    """Lay out which numbers are not compared, and why."""
    by_reason: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        for name, reason in row["not_compared"].items():
            by_reason.setdefault(reason, {}).setdefault(name, []).append(row)
    body: list[list[object]] = []
    for reason, by_name in by_reason.items():
        sources = {row["source"] for own in by_name.values() for row in own}
        kinds = sorted({row["kind"] for own in by_name.values() for row in own})
        counts = [len(by_name[name]) if name in by_name else "" for name in RESOURCES]
        body.append([reason, ", ".join(kinds), ", ".join(sorted(sources, key=_number)), *counts])
    names = ("DSP", "BRAM_18K", "LUT", "FF", "interval", "latency")
    return table(["why", "kind", "sources", *names], body, thousands=True)


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

    from bench.networks.vendor.fit import factors, nine_in_ten

    predicted, reported = (np.array([pair[place] for pair in pairs], float) for place in (0, 1))
    return f"x{nine_in_ten(factors(predicted, reported)):.2f}"
