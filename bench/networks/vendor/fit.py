"""Fit the estimates of knapprune.hardware.fitted to published synthesis reports again.

    python -m bench.networks.vendor.fit    print coefficients and errors, and the errors on rows that were left out of
    the fit

Reads ``vendor/calibration.json`` in the folder that KNAPPRUNE_DATA names. Needs scipy.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import typer

from bench.networks.vendor.published import Row, cycles_of, form_of_row, layers_of, read_rows
from knapprune.hardware.fitted import FORMS, TERMS, Sum

#: What is left out at once, so that nothing like a row is among those the fit has seen.
GROUPS: dict[str, Callable[[Row], object]] = {
    "shape": lambda row: row.get("shape") or (row["n_in"], row["n_out"]),
    "width": lambda row: row["wbits"],
    "source": lambda row: row["source"],
}


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
    fitted = least_squares(
        lambda coefficients: np.log(np.maximum(values @ coefficients, 1e-9) / truth),
        start,
        bounds=(0, np.inf),
        loss="soft_l1",
        f_scale=0.1,
        x_scale=start,
        max_nfev=2000,
    )
    return np.asarray(fitted.x)


def estimated(rows: Sequence[Row], known: Sum) -> npt.NDArray[np.float64]:
    """Shape (rows,): what the coefficients in the table give."""
    return np.array([sum(known.of(layer) for layer in layers_of(row)) for row in rows], float)


def factors(estimates: npt.NDArray[np.float64], truth: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Shape (rows,): the larger of both over the smaller; infinite where only one is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        larger = np.maximum(estimates / truth, truth / estimates)
    return np.where(estimates == truth, 1.0, larger)


def nine_in_ten(ratios: npt.NDArray[np.float64]) -> float:
    """The factor that nine in ten rows are within."""
    return float(np.quantile(ratios, 0.9, method="higher"))


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
            truth, fitted = reported(own, resource), fit(own, terms, resource)
            here = estimated(own, known)
            lines += [
                f"{form.name}, {resource}: {len(own)} rows",
                *(f"  {number:10.4g}  {term}" for number, term in zip(fitted, terms, strict=True)),
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
    ratios = factors(estimates, truth)
    near, what = (
        (np.abs(estimates - truth) <= 0.3 * truth, "within 30%") if resource == "lut" else (ratios <= 2, "within x2")
    )
    return f"{near.mean():4.0%} {what}; 9 in 10 within x{nine_in_ten(ratios):.3f}"


def cycles(rows: Sequence[Row]) -> dict[str, list[tuple[int, int]]]:
    """List estimated and reported cycles of the layers that compute one position at a time."""
    pairs: dict[str, list[tuple[int, int]]] = {"interval": [], "latency": []}
    for row in rows:
        if row["ii"] is None or "conv" in row["kind"] or form_of_row(row) is None:
            continue
        (layer,) = layers_of(row)
        interval, latency = cycles_of(layer)
        pairs["interval"].append((interval, row["ii"]))
        pairs["latency"].append((latency, row["latency"]))
    return pairs


def within_one(pairs: Sequence[tuple[int, int]]) -> float:
    """Share of pairs that differ by at most one."""
    return float(np.mean([abs(estimate - truth) <= 1 for estimate, truth in pairs]))


def main() -> None:
    """Fit the estimates to published synthesis reports again; print coefficients and errors."""
    folder = os.environ.get("KNAPPRUNE_DATA")
    if not folder:
        raise typer.BadParameter("set KNAPPRUNE_DATA to the folder that holds vendor/calibration.json")
    rows = read_rows(Path(folder))
    print("\n".join(report(rows)))
    for name, pairs in cycles(rows).items():
        print(f"{name}: {len(pairs)} rows, {within_one(pairs):.1%} within one cycle")


if __name__ == "__main__":
    typer.run(main)
