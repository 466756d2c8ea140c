import pytest

from knapprune.network.precision import (
    FixedPoint,
    at_most,
    of_add,
    of_choice,
    of_multiply,
    of_product_sum,
    of_scaling,
    parse_precision,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fixed<16,6>", FixedPoint(16, 6)),
        ("ap_fixed<16, 6, RND, SAT>", FixedPoint(16, 6)),
        ("ufixed<8,0>", FixedPoint(8, 0, signed=False)),
        ("ap_uint<4>", FixedPoint(4, 4, signed=False)),
        ("int<8>", FixedPoint(8, 8)),
        ("ac_fixed<12,3,false>", FixedPoint(12, 3, signed=False)),
        ("ac_int<5, true>", FixedPoint(5, 5)),
        ("fixed<8,-2>", FixedPoint(8, -2)),
    ],
)
def test_every_spelling_of_hls4ml_is_read(text, expected):
    assert parse_precision(text) == expected


@pytest.mark.parametrize("text", ["float", "fixed<16>", "fixed<a,b>", "int<0>", "", None])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="precision: got"):
        parse_precision(text)


def test_a_product_sum_grows_by_the_logarithm_and_one_bit_for_the_bias():
    data = FixedPoint(16, 6)
    assert of_product_sum(data, data, data, 16) == FixedPoint(16 + 16 + 4 + 1, 6 + 6 + 4 + 1)


def test_an_unsigned_bias_takes_a_sign_bit_where_the_sum_is_signed():
    small = FixedPoint(4, 2)
    assert of_product_sum(small, small, FixedPoint(8, 8, signed=False), 1) == FixedPoint(10 + 4, 10)


def test_merging_rules_keep_every_value():
    first, second = FixedPoint(8, 4), FixedPoint(6, 5, signed=False)
    assert of_add(first, second) == FixedPoint(11, 7)
    assert of_add(second, second, subtract=True).signed
    assert of_multiply(first, second) == FixedPoint(14, 9)
    assert of_choice(first, second) == FixedPoint(10, 6)
    assert of_choice(second, second) == second
    assert of_scaling(first, second, first) == FixedPoint(15, 10)


def test_a_maximum_caps_width_and_integer_bits_apart():
    assert at_most(FixedPoint(40, 20), FixedPoint(24, 8)) == FixedPoint(24, 8)
    assert at_most(FixedPoint(40, 20), None) == FixedPoint(40, 20)
