"""From rows to the page: how many of each kind were predicted as counted, and why the others were not generated."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

from bench.networks.study import Row, versions_of
from bench.solvers import formats


def page(rows: list[Row]) -> str:
    """Write the page of these rows."""
    outcomes = Counter(row["outcome"] for row in rows)
    equal = [row for row in rows if row["outcome"] == "equal"]
    layers = sum(len(row["layers"]) for row in equal)
    return f"""# Random models: predicted and counted

{len(rows)} small models with random sizes, weights, zeros and settings, from Keras (also as hls4ml's graph), PyTorch,
ONNX and HGQ2. Each is converted; `kp.verify` counts the multipliers and memory blocks in the C++ that hls4ml wrote and
holds them against the prediction, layer by layer. A case is drawn from its number alone, so that any of them can be run
again.

**{outcomes["equal"]} models with {layers} layers: predicted = counted in every layer.**
{outcomes["differs"]} differ, {outcomes["failed"]} failed. {outcomes["refused"]} were refused, with a sentence that says
what hls4ml 1.3 would get wrong and what to set instead:

{_classes(rows, "refused")}

{outcomes["unconverted"]} graphs could not be made at all: hls4ml itself ends in an error.

{_classes(rows, "unconverted")}

## By network and front end

{_table(rows, "network", "front_end")}

## By strategy in effect

Layers, not models; the strategy and the reuse factor are those of the generated code.

{_strategies(equal)}

## By IO and backend

{_table(rows, "io_type", "backend")}

## By width of the weights

{_table(rows, "bits", "zeros")}

A cell is models predicted as counted, of models drawn; the rest were refused{_unless_failures(outcomes)}.
{_failures(rows)}
Made by `python -m bench.networks.generated_models` from `generated-models.json` ({versions_of(rows[0])}).
"""


def _table(rows: list[Row], down: str, across: str) -> str:
    drawn: Counter[tuple[Any, Any]] = Counter((row[down], row[across]) for row in rows)
    equal = Counter((row[down], row[across]) for row in rows if row["outcome"] == "equal")
    columns = sorted({column for _, column in drawn})
    body = [
        [name, *(f"{equal[name, col]} of {drawn[name, col]}" if drawn[name, col] else "" for col in columns)]
        for name in sorted({name for name, _ in drawn})
    ]
    return formats.table([down.replace("_", " "), *map(str, columns)], body)


def _strategies(rows: list[Row]) -> str:
    layers: Counter[tuple[str, str]] = Counter()
    for row in rows:
        for strategy, factor in row["layers"].values():
            layers[strategy, "1" if factor == 1 else "2 to 8" if factor <= 8 else "above 8"] += 1
    columns = ["1", "2 to 8", "above 8"]
    body = [
        [strategy, *(layers[strategy, column] for column in columns)]
        for strategy in sorted({strategy for strategy, _ in layers})
    ]
    return formats.table(["strategy", *(f"reuse factor {column}" for column in columns)], body)


def _classes(rows: list[Row], outcome: str) -> str:
    """Group the rows of an outcome by their sentence, numbers and names taken out."""
    classes: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row["outcome"] == outcome:
            classes[_without_numbers(row["why"])].append(row["why"])
    return "\n".join(f"- {len(whole)}: {whole[0]}" for _, whole in sorted(classes.items(), key=lambda kv: -len(kv[1])))


def _without_numbers(sentence: str) -> str:
    return re.sub(r"\[.*?\]|\d+|'[^']*'", "#", sentence)


def _unless_failures(outcomes: Counter[str]) -> str:
    return ", not converted or failed" if outcomes["differs"] + outcomes["failed"] else " or not converted"


def _failures(rows: list[Row]) -> str:
    bad = [row for row in rows if row["outcome"] in ("differs", "failed")]
    if not bad:
        return ""
    lines = [f"- {row['seed']}, {row['front_end']} {row['network']}: {row['why']}" for row in bad]
    return "\n".join(["", "## Failures", "", *lines, ""])
