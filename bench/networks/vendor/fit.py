"""Fit the estimates of knapprune.hardware.fitted to published synthesis reports again.

    python -m bench.networks.vendor.fit    print coefficients and errors, and the errors on rows that were left out of
    the fit

Reads ``vendor/calibration.json`` in the folder that KNAPPRUNE_DATA names. Needs scipy.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.hardware.fitted import ABOVE_SYNTHESISED, FORMS, TERMS, Form, Quantities, Sum, form_of
from knapprune.hardware.latency import dense_interval, dense_latency

Row = Mapping[str, Any]

# hls4ml with functions of their own, by the names their authors gave them.
MODIFIED = ("conv_2d_cl_me", "dense_ss")

#: What is left out at once, so that nothing like a row is among those the fit has seen.
GROUPS: dict[str, Callable[[Row], object]] = {
    "shape": lambda row: row.get("shape") or (row["n_in"], row["n_out"]),
    "width": lambda row: row["wbits"],
    "source": lambda row: row["source"],
}


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


def matrix(rows: Sequence[Row], terms: Sequence[str]) -> npt.NDArray[np.float64]:
    """Evaluate terms, shape (rows, terms)."""
    return np.array([[sum(TERMS[term](layer) for layer in layers_of(row)) for term in terms] for row in rows], float)


def reported(rows: Sequence[Row], resource: str) -> npt.NDArray[np.float64]:
    """Shape (rows,): what the tool says."""
    return np.array([row[resource] for row in rows], float)


def fit(rows: Sequence[Row], terms: Sequence[str], resource: str) -> npt.NDArray[np.float64]:
    """Fit coefficients that are not negative; rows where the tool says 0 have no logarithm and are left out."""
    from scipy.optimize import least_squares, nnls

    some = [row for row in rows if row[resource] > 0]
    values, truth = matrix(some, terms), reported(some, resource)
    start = np.maximum(nnls(values / truth[:, None], np.ones(len(some)))[0], 1e-4 * truth.mean() / (values.mean(0) + 1))
    found = least_squares(
        lambda coefficients: np.log(np.maximum(values @ coefficients, 1e-9) / truth),
        start,
        bounds=(0, np.inf),
        loss="soft_l1",
        f_scale=0.1,
        x_scale=start,
        max_nfev=2000,
    )
    return np.asarray(found.x)


def estimated(rows: Sequence[Row], known: Sum) -> npt.NDArray[np.float64]:
    """Shape (rows,): what the coefficients in the table give."""
    return np.array([sum(known.of(layer) for layer in layers_of(row)) for row in rows], float)


def factors(estimates: npt.NDArray[np.float64], truth: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Shape (rows,): the larger of both over the smaller; infinite where only one is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.maximum(estimates / truth, truth / estimates)
    return np.where(estimates == truth, 1.0, found)


def nine_in_ten(found: npt.NDArray[np.float64]) -> float:
    """The factor that nine in ten rows are within."""
    return float(np.quantile(found, 0.9, method="higher"))


def left_out(
    rows: Sequence[Row], known: Sum, resource: str, group: Callable[[Row], object]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Estimate rows by coefficients fitted without any row of their group; returns estimates and what is reported."""
    terms = list(known.coefficients)
    estimates, truth = [np.zeros(0)], [np.zeros(0)]
    for key in {group(row) for row in rows}:
        others = [row for row in rows if group(row) != key]
        own = [row for row in rows if group(row) == key]
        if len(others) > len(terms):
            estimates.append(matrix(own, terms) @ fit(others, terms, resource))
            truth.append(reported(own, resource))
    return np.concatenate(estimates), np.concatenate(truth)


def report(rows: Sequence[Row]) -> list[str]:
    """Fit every form, and say how far off it is with and without having seen the rows."""
    lines = []
    for form in FORMS:
        own = [row for row in rows if form_of_row(row) is form]
        for resource, known in (("lut", form.lut), ("ff", form.ff)):
            terms = list(known.coefficients)
            truth, found = reported(own, resource), fit(own, terms, resource)
            here = estimated(own, known)
            lines += [
                f"{form.name}, {resource}: {len(own)} rows",
                *(f"  {number:10.4g}  {term}" for number, term in zip(found, terms, strict=True)),
                f"  in the table {_shares(here, truth, resource)}",
                *(
                    f"  {f'{name} out':12} {_shares(*left_out(own, known, resource, group), resource)}"
                    for name, group in GROUPS.items()
                ),
            ]
    return lines


def _shares(estimates: npt.NDArray[np.float64], truth: npt.NDArray[np.float64], resource: str) -> str:
    if not truth.size:
        return "too few rows"
    found = factors(estimates, truth)
    near, what = (
        (np.abs(estimates - truth) <= 0.3 * truth, "within 30%") if resource == "lut" else (found <= 2, "within x2")
    )
    return f"{near.mean():4.0%} {what}; 9 in 10 within x{nine_in_ten(found):.3f}"


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


def cycles(rows: Sequence[Row]) -> dict[str, list[tuple[int, int]]]:
    """List estimated and reported cycles of the layers that compute one position at a time."""
    found: dict[str, list[tuple[int, int]]] = {"interval": [], "latency": []}
    for row in rows:
        if row["ii"] is None or "conv" in row["kind"] or form_of_row(row) is None:
            continue
        (layer,) = layers_of(row)
        interval, latency = cycles_of(layer)
        found["interval"].append((interval, row["ii"]))
        found["latency"].append((latency, row["latency"]))
    return found


def within_one(pairs: Sequence[tuple[int, int]]) -> float:
    """Share of pairs that differ by at most one."""
    return float(np.mean([abs(estimate - truth) <= 1 for estimate, truth in pairs]))


def main() -> None:
    """Print the report."""
    folder = os.environ.get("KNAPPRUNE_DATA")
    if not folder:
        raise SystemExit("set KNAPPRUNE_DATA to the folder that holds vendor/calibration.json")
    rows = read_rows(Path(folder))
    print("\n".join(report(rows)))
    for name, pairs in cycles(rows).items():
        print(f"{name}: {len(pairs)} rows, {within_one(pairs):.1%} within one cycle")


if __name__ == "__main__":
    main()
