"""Hold what we predict against what Vivado HLS, Vitis HLS and Vivado report of published hls4ml designs.

    python -m bench.networks.vendor               predict all rows; write docs/benchmarks/vendor.json, .md, both plots
    python -m bench.networks.vendor --rows FILE --out FOLDER    the same for another file of rows
    python -m bench.networks.vendor --table       write tables and plots anew from vendor.json

The rows are ``vendor/calibration.json`` in the folder that KNAPPRUNE_DATA names; ``designs.json``, ``multipliers.json``
and the folder ``reports`` are taken from beside them where they are. Tables go between the marks of ``vendor.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.networks.vendor import designs as whole
from bench.networks.vendor.fit import GROUPS, form_of_row, left_out
from bench.networks.vendor.groups import NEAR, in_memory, of_dsp, of_memory, share
from bench.networks.vendor.prediction import RESOURCES, predict
from bench.networks.vendor.tables import count_table, cycle_table, left_out_table, logic_table
from bench.networks.vendor.targets import bound_table, target_table
from knapprune.hardware.fitted import FORMS
from knapsolve.files.atomic import write_text

Row = Mapping[str, Any]
DOCS = Path(__file__).resolve().parents[3] / "docs" / "benchmarks"
OF_A_ROW = ["source", "set", "kind", "strategy", "rf", "rf_used", "wbits", "value_bits", "dbits", "tool", "stage"]


def predicted_rows(published: Sequence[Row]) -> list[dict[str, Any]]:
    """Predict published rows."""
    found, numbers = [], dict[str, int]()
    for row in published:
        numbers[row["source"]] = numbers.get(row["source"], 0) + 1
        made = predict(row)
        form = form_of_row(row) if {"lut", "ff"} & set(made["predicted"]) else None
        found.append(
            {"id": f"{row['source']}-{numbers[row['source']]}"}
            | {name: row[name] for name in OF_A_ROW if name in row}
            | {"form": "" if form is None else form.name}
            | {"reported": {name: row[name] for name in RESOURCES if row.get(name) is not None}}
            | {
                "predicted": made["predicted"],
                "before": {name: number for name, number in row.get("k", {}).items() if number is not None},
            }
            | {name: made[name] for name in ("upper_bound", "not_compared")}
        )
    return found


def left_out_shares(published: Sequence[Row]) -> list[dict[str, Any]]:
    """Say how near the estimates of logic are by coefficients that were fitted without the rows like each row."""
    found = []
    for form in FORMS:
        own = [row for row in published if form_of_row(row) is form]
        for resource in ("lut", "ff"):
            for name, group in GROUPS.items():
                estimates, truth = left_out(own, getattr(form, resource), resource, group)
                near = share(list(zip(estimates, truth, strict=True)), NEAR[resource]) if truth.size else None
                found.append({"form": form.name, "resource": resource, "left_out": name, "near": near})
    return found


def measure(rows_file: Path, fitted_to: bool) -> dict[str, Any]:
    """Predict all that is published."""
    published = json.loads(rows_file.read_text())
    rows, folder = predicted_rows(published), rows_file.parent
    return {
        "versions": {name: version(name) for name in ("knapprune", "hls4ml", "keras")},
        "rows": rows,
        "left_out": left_out_shares(published) if fitted_to else [],
        "multipliers": whole.multipliers(whole.read(folder / "multipliers.json")),
        "designs": whole.designs(whole.read(folder / "designs.json"), rows, folder / "reports"),
    }


def tables(found: Mapping[str, Any]) -> dict[str, str]:
    """Make the tables of the page, by the name of their marks."""
    rows = found["rows"]
    memories = [row for row in rows if in_memory(row)]
    return {
        "targets": target_table(rows),
        "bounds": bound_table(rows),
        "dsp": count_table(rows, "dsp", of_dsp, ["set", "strategy", "weight bits", "known"]),
        "memories": count_table(memories, "bram18", of_memory, ["set", "words"]),
        "logic": logic_table(rows, found["left_out"]),
        "cycles": cycle_table(rows),
        "multipliers": whole.multiplier_table(found["multipliers"]),
        "designs": whole.design_table(found["designs"]),
        "left-out": left_out_table(rows),
        "versions": f"{len(rows)} rows of layers, {len(found['designs'])} whole designs. "
        "Made by `python -m bench.networks.vendor` ("
        + ", ".join(f"{name} {number}" for name, number in found["versions"].items())
        + ").",
    }


def page(template: str, made: Mapping[str, str]) -> str:
    """Put tables between their marks."""
    for name, text in made.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        between = re.compile(f"{begin}.*?{end}", re.DOTALL)
        count = len(between.findall(template))
        if count != 1:
            raise ValueError(f"template: has {count} places for {name!r}, expected one, between {begin} and {end}")
        before, after = between.split(template)
        template = f"{before}{begin}\n{text}\n{end}{after}"
    return template


def as_lines(found: Mapping[str, Any]) -> str:
    """Write down what was measured, a row a line."""
    parts = []
    for name, value in found.items():
        rows = "[\n" + ",\n".join("  " + json.dumps(row) for row in value) + "\n ]" if isinstance(value, list) else None
        parts.append(f" {json.dumps(name)}: {rows or json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    """Predict unless only the tables are asked for, then write page and plots."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=Path, help="a file of the form of calibration.json, not the one of the fit")
    parser.add_argument("--table", action="store_true", help="only write tables and plots anew")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder of vendor.json, vendor.md and the plots")
    arguments = parser.parse_args()
    record = arguments.out / "vendor.json"
    if not arguments.table:
        data = os.environ.get("KNAPPRUNE_DATA")
        if arguments.rows is None and not data:
            parser.error("set KNAPPRUNE_DATA to the folder that holds vendor/calibration.json, or name --rows")
        rows_file = arguments.rows or Path(str(data)) / "vendor" / "calibration.json"
        arguments.out.mkdir(parents=True, exist_ok=True)
        write_text(record, as_lines(measure(rows_file, fitted_to=arguments.rows is None)))
    found = json.loads(record.read_text())
    made = tables(found)
    write_text(arguments.out / "vendor.md", page((DOCS / "vendor.md").read_text(), made))

    from bench.networks.vendor.plots import plot

    plot(found["rows"], ("dsp", "bram18"), arguments.out / "vendor.png")
    plot(found["rows"], ("lut", "ff"), arguments.out / "vendor-logic.png")
    print(f"{made['targets']}\n\n{made['bounds']}")


if __name__ == "__main__":
    main()
