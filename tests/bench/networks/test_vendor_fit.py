"""The errors beside the estimates are those on the published rows, and the coefficients are those the fit finds."""

import json

import numpy as np
import pytest

from bench.networks.vendor.fit import (
    cycles,
    estimated,
    factors,
    fit,
    left_out,
    nine_in_ten,
    reported,
    within_one,
)
from bench.networks.vendor.published import form_of_row, layers_of, read_rows
from knapprune.hardware.fitted import ABOVE_ALONE, FORMS, SHARE_SYNTHESISED, SHARED, UNROLLED, UNROLLED_SYNTHESISED
from knapprune.hardware.latency import INTERVAL_WITHIN_ONE, LATENCY_WITHIN_ONE

SUMS = [(form, resource) for form in FORMS for resource in ("lut", "ff")]
NAMES = [f"{form.name}, {resource}" for form, resource in SUMS]


@pytest.fixture(scope="module")
def rows(data_folder):
    return read_rows(data_folder)


def own(rows, form):
    return [row for row in rows if form_of_row(row) is form]


@pytest.mark.parametrize(("form", "resource"), SUMS, ids=NAMES)
def test_the_error_beside_an_estimate_is_the_measured_one(rows, form, resource):
    known, some = getattr(form, resource), own(rows, form)
    assert len(some) == known.error.rows
    measured = nine_in_ten(factors(estimated(some, known), reported(some, resource)))
    assert known.error.factor == pytest.approx(measured, abs=0.006)


@pytest.mark.needs("scipy")
@pytest.mark.parametrize(("form", "resource"), SUMS, ids=NAMES)
def test_the_fit_finds_the_coefficients_again(rows, form, resource):
    known = getattr(form, resource).coefficients
    assert fit(own(rows, form), list(known), resource) == pytest.approx(list(known.values()), rel=0.01)


def test_look_up_tables_are_within_30_percent_and_flip_flops_within_twice_in_four_of_five_rows(rows):
    """By strategy, all reports of C synthesis of hls4ml's own code together."""
    strategies = {"reuse factor 1": [], "latency": [], "resource": []}
    for row in rows:
        form = form_of_row(row)
        if form is None or row["stage"] != "csynth":
            continue
        strategy = {UNROLLED.name: "reuse factor 1", SHARED.name: "latency"}.get(form.name, "resource")
        (layer,) = layers_of(row)
        lut, ff = form.lut.of(layer), form.ff.of(layer)
        strategies[strategy].append((abs(lut / row["lut"] - 1) <= 0.3, ff <= 2 * row["ff"] and 2 * ff >= row["ff"]))
    assert {name: len(found) for name, found in strategies.items()} == {
        "reuse factor 1": 90,
        "latency": 63,
        "resource": 641,
    }
    for found in strategies.values():
        assert (np.mean(found, axis=0) >= 0.8).all()


def test_cycles_are_within_one_in_nine_of_ten_rows(rows):
    found = cycles(rows)
    for name, (share, count) in (("interval", INTERVAL_WITHIN_ONE), ("latency", LATENCY_WITHIN_ONE)):
        assert len(found[name]) == count
        assert within_one(found[name]) == pytest.approx(share, abs=0.0006)
        assert share >= 0.9


@pytest.mark.needs("scipy")
def test_shapes_that_the_fit_has_not_seen_are_met_as_well(rows):
    for form in (UNROLLED, SHARED, ABOVE_ALONE):
        estimates, truth = left_out(own(rows, form), form.lut, "lut", lambda row: (row["n_in"], row["n_out"]))
        assert len(truth) == form.lut.error.rows
        assert np.mean(np.abs(estimates / truth - 1) <= 0.3) >= 0.8


def test_two_designs_at_reuse_factor_1_say_what_logic_synthesis_leaves(data_folder):
    designs = json.loads((data_folder / "vendor" / "designs.json").read_text())
    both = [design for design in designs if design["vivado"] and design["rf"] == [1]]
    assert len(both) == UNROLLED_SYNTHESISED.lut.error.rows
    for resource, share in SHARE_SYNTHESISED.items():
        found = [design["vivado"][resource] / design["csynth"][resource] for design in both]
        assert share == pytest.approx(np.mean(found), abs=0.01)
        error = getattr(UNROLLED_SYNTHESISED, resource).error
        assert max(max(share / each, each / share) for each in found) == pytest.approx(error.factor, abs=0.01)


def test_rows_of_changed_code_and_without_weights_are_left_out(rows):
    left = [row for row in rows if form_of_row(row) is None]
    assert {row["kind"] for row in left if row["strategy"] == "resource"} == {"conv_2d_cl_me", "dense_ss"}
    assert all(row.get("nonzero") is None for row in left if row["strategy"] == "latency")
    assert len(left) == 11 + 2


def test_equal_is_a_factor_of_1_and_nothing_for_something_is_none():
    assert factors(np.array([0.0, 2, 4, 3]), np.array([0.0, 4, 2, 0])).tolist() == [1, 2, 2, np.inf]
