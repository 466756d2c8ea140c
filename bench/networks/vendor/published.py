"""Published rows, as the estimates of logic and cycles see them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from knapprune.hardware.fitted import ABOVE_SYNTHESISED, Form, Quantities, form_of
from knapprune.hardware.latency import dense_interval, dense_latency

Row = Mapping[str, Any]

# hls4ml with functions of their own, by the names their authors gave them.
MODIFIED = ("conv_2d_cl_me", "dense_ss")


def read_rows(data: Path) -> list[Row]:
    """Read the published rows."""
    rows: list[Row] = json.loads((data / "vendor" / "calibration.json").read_text())
    return rows


def layers_of(row: Row) -> tuple[Quantities, ...]:
    """State what the estimates of a row are made of: one layer, or the two of a design that was reported as a whole."""
    common: dict[str, Any] = {
        "strategy": row["strategy"],
        "weight_bits": row["wbits"],
        "data_bits": row["dbits"],
        "part": row["part"],
        "clock_period": row["clock"] or 5.0,
        "alone": row["set"] == "single-dense",
    }
    if row["set"] == "two-dense":
        sizes = [int(size) for size in row["shape"].split("-")]
        pairs = zip(sizes[:-1], sizes[1:], row["rf_used"], strict=True)
        return tuple(Quantities(n_in=n, n_out=m, reuse_factor=factor, **common) for n, m, factor in pairs)
    # Under latency, the single layers that are published with 1024 have the multipliers of 1023.
    factor = 1023 if row["set"] == "single-dense" and row["strategy"] == "latency" and row["rf"] == 1024 else row["rf"]
    known: dict[str, Any] = {"nonzero": row.get("nonzero"), "constants": row.get("constants3")}
    return (Quantities(n_in=row["n_in"], n_out=row["n_out"], reuse_factor=factor, **known, **common),)


def form_of_row(row: Row) -> Form | None:
    """Find the form of a row; None where it lacks what the form is made of, or hls4ml was changed for it."""
    if row["kind"] in MODIFIED:
        return None
    if row["stage"] != "csynth":
        return ABOVE_SYNTHESISED
    layer = layers_of(row)[0]
    of_constants = layer.strategy == "latency" or layer.reuse_factor == 1
    return None if of_constants and layer.nonzero is None else form_of(layer)


def cycles_of(layer: Quantities) -> tuple[int, int]:
    """Estimate interval and latency of a layer that computes one position at a time."""
    zeros = layer.n_in * layer.n_out - layer.known_nonzero
    how: dict[str, Any] = {
        "constants": layer.multiplied if layer.strategy == "latency" else None,
        "limit": -(-layer.n_in * layer.n_out // layer.reuse_factor) - zeros // layer.reuse_factor,
        "part": layer.part,
        "clock_period": layer.clock_period,
    }
    return (
        dense_interval(layer.strategy, layer.reuse_factor, **how),
        dense_latency(layer.strategy, layer.reuse_factor, layer.n_in, **how),
    )
