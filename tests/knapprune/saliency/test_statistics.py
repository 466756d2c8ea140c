"""Means over batches: what they estimate, and that they take no more memory the more batches there are."""

import tracemalloc

import numpy as np
import pytest

from knapprune.network.batches import Batch, at_most, batches, in_two_or_more
from knapprune.saliency.first_order import FIRST_ORDER, first_order
from knapprune.saliency.hutchinson import hessian_diagonal

SAMPLES = np.random.default_rng(0).normal(0.5, [1.0, 2.0, 0.1], (4000, 3))


def walk(size, samples=SAMPLES):
    for start in range(0, len(samples), size):
        part = samples[start : start + size]
        yield Batch(part, part, None, len(part))


def of_batch(batch):
    """The gradient of a loss whose gradient on a sample is the sample itself."""
    return {"fc": batch.inputs.mean(axis=0)}


def test_the_mean_does_not_depend_on_the_size_of_the_batches():
    for size in (1, 7, 4000):
        found = first_order(of_batch, walk(size), {"mean"})
        assert list(found) == ["mean"]
        assert found["mean"]["fc"] == pytest.approx(SAMPLES.mean(axis=0), rel=1e-4)


def test_batches_count_by_their_samples():
    found = first_order(of_batch, walk(3, SAMPLES[:4]), {"mean_absolute"})["mean_absolute"]["fc"]
    assert found == pytest.approx((3 * np.abs(SAMPLES[:3].mean(axis=0)) + np.abs(SAMPLES[3])) / 4)


def test_the_mean_square_is_exact_in_batches_of_one():
    found = first_order(of_batch, walk(1), FIRST_ORDER)
    assert found["mean_square"]["fc"] == pytest.approx((SAMPLES**2).mean(axis=0), rel=1e-4)
    assert found["mean_absolute"]["fc"] == pytest.approx(np.abs(SAMPLES).mean(axis=0), rel=1e-4)


@pytest.mark.parametrize("size", [5, 16, 37])
def test_the_mean_square_is_estimated_from_larger_batches(size):
    found = first_order(of_batch, walk(size), {"mean_square"})
    assert list(found) == ["mean_square"]
    assert found["mean_square"]["fc"] == pytest.approx((SAMPLES**2).mean(axis=0), rel=0.2)


def test_the_mean_square_of_one_batch_of_several_samples_is_refused():
    with pytest.raises(ValueError, match="batch_size: 4 samples are in one batch, expected two batches or more"):
        first_order(of_batch, walk(4, SAMPLES[:4]), {"mean_square"})


def test_arrays_that_fit_into_one_batch_are_cut_in_two():
    few = (SAMPLES[:5], SAMPLES[:5])
    assert [batch.size for batch in batches(few, in_two_or_more(few, 32))] == [3, 2]
    assert in_two_or_more((SAMPLES, SAMPLES), 32) == 32
    assert in_two_or_more((SAMPLES[:1], SAMPLES[:1]), 32) == 1
    assert in_two_or_more(iter([]), 32) == 32


def test_so_many_samples_of_arrays_are_drawn_and_all_of_those_that_are_few():
    numbers = np.arange(100)
    data = ({"a": numbers, "b": numbers[:, None]}, numbers)
    drawn, labels = at_most(40, data)
    assert len(labels) == len(set(labels.tolist())) == 40
    assert np.array_equal(drawn["a"], labels)
    assert np.array_equal(drawn["b"][:, 0], labels)
    assert np.array_equal(at_most(40, data)[1], labels)
    assert np.ptp(labels) > 60  # of all, not the first ones: these may be of one class
    assert at_most(100, data) is data
    assert at_most(1, walk := iter([])) is walk


def test_read_only_gradients_are_copied():
    fixed = np.ones(3, dtype=np.float32)
    fixed.flags.writeable = False
    assert first_order(lambda batch: {"fc": fixed}, walk(2000), {"mean"})["mean"]["fc"].tolist() == [1, 1, 1]


def test_the_diagonal_of_a_full_hessian_is_right_on_average_and_the_same_for_one_seed():
    root = np.random.default_rng(1).normal(size=(3, 3))
    hessian = root @ root.T

    def product(batch, vectors):
        return {"fc": hessian @ vectors["fc"]}

    found = hessian_diagonal(product, {"fc": (3,)}, walk(1), seed=0)["fc"]
    assert found == pytest.approx(np.diag(hessian), abs=4 * np.abs(hessian).sum() / np.sqrt(4000))
    assert np.array_equal(found, hessian_diagonal(product, {"fc": (3,)}, walk(1), seed=0)["fc"])
    assert not np.array_equal(found, hessian_diagonal(product, {"fc": (3,)}, walk(1), seed=1)["fc"])


WEIGHTS = 200_000


@pytest.mark.parametrize("compute", ["first_order", "hessian"])
def test_memory_does_not_grow_with_the_number_of_batches(compute):
    def peak(samples):
        data = np.zeros((samples, 1), dtype=np.float32)
        tracemalloc.start()
        if compute == "hessian":
            hessian_diagonal(lambda batch, vectors: {"fc": vectors["fc"].copy()}, {"fc": (WEIGHTS,)}, walk(1, data), 0)
        else:
            first_order(lambda batch: {"fc": np.ones(WEIGHTS, np.float32)}, walk(1, data), FIRST_ORDER)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    few, many = peak(3), peak(60)
    assert many < 1.1 * few
    # Three sums, the gradient, and one array of scratch; no more than six float32 arrays of the weights.
    assert many < 6 * 4 * WEIGHTS
