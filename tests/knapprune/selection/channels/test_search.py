"""What is found among whole channels is close to the best there is, and what is said of it is proved."""

from itertools import pairwise, product

import numpy as np
import pytest

from knapprune.adapters.finding import find_adapter
from knapprune.hardware.nothing import Nothing
from knapprune.network.hls_config_file import read_hls_config
from knapprune.saliency import saliency_of
from knapprune.saliency.normalisation import normalisation
from knapprune.selection.channels.selecting import channel_problem, select_channels
from knapprune.selection.request import Method, requested
from knapsolve import Status
from shared.networks import dense_network

pytestmark = pytest.mark.needs("keras")


def asked(model, budget, normalise="lamp"):
    method = Method(saliency_of("l2", None), normalisation(normalise), "auto", 5.0)
    config = read_hls_config({})
    return requested(find_adapter(model), model, config, Nothing(), budget, "channel", method, timed=False)


def parameters(widths):
    return sum((before + 1) * after for before, after in pairwise(widths))


def best_by_trying(model, limit, normalise="lamp"):
    """The largest value of all selections within a limit of parameters, each hidden layer keeping a unit."""
    problem = channel_problem(asked(model, {"parameters": limit}, normalise))
    free, first = problem.groups.free, model.layers[0]
    order = [problem.values[problem.groups.of[tensor]] for tensor in _hidden(model)]
    assert sum(map(len, order)) == free.sum()
    best = -np.inf
    for counts in product(*(range(1, len(values) + 1) for values in order)):
        # All units of a layer cost the same: of so many, the best ones are worth most.
        if parameters([first.input.shape[-1], *counts, model.output_shape[-1]]) <= limit:
            total = sum(np.sort(own)[::-1][:count].sum() for own, count in zip(order, counts, strict=True))
            best = max(best, total)
    return best


def _hidden(model):
    return [id(layer.output) for layer in model.layers[:-1]]


@pytest.mark.parametrize("normalise", ["lamp", "none"])
@pytest.mark.parametrize("share", [0.15, 0.4, 0.7])
@pytest.mark.parametrize("seed", range(4))
def test_a_selection_is_close_to_the_best_of_all_and_none_exceeds_the_bound(seed, share, normalise):
    widths = (5, 7, 9, 6, 3)
    model = dense_network(*widths, seed=seed)
    limit = int(share * parameters(widths))
    outcome = select_channels(asked(model, {"parameters": limit}, normalise))
    best = best_by_trying(model, limit, normalise)
    solution = outcome.solution
    assert solution.value <= best * (1 + 1e-9)
    assert solution.value >= 0.99 * best
    assert best <= solution.bound * (1 + 1e-9)
    assert solution.status == (Status.OPTIMAL if solution.gap == 0 else Status.FEASIBLE)
    assert solution.usage[0] == outcome.resources["parameters"] <= limit


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_where_costs_add_up_the_selection_is_proved_to_be_the_best(share):
    """Between inputs and outputs that both stay, no weight is in two channels."""
    model = dense_network(6, 20, 4, seed=1)
    limit = int(share * parameters((6, 20, 4)))
    solution = select_channels(asked(model, {"parameters": limit})).solution
    assert solution.status == Status.OPTIMAL
    assert solution.value == pytest.approx(best_by_trying(model, limit))


def test_nothing_is_claimed_where_more_may_die_than_is_removed():
    """A unit of which all readers go dies with them, so that its removal saves more than it would alone."""
    model = dense_network(4, 6, 6, 2, seed=0)
    kernel = np.array(model.layers[1].kernel) * (np.eye(6) > 0)  # each unit has one reader
    model.layers[1].kernel.assign(kernel)
    request = asked(model, {"parameters": 0.5})
    assert not channel_problem(request).proves
    solution = select_channels(request).solution
    assert solution.bound == pytest.approx(channel_problem(request).values.sum())
    assert solution.status == Status.FEASIBLE


def test_a_budget_that_all_keep_keeps_all():
    """A single hidden unit cannot go, and there is nothing to solve."""
    model = dense_network(4, 1, 2, seed=0)
    outcome = select_channels(asked(model, {"parameters": 1.0}))
    assert outcome.solution.status == Status.OPTIMAL
    assert all(mask.all() for mask in outcome.keep.values())
