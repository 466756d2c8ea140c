"""Hold what we predict against what Vivado HLS, Vitis HLS and Vivado report of published hls4ml designs.

    python -m bench.networks.vendor               predict all rows; write docs/benchmarks/vendor.json, .md, both plots
    python -m bench.networks.vendor --rows FILE --out FOLDER    the same for another file of rows
    python -m bench.networks.vendor --table       write tables and plots anew from vendor.json

The rows are ``vendor/calibration.json`` in the folder that KNAPPRUNE_DATA names; ``designs.json``, ``multipliers.json``
and the folder ``reports`` are taken from beside them where they are. Tables go between the marks of ``vendor.md``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.measuring.machine import versions
from bench.networks.command import app
from bench.networks.marks import filled
from bench.networks.study import DOCS, Study, versions_of
from bench.networks.vendor import designs as whole
from bench.networks.vendor.fit import GROUPS, left_out
from bench.networks.vendor.groups import NEAR, in_memory, of_dsp, of_memory, share
from bench.networks.vendor.prediction import RESOURCES, predict
from bench.networks.vendor.published import Row, form_of_row
from bench.networks.vendor.tables import count_table, cycle_table, left_out_table, logic_table
from bench.networks.vendor.targets import bound_table, target_table
from knapprune.hardware.fitted import FORMS

OF_A_ROW = ["source", "set", "kind", "strategy", "rf", "rf_used", "wbits", "value_bits", "dbits", "tool", "stage"]


def predicted_rows(published: Sequence[Row]) -> list[dict[str, Any]]:
    """Predict published rows."""
    rows, numbers = [], dict[str, int]()
    for row in published:
        numbers[row["source"]] = numbers.get(row["source"], 0) + 1
        made = predict(row)
        form = form_of_row(row) if {"lut", "ff"} & set(made["predicted"]) else None
        rows.append(
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
    return rows


def left_out_shares(published: Sequence[Row]) -> list[dict[str, Any]]:
    """Say how near the estimates of logic are by coefficients that were fitted without the rows like each row."""
    shares = []
    for form in FORMS:
        own = [row for row in published if form_of_row(row) is form]
        for resource in ("lut", "ff"):
            for name, group in GROUPS.items():
                estimates, truth = left_out(own, getattr(form, resource), resource, group)
                near = share(list(zip(estimates, truth, strict=True)), NEAR[resource]) if truth.size else None
                shares.append({"form": form.name, "resource": resource, "left_out": name, "near": near})
    return shares


def record(
    rows: Annotated[
        Path | None, typer.Option(help="A file of the form of calibration.json, not the one of the fit.")
    ] = None,
) -> dict[str, Any]:
    """Predict all that is published."""
    data = os.environ.get("KNAPPRUNE_DATA")
    if rows is None and not data:
        raise typer.BadParameter("set KNAPPRUNE_DATA to the folder that holds vendor/calibration.json, or name --rows")
    rows_file = rows or Path(str(data)) / "vendor" / "calibration.json"
    published = json.loads(rows_file.read_text())
    predicted, folder = predicted_rows(published), rows_file.parent
    return {
        **versions("knapprune", "hls4ml", "keras"),
        "rows": predicted,
        "left_out": left_out_shares(published) if rows is None else [],
        "multipliers": whole.multipliers(whole.read(folder / "multipliers.json")),
        "designs": whole.designs(whole.read(folder / "designs.json"), predicted, folder / "reports"),
    }


def tables(content: Mapping[str, Any]) -> dict[str, str]:
    """Make the tables of the page, by the name of their marks."""
    rows = content["rows"]
    memories = [row for row in rows if in_memory(row)]
    return {
        "targets": target_table(rows),
        "bounds": bound_table(rows),
        "dsp": count_table(rows, "dsp", of_dsp, ["set", "strategy", "weight bits", "known"]),
        "memories": count_table(memories, "bram18", of_memory, ["set", "words"]),
        "logic": logic_table(rows, content["left_out"]),
        "cycles": cycle_table(rows),
        "multipliers": whole.multiplier_table(content["multipliers"]),
        "designs": whole.design_table(content["designs"]),
        "left-out": left_out_table(rows),
        "versions": f"{len(rows)} rows of layers, {len(content['designs'])} whole designs. "
        f"Made by `python -m bench.networks.vendor` ({versions_of(dict(content))}).",
    }


def page(content: Mapping[str, Any]) -> str:
    """Put the tables into their page."""
    return filled((DOCS / "vendor.md").read_text(encoding="utf-8"), tables(content))


def more(content: Mapping[str, Any], out: Path) -> None:
    """Draw the plots, and show what was asked and what is reached."""
    from bench.networks.vendor.plots import plot

    rows = content["rows"]
    plot(rows, ("dsp", "bram18"), out / "vendor.png")
    plot(rows, ("lut", "ff"), out / "vendor-logic.png")
    print(f"{target_table(rows)}\n\n{bound_table(rows)}")


STUDY = Study("vendor", __doc__, page, record=record, more=more)

if __name__ == "__main__":
    app(STUDY)()
