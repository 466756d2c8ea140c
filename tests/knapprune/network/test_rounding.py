"""Rounding: weights as the chip holds them, in every mode."""

from __future__ import annotations

import numpy as np
import pytest

from knapprune.network.rounding import Rounding

VALUES = np.array([-1.375, -0.125, 0.125, 0.3, 0.375, 1.9, 2.2])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fixed<4,2>", [-1.5, -0.25, 0.0, 0.25, 0.25, 1.75, -2.0]),
        ("ap_fixed<4,2,AP_TRN_ZERO,AP_SAT>", [-1.25, 0.0, 0.0, 0.25, 0.25, 1.75, 1.75]),
        ("fixed<4,2,RND,SAT>", [-1.25, 0.0, 0.25, 0.25, 0.5, 1.75, 1.75]),
        ("fixed<4,2,RND_MIN_INF,SAT>", [-1.5, -0.25, 0.0, 0.25, 0.25, 1.75, 1.75]),
        ("fixed<4,2,RND_INF,SAT>", [-1.5, -0.25, 0.25, 0.25, 0.5, 1.75, 1.75]),
        ("fixed<4,2,RND_ZERO,SAT>", [-1.25, 0.0, 0.0, 0.25, 0.25, 1.75, 1.75]),
        ("fixed<4,2,RND_CONV,SAT_ZERO>", [-1.5, 0.0, 0.0, 0.25, 0.5, 0.0, 0.0]),
        ("ufixed<4,2,RND,SAT>", [0.0, 0.0, 0.25, 0.25, 0.5, 2.0, 2.25]),
        ("int<3>", [-2.0, -1.0, 0.0, 0.0, 0.0, 1.0, 2.0]),
    ],
)
def test_each_mode_rounds_and_overflows_as_its_name_says(text, expected):
    """Halves of the last bit tell the modes apart; 1.9 and 2.2 leave the range of two integer bits."""
    assert Rounding.parse(text)(VALUES).tolist() == expected


def test_a_symmetric_range_leaves_out_its_lowest_number():
    """-2 is there in fixed<4,2>, but its opposite is not."""
    assert Rounding.parse("fixed<4,2,TRN,SAT_SYM>")(np.array([-3.0])).tolist() == [-1.75]


def test_an_unknown_mode_is_refused_with_the_list():
    """The message quotes the type."""
    with pytest.raises(ValueError, match=r"precision: got 'fixed<8,2,NEAR>', expected modes among \['TRN'"):
        Rounding.parse("fixed<8,2,NEAR>")
