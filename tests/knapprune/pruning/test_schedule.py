"""Schedules: from today's use to the budget."""

from __future__ import annotations

import pytest

from knapprune.pruning.schedule import BinarySearch, Course, constant, plan_of, polynomial, shares


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
    expected = r"schedule: got 'cosine', expected one of \['binary-search', 'constant', 'polynomial'\]"
    with pytest.raises(ValueError, match=expected):
        plan_of("cosine", 3, 2)


@pytest.mark.parametrize("wrong", [lambda step, steps: 0.5, lambda step, steps: 1 - step / steps, lambda *_: 2.0])
def test_a_schedule_must_rise_to_one(wrong):
    """One that never arrives, falls or overshoots is refused."""
    with pytest.raises(ValueError, match=r"schedule: got the shares"):
        shares(wrong, 3)


def test_a_course_ends_where_patience_does():
    """Two misses in a row are the end, one is not."""
    course = Course((0.3, 0.6, 0.9, 1.0), patience=2)
    assert course.next([]) == 0.3
    assert course.next([(0.3, False)]) == 0.6
    assert course.next([(0.3, False), (0.6, True), (0.9, False)]) == 1.0
    assert course.next([(0.3, True), (0.6, False), (0.9, False)]) is None
    assert course.next([(share, True) for share in course.shares]) is None


@pytest.mark.parametrize("limit", [0.0, 0.2, 0.61, 0.999, 1.0])
def test_a_binary_search_closes_in_on_what_is_possible(limit):
    """The largest share that went well is within the promised distance of the largest that can."""
    search, tried = BinarySearch(8), []
    while (share := search.next(tried)) is not None:
        tried.append((share, share <= limit))
    best = max((share for share, accepted in tried if accepted), default=0.0)
    assert best <= limit <= best + 2.0**-7
    assert len(tried) == (1 if limit == 1.0 else 8)
