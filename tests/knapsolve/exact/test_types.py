"""Types are found in one pass."""

from __future__ import annotations

import numpy as np
import pytest

from knapsolve import Knapsack
from knapsolve.exact.few_types.types import group_columns, types_of
from knapsolve.kernels import parallel


@pytest.mark.parametrize("kind", [np.int64, np.float64])
@pytest.mark.parametrize("types", [1, 3, 500])
def test_types_reproduce_the_weights_and_are_distinct(kind, types):
    """The table indexed by the types is the weights, and no column stands in it twice."""
    random = np.random.default_rng(types)
    weights = random.integers(0, 9, (3, types)).astype(kind)[:, random.integers(0, types, 2000)]
    item_type, table = types_of(Knapsack(np.ones(2000), weights, [1, 1, 1]))
    assert (table[:, item_type] == weights).all()
    assert len(np.unique(table, axis=1).T) == table.shape[1]


def test_minus_zero_is_zero():
    """Two zeros of different sign are one type."""
    assert group_columns(np.array([[0.0, -0.0]]), 10)[1].shape == (1, 1)


def test_too_many_types_are_reported():
    """Past the limit there is no answer."""
    assert group_columns(np.arange(5.0).reshape(1, 5), 4) is None


@pytest.mark.parametrize("types", [3, 200, 300])
def test_slices_agree_on_the_types(monkeypatch, types):
    """Types that only a later slice sees, and more of them than a byte holds, are brought together."""
    monkeypatch.setattr(parallel, "SLICE", 2000)
    random = np.random.default_rng(types)
    table = np.stack((np.arange(types), random.integers(0, 9, types)))
    kinds = np.sort(random.integers(0, types, 7005))
    kinds[-1] = 0
    item_type, found = group_columns(table[:, kinds], 2**20)
    assert (found[:, item_type] == table[:, kinds]).all()
    assert found.shape == (2, types)
