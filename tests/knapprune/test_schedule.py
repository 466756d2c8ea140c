"""Schedules: from today's use to the budget."""

from __future__ import annotations

import pytest

from knapprune.schedule import constant, polynomial, schedule_of, shares


def test_constant_asks_for_everything_at_once():
    """Every step has the whole budget."""
    assert shares(constant, 3) == [1.0, 1.0, 1.0]


def test_polynomial_slows_down_and_ends_at_the_budget():
    """Each step goes less far than the one before."""
    found = shares(polynomial, 4)
    ways = [b - a for a, b in zip([0.0, *found], found, strict=False)]
    assert found[-1] == 1.0
    assert ways == sorted(ways, reverse=True)
    assert found[0] == pytest.approx(1 - 0.75**3)


def test_an_unknown_schedule_is_answered_with_the_list():
    """The error names those there are."""
    with pytest.raises(ValueError, match=r"schedule: got 'cosine', expected one of \['constant', 'polynomial'\]"):
        schedule_of("cosine")


@pytest.mark.parametrize("wrong", [lambda step, steps: 0.5, lambda step, steps: 1 - step / steps, lambda *_: 2.0])
def test_a_schedule_must_rise_to_one(wrong):
    """One that never arrives, falls or overshoots is refused."""
    with pytest.raises(ValueError, match=r"schedule: got the shares"):
        shares(wrong, 3)
