"""Both estimates of curvature against the exact Hessian of a tiny network, and their standard errors."""

import numpy as np
import pytest

from knapprune.adapters.pytorch.adapter import PyTorchAdapter
from knapprune.network.batches import Batch
from knapprune.saliency import Statistics
from shared.frameworks import torch

pytestmark = pytest.mark.needs("torch", "hls4ml")

ADAPTER = PyTorchAdapter()
SIZE = 8
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(SIZE, 3)).astype(np.float32)
Y = RANDOM.integers(0, 3, SIZE)


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    torch.manual_seed(1)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3)).double()
    return module


@pytest.fixture(scope="module")
def hessian(model):
    """All of it, column by column, and where in it each kernel's weights are."""
    shapes = {name: kernel.shape for name, kernel in ADAPTER.kernels(model).items()}
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    columns = []
    for unit in np.eye(sum(sizes)):
        parts = np.split(unit, np.cumsum(sizes)[:-1])
        vectors = {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
        found = ADAPTER.hessian_product(model, Batch(X, Y, None, SIZE), vectors)
        columns.append(flat(found))
    return np.array(columns)


def flat(by_layer):
    return np.concatenate([by_layer[name].ravel() for name in sorted(by_layer)])


def estimate(model, statistic, copies, seed=0):
    """Estimate from so many batches, each of them all the samples."""
    known = Statistics(ADAPTER, model, (np.tile(X, (copies, 1)), np.tile(Y, copies)), SIZE, seed)
    return flat({name: getattr(known.of(name), statistic) for name in ADAPTER.kernels(model)})


def test_hutchinsons_standard_error_is_that_of_the_other_entries_of_a_row(model, hessian):
    assert np.allclose(hessian, hessian.T)
    copies = 400
    error = estimate(model, "hessian_diagonal", copies) - np.diag(hessian)
    expected = np.sqrt((hessian**2).sum(axis=1) - np.diag(hessian) ** 2) / np.sqrt(copies)
    seen = expected > 0
    assert np.abs(error[~seen]).max(initial=0) < 1e-6
    assert np.abs(error[seen] / expected[seen]).max() < 4
    assert 0.5 < np.sqrt(np.mean((error[seen] / expected[seen]) ** 2)) < 1.6


def test_drawn_labels_give_the_hessians_diagonal_where_activations_are_piecewise_linear(model, hessian):
    exact, copies = np.diag(hessian), 800
    found = estimate(model, "gauss_newton_diagonal", copies)
    seen = exact > 1e-9
    assert np.abs(found[~seen]).max(initial=0) < 1e-9
    assert (found >= 0).all()
    # Squares of sums over samples: a standard error of sqrt(2 / K) of the value if the sums are normal, less or more if
    # they are not, as in batches of eight.
    relative = (found[seen] / exact[seen] - 1) * np.sqrt(copies / 2)
    assert np.abs(relative).max() < 5
    assert 0.3 < np.sqrt(np.mean(relative**2)) < 2


def test_the_true_labels_do_not_matter_to_drawn_ones(model):
    other = Statistics(ADAPTER, model, (np.tile(X, (20, 1)), np.zeros(20 * SIZE, dtype=np.int64)), SIZE)
    name = next(iter(ADAPTER.kernels(model)))
    same = Statistics(ADAPTER, model, (np.tile(X, (20, 1)), np.tile(Y, 20)), SIZE)
    assert np.array_equal(other.of(name).gauss_newton_diagonal, same.of(name).gauss_newton_diagonal)
    assert not np.array_equal(other.of(name).mean_square, same.of(name).mean_square)


def test_the_same_seed_gives_the_same_estimate(model):
    first, again, other = (estimate(model, "gauss_newton_diagonal", 5, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
