from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knapprune.network.rules.reuse import closest, divisors, valid_reuse_factors


def valid_by_definition(n_in, n_out):
    """The three conditions of hls4ml's ``_validate_reuse_factor``, one number after the other."""
    found = []
    for factor in range(1, n_in * n_out + 1):
        limit = -(-n_in * n_out // min(n_in, factor))
        found += [factor] * (
            (limit % n_out == 0 or factor >= n_in)
            and (factor % n_in == 0 or factor < n_in)
            and (n_in * n_out) % factor == 0
        )
    return found


@given(st.integers(1, 60), st.integers(1, 60))
def test_valid_reuse_factors_are_those_of_the_definition(n_in, n_out):
    assert valid_reuse_factors(n_in, n_out) == valid_by_definition(n_in, n_out)


def test_the_published_example_has_the_published_factors():
    assert valid_reuse_factors(16, 5) == [1, 2, 4, 8, 16, 80]
    assert valid_reuse_factors(16, 5, include_largest=False) == [1, 2, 4, 8, 16]


@pytest.mark.slow
def test_rules_equal_those_of_hls4ml_for_all_sizes_up_to_64():
    fpga = pytest.importorskip("hls4ml.backends.fpga.fpga_backend").FPGABackend
    backend = object.__new__(fpga)
    for n_in in range(1, 65):
        for n_out in range(1, 65):
            whole = n_in * n_out
            valid = valid_reuse_factors(n_in, n_out)
            assert valid == backend.get_valid_reuse_factors(n_in, n_out)  # puts every number to _validate_reuse_factor
            assert valid_reuse_factors(n_in, n_out, include_largest=False) == valid[:-1]
            # Halfway between two valid ones, and on both sides of it, is where the choice could differ.
            middles = {(low + high) // 2 + step for low, high in pairwise(valid) for step in (-1, 0, 1)}
            for chosen in middles | set(valid) | {whole + 1, 3 * whole}:
                assert closest(valid, chosen) == backend.get_closest_reuse_factor(valid, chosen)


def test_a_large_layer_takes_no_scan_over_all_its_weights():
    assert valid_reuse_factors(4096, 1000)[-1] == 4_096_000


def test_of_two_equally_near_factors_the_smaller_is_taken():
    assert closest([2, 6], 4) == 2


def test_a_size_of_zero_is_refused():
    with pytest.raises(ValueError, match="n_in, n_out: got 0, 4"):
        valid_reuse_factors(0, 4)


@given(st.integers(1, 3000))
def test_divisors_are_all_divisors_in_order(number):
    assert divisors(number) == [divisor for divisor in range(1, number + 1) if number % divisor == 0]
