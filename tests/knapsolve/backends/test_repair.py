"""Repair drops as little as it can, and says when dropping cannot help."""

import numpy as np

from knapsolve.backends.repair import repaired
from knapsolve.problem import Knapsack

EVERYTHING = np.ones(3, dtype=bool)


def test_a_feasible_selection_is_left_alone() -> None:
    selected, dropped = repaired(Knapsack([1, 2, 3], [1, 1, 1], 3), EVERYTHING)
    assert selected is not None
    assert selected.all()
    assert dropped == 0


def test_the_item_of_least_value_per_weight_is_dropped() -> None:
    selected, dropped = repaired(Knapsack([5.0, 1.0, 5.0], [1.0, 1.0, 1.0], 2.0), EVERYTHING)
    assert selected is not None
    assert selected.tolist() == [True, False, True]
    assert dropped == 1


def test_an_item_that_does_not_use_the_resource_is_not_dropped() -> None:
    selected, _ = repaired(Knapsack([9, 1, 9], [[2, 0, 2], [0, 1, 0]], [2, 1]), EVERYTHING)
    assert selected is not None
    assert selected[1]
    assert selected.sum() == 2


def test_an_item_that_another_requires_goes_only_after_it() -> None:
    problem = Knapsack([9, 1, 8], [2, 2, 2], 4, requires=[[0, 1]])
    selected, _ = repaired(problem, EVERYTHING)
    assert selected is not None
    assert selected.tolist() == [True, True, False]


def test_a_class_that_needs_its_item_cannot_be_repaired() -> None:
    problem = Knapsack([1, 1, 1], [2, 2, 2], 3, choices=[0, 1, 2], exactly_one=True)
    assert repaired(problem, EVERYTHING)[0] is None
