"""The nearest number of few signed digits is the nearest there is, and in its type."""

import numpy as np
import pytest

from knapprune.network.digits import nearest, signed_digits


@pytest.mark.parametrize("digits", range(6))
@pytest.mark.parametrize(("bits", "signed"), [(2, True), (3, True), (5, False), (8, True), (8, False), (11, True)])
def test_no_number_of_the_type_with_as_few_digits_is_nearer(bits, signed, digits):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    every = np.arange(low, high + 1)
    allowed = every[signed_digits(every) <= digits]
    chosen = nearest(every, digits, low, high)
    assert np.isin(chosen, allowed).all()
    least = np.abs(every[:, None] - allowed).min(axis=1)
    assert np.array_equal(np.abs(every - chosen), least)


@pytest.mark.parametrize("digits", range(5))
def test_of_two_numbers_as_near_the_one_on_the_wanted_side_is_taken(digits):
    every = np.arange(-512, 512)
    allowed = every[signed_digits(every) <= digits]
    distance = np.abs(every[:, None] - allowed)
    near = distance == distance.min(axis=1, keepdims=True)
    magnitudes = np.where(near, np.abs(allowed), -1)
    inside = np.abs(every) <= 256  # beyond, the type ends
    further = magnitudes.max(axis=1)
    assert np.array_equal(np.abs(nearest(every, digits, -512, 511, away=True))[inside], further[inside])
    closer = np.where(magnitudes < 0, 1024, magnitudes).min(axis=1)
    assert np.array_equal(np.abs(nearest(every, digits, -512, 511))[inside], closer[inside])


def test_numbers_of_sixty_bits_are_as_exact_as_small_ones():
    number = 2**59 - 1
    assert nearest(np.array([number, -number]), 2, -(2**59), number).tolist() == [number, -number]
    assert nearest(np.array([number]), 1, -(2**59), number).tolist() == [2**58]


def test_the_shape_is_kept():
    assert nearest(np.zeros((2, 0, 3), np.int64), 2, -8, 7).shape == (2, 0, 3)
    assert nearest(np.arange(6).reshape(2, 3), 1, -8, 7).tolist() == [[0, 1, 2], [2, 4, 4]]
