"""The fitted sums, on numbers that can be checked by hand."""

import pytest

from knapprune.hardware.fitted import (
    ABOVE,
    ABOVE_ALONE,
    ABOVE_SYNTHESISED,
    FORMS,
    LOOPED,
    SHARED,
    TERMS,
    UNROLLED,
    UNROLLED_SYNTHESISED,
    Quantities,
    form_of,
    slow_fabric,
    synthesised,
)


def dense(strategy="resource", reuse_factor=1, n_in=32, n_out=64, **more):
    return Quantities(strategy, reuse_factor, n_in, n_out, 12, 16, **more)


@pytest.mark.parametrize(
    ("quantities", "form", "after"),
    [
        (dense("latency"), UNROLLED, UNROLLED_SYNTHESISED),
        (dense("resource"), UNROLLED, UNROLLED_SYNTHESISED),
        (dense("latency", 64), SHARED, None),
        (dense("resource", 32), LOOPED, None),
        (dense("resource_unrolled", 16), LOOPED, None),
        (dense("resource", 64), ABOVE, ABOVE_SYNTHESISED),
        (dense("resource", 64, alone=True), ABOVE_ALONE, ABOVE_SYNTHESISED),
    ],
)
def test_a_layer_is_estimated_like_those_that_are_built_like_it(quantities, form, after):
    assert form_of(quantities) is form
    assert synthesised(quantities) is after


def test_a_published_layer_alone_is_met():
    """32 x 64 at reuse factor 512 has 4 multipliers, each with a multiplexer of 64 outputs: 8340 and 1197 reported."""
    layer = dense("resource", 512, alone=True)
    assert layer.built == 4
    assert ABOVE_ALONE.lut.of(layer) == round(4640 + 31 * 32 + 23.2 * 64 + 36.5 * 4 + 0.33 * 4 * 16 * 64) == 8614
    assert ABOVE_ALONE.ff.of(layer) == round(121 + 1.02 * 64 * 16 + 1.03 * 4 * 12) == 1215


def test_a_multiplier_of_two_outputs_selects_and_one_of_more_has_a_multiplexer_of_all():
    term = TERMS["bit of an output that a multiplier chooses among"]
    assert term(dense("resource", 64, n_out=40)) == 20 * 16 * 2
    assert term(dense("resource", 128, n_out=40)) == 10 * 16 * 64


def test_a_multiplier_chooses_its_input_unless_all_take_the_same():
    term = TERMS["bit of a multiplier that chooses its input"]
    assert term(dense("resource", 8)) == 256 * 16
    assert term(dense("resource", 32)) == 0


def test_constants_are_no_more_than_weights():
    assert dense("latency", nonzero=10, constants=25).multiplied == 10
    assert dense("latency").known_nonzero == 32 * 64


def test_the_7_series_needs_more_flip_flops_the_faster_its_clock():
    slow, fast, ultrascale = (
        dense("latency", part=part, clock_period=period)
        for part, period in (("xc7z020-clg400-1", 5.0), ("xc7z020-clg400-1", 2.5), ("xcvu13p-flga2577-2-e", 2.5))
    )
    assert UNROLLED.ff.of(fast) == 2 * UNROLLED.ff.of(slow) > UNROLLED.ff.of(ultrascale)
    assert not slow_fabric("")


def test_no_coefficient_is_negative_and_every_term_is_known():
    for form in (*FORMS, UNROLLED_SYNTHESISED):
        for known in (form.lut, form.ff):
            assert set(known.coefficients) <= set(TERMS)
            assert all(each > 0 for each in known.coefficients.values())
            assert known.error.factor > 1
