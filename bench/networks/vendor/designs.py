"""Published designs as a whole, and published multipliers by the widths of their operands, beside what we say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.networks.vendor.prediction import is_vivado_hls
from bench.networks.vendor.published import Row
from bench.solvers.formats import table
from knapprune.hardware.beside import MEASURED
from knapprune.hardware.dsp import table_of_part

#: Folders of reports that hold the model as well, by source.
MODELS = {"S5": "iris", "S6": "tutorial"}
#: Where :data:`MEASURED` has what is beside the weights of a source's design, built anew without its weights.
BUILT_ANEW = {"S12": 0, "S17": 1, "S7": 2}
#: The tool of the source whose author put every product into a DSP block, needed or not.
FORCED_TOOL = "2021.1"


def multipliers(published: Sequence[Row]) -> list[dict[str, Any]]:
    """Say for each published pair of widths what our table has."""
    rows = []
    for row in published:
        known = table_of_part(row["part"], "Vivado" if is_vivado_hls(row["tool"]) else "Vitis")
        widths = [int(operand.rstrip("us")) for operand in row["operands"][:2]]
        own = {name: row[name] for name in ("tool", "part", "kind", "operands", "count")}
        rows.append(own | {"reported": row["dsp"], "predicted": known.blocks(*widths), "before": row["table"]})
    return rows


def multiplier_table(rows: Sequence[Row]) -> str:
    """Lay out how many published multipliers the table meets, by tool."""
    body = []
    for tool, part in sorted({(row["tool"], row["part"]) for row in rows}):
        own = [row for row in rows if (row["tool"], row["part"]) == (tool, part)]
        all_of_them = sum(row["count"] for row in own)
        equal = sum(row["count"] for row in own if row["predicted"] == row["reported"])
        before = sum(row["count"] for row in own if row["before"] == row["reported"])
        left = [
            f"{' x '.join(row['operands'])}: {row['reported']} for {row['predicted']} ({row['count']})"
            for row in own
            if row["predicted"] != row["reported"]
        ]
        why = "products forced into blocks, below 9 bits" if tool == FORCED_TOOL else "; ".join(left)
        body.append([tool, part, len(own), all_of_them, equal, before, why if left else "nothing"])
    return table(
        ["tool", "part", "pairs of widths", "multipliers", "equal", "0.1.0 equal", "not explained"],
        body,
        thousands=True,
    )


def designs(published: Sequence[Row], layers: Sequence[Row], reports: Path) -> list[dict[str, Any]]:
    """Predict whole designs where their weights are known: from the model, or from layers that are all published."""
    rows = []
    for design in published:
        row = {name: design[name] for name in ("source", "design", "tool", "part", "layers", "strategies", "rf")}
        row["reported"] = {"dsp": design["csynth"]["dsp"], "bram18": round(2 * design["csynth"]["bram36"])}
        row["before"] = {"dsp": design["knapprune"]["dsp"], "bram18": 2 * design["knapprune"]["bram36"]}
        row |= _of_layers(design, published, layers)
        folder = reports / MODELS.get(design["source"], "none")
        if folder.is_dir():
            row |= _of_model(folder)
        rows.append(row)
    return rows


def _of_layers(design: Row, published: Sequence[Row], layers: Sequence[Row]) -> dict[str, Any]:
    own = [row for row in layers if row["source"] == design["source"] and row["set"] == "project-layer"]
    alone = sum(other["source"] == design["source"] for other in published) == 1
    whole = alone and len(own) == design["layers"]
    names = [name for name in ("dsp", "bram18") if whole and all(name in row["predicted"] for row in own)]
    weights = {name: sum(row["predicted"][name] for row in own) for name in names}
    place = BUILT_ANEW.get(design["source"])
    return {"weights": weights, "beside": {} if place is None or not alone else {"bram18": MEASURED[place][2]}}


def _of_model(folder: Path) -> dict[str, Any]:
    """Estimate a model in its own configuration; what fails becomes part of the row."""
    import knapprune as kp

    try:
        estimate = kp.estimate(kp.load(folder / "model.keras"), str(folder / "config.yml"), explain=True)
    except Exception as error:
        said = " ".join(str(error).split()).replace(str(folder), "FOLDER")
        return {"error": f"{type(error).__name__}: {said}"[:120]}
    names = ("dsp", "bram18")
    beside = {name: sum(getattr(thing, name) for thing in estimate.beside) for name in names}
    return {"weights": {name: estimate.total[name] for name in names}, "beside": beside}


def design_table(rows: Sequence[Row]) -> str:
    """Lay the designs out, those with a prediction first."""
    header = ["design", "source", "tool", "layers", "RF"]
    for name in ("DSP", "BRAM_18K"):
        header += [f"{name} reported", "weights", "beside", "0.1.0"]
    body = []
    for row in sorted(rows, key=lambda row: "dsp" not in row["weights"]):
        cells = [row["design"], row["source"], row["tool"], row["layers"], ", ".join(map(str, row["rf"]))]
        for name in ("dsp", "bram18"):
            cells += [row["reported"][name], *(_known(row[which], name) for which in ("weights", "beside", "before"))]
        body.append(cells)
    failed = [f"- {row['source']}, the model: {row['error']}" for row in rows if "error" in row]
    return "\n".join([table(header, body, thousands=True), *(["", *failed] if failed else [])])


def _known(counts: Mapping[str, int], name: str) -> int | str:
    return counts.get(name, "-")


def read(path: Path) -> list[Any]:
    """Read a file of rows; none where there is no such file."""
    return list(json.loads(path.read_text())) if path.is_file() else []
