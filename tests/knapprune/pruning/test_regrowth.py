"""Regrowth: dead weights compete by their gradients, the share that is asked for and no more."""

from __future__ import annotations

import numpy as np
import pytest

from knapprune.pruning.regrowth import check_regrowth, revived

RANDOM = np.random.default_rng(4)


@pytest.mark.parametrize("share", [0.1, 0.3, 1.0])
def test_the_asked_share_would_change_places(share):
    """As RigL does it: so many of the smallest living weights for as many dead ones of the largest gradient."""
    mask = RANDOM.random((20, 10)) < 0.6
    kernel = RANDOM.normal(size=(20, 10)) * mask
    gradient = RANDOM.normal(size=(20, 10))
    count = min(int(share * mask.sum()), int((~mask).sum()))
    found = revived(kernel, mask, gradient, share)
    assert np.array_equal(found[mask], kernel[mask])
    grown = np.abs(found[~mask])
    assert np.array_equal(np.argsort(grown), np.argsort(np.abs(gradient[~mask])))
    border = np.sort(np.abs(kernel[mask]))[count - 1]
    assert np.count_nonzero(grown >= border * (1 - 1e-12)) == count


def test_without_gradients_nothing_comes_back():
    """A layer that the loss does not depend on, and one without dead weights."""
    mask = np.array([True, False, True])
    kernel = np.array([1.0, 0.0, 2.0])
    assert np.array_equal(revived(kernel, mask, np.zeros(3), 0.5), kernel)
    assert np.array_equal(revived(kernel, np.ones(3, dtype=bool), np.ones(3), 0.5), kernel)


@pytest.mark.parametrize("share", [0.0, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    """The message names the argument."""
    with pytest.raises(ValueError, match=r"regrow: got .*, expected a share above 0, up to 1"):
        check_regrowth(share)
