"""What is shared is paid once: the bound on values holds whatever is chosen, and is close to what is found."""

from itertools import product

import numpy as np
import pytest

import knapprune as kp
from knapprune.selection.values import search, selecting
from knapprune.selection.values.listing import with_any_value
from knapprune.selection.values.sharing import bound_shared
from knapprune.selection.values.sharing_loops import respond
from shared.hls import hls_settings
from shared.networks import dense_network

pytestmark = [
    pytest.mark.needs("keras"),
    pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning"),
]
STEP = 2.0**-6


def choice_of(weights, budget, digits, monkeypatch):
    """The knapsack of the values of a layer, its weights in multiples of the last bit of 12."""
    model = dense_network(*weights.shape)
    model.layers[0].set_weights([weights * STEP, np.zeros(weights.shape[1])])
    choose = None if digits is None else {"digits": digits}
    found = []

    def listed(choice):
        found.append(choice)
        return search.bracketed(choice)

    monkeypatch.setattr(selecting, "bracketed", listed)
    selection = kp.select(
        model, hls_settings("latency", 1, bits=12), budget, choose=choose, saliency="l2", normalise="none"
    )
    return found[0], selection


def worth(weight, saliency, value):
    return saliency * max(1 - ((value - weight) / weight) ** 2, 0)


def row_choices(weights, saliency, private, sites, blocks, base, beside):
    """Worth and use of all choices of one input; -1 is the best value without a multiplier, -2 zero."""
    for taken in product(range(-2, len(sites)), repeat=len(weights)):
        used = {site for site in taken if site >= 0}
        of_each = [
            0 if site == -2 else private[i] if site == -1 else worth(weights[i], saliency[i], sites[site])
            for i, site in enumerate(taken)
        ]
        alive = sum(site != -2 for site in taken)
        yield sum(of_each), sum(blocks[site] for site in used), alive * base + len(used) * beside


@pytest.mark.parametrize("seed", range(300))
def test_what_an_input_gains_is_exact_where_multipliers_cost_and_never_too_little(seed):
    """Prices of all regimes: multipliers that cost, that save, and both in one input."""
    random = np.random.default_rng(seed)
    n, k = int(random.integers(1, 5)), int(random.integers(1, 5))
    weights = np.sort(random.uniform(5, 60, n))
    saliency = random.uniform(0.2, 3.0, n)
    private = saliency * random.choice([0.0, 0.5, 0.9], n)
    sites = np.sort(random.choice(np.arange(5, 61), k, replace=False)).astype(float)
    blocks = random.choice([0.0, 1.0, 2.0], k) if seed % 3 == 0 else np.ones(k)
    base, beside = 4.0, float(random.choice([-2.0, -1.0, 1.0]))
    price = np.array([random.uniform(0, 1.0), random.uniform(0, 0.2)])
    place = np.searchsorted(sites, weights)

    chosen, gains, of_row, use = np.full(n, -2, np.int32), np.zeros(1), np.zeros(1), np.zeros((1, 2))
    respond(
        (np.array([0, n]), weights, saliency, private, place), (np.array([0, k]), sites, blocks),
        base, beside, price, True, (0, 1, 1), 16, chosen, gains, of_row, use,
    )  # fmt: skip
    every = list(row_choices(weights, saliency, private, sites, blocks, base, beside))
    best = max(value - price @ [dsp, tables] for value, dsp, tables in every)
    assert gains[0] >= best - 1e-9
    found = of_row[0] - price @ use[0]
    assert found <= best + 1e-9
    assert any(np.allclose([of_row[0], *use[0]], one) for one in every)
    if (price[0] * blocks + price[1] * beside >= 0).all():
        assert gains[0] == pytest.approx(best)
        assert found == pytest.approx(best)


@pytest.mark.parametrize("seed", range(50))
def test_no_choice_of_values_is_worth_more_than_the_bound(seed, monkeypatch):
    """Of all choices in which a weight may hold what any of its input lists, counted by hand."""
    random = np.random.default_rng(seed)
    shape = [(1, 4), (2, 2), (1, 3), (3, 1)][seed % 4]
    weights = np.rint(random.normal(scale=float(random.choice([20, 80])), size=shape)) + random.uniform(-0.3, 0.3)
    digits = None if seed % 5 == 0 else 4
    share = lambda: float(random.uniform(0.2, 0.9))  # noqa: E731
    budget = [{"dsp": share(), "lut": share()}, {"lut": share()}, {"dsp": share()}][seed % 3]
    if digits is None:
        budget["lut"] = share()
    choice, selection = choice_of(weights, budget, digits, monkeypatch)
    (options,) = choice.options
    exact, inputs = options.weights.exact / options.weights.step, options.weights.inputs
    totals = [np.zeros(3)]
    for row in range(shape[0]):
        own = np.flatnonzero(inputs == row)
        listed = {i: [int(v) for v in options.value[options.weight == i]] for i in own}
        multiplied = set(options.value[options.multiplied].tolist())
        of_row = {v for i in own for v in listed[i] if v in multiplied}
        every = [{0, *listed[i], *(of_row if digits is not None and exact[i] else ())} for i in own]
        rows = []
        for values in product(*every):
            built = {v for v in values if v in multiplied}
            alive = sum(v != 0 for v in values)
            blocks = sum(1 if abs(v) >= 8 else 0 for v in built)
            gained = sum(
                worth(exact[i], options.weights.saliency[i], v) if v else 0 for i, v in zip(own, values, strict=True)
            )
            rows.append((gained, blocks, 13.1 * alive + 10.6 * len(built) + 1.77 * 12 * (alive - len(built))))
        totals = [before + one for before in totals for one in _undominated(np.array(rows))]
        totals = list(_undominated(np.array(totals)))
    totals = np.array(totals)
    limits = {cap.resource: cap.limit for cap in choice.request.caps}
    fits = (totals[:, 1] <= limits.get("dsp", np.inf)) & (np.round(totals[:, 2]) <= limits.get("lut", np.inf))
    best = totals[fits, 0].max()
    shared = bound_shared(choice, np.zeros(len(limits)))
    assert shared.bound >= best - 1e-9
    assert selection.solution.bound >= selection.solution.value
    assert selection.solution.value <= best * (1 + 1e-6) + 1e-9
    if shared.chosen is not None:
        assert choice.keeps(shared.chosen)
        assert shared.chosen.worth <= best + 1e-9


def _undominated(rows):
    """Leave out what another row is worth as much as, for no more of anything."""
    rows = np.unique(rows, axis=0)
    better = (rows[None, :, 0] >= rows[:, None, 0]) & (rows[None, :, 1:] <= rows[:, None, 1:]).all(axis=2)
    np.fill_diagonal(better, val=False)
    return rows[~better.any(axis=1)]


@pytest.mark.slow
@pytest.mark.parametrize("budget", [{"dsp": 0.5, "lut": 0.5}, {"dsp": 0.3}, {"lut": 0.5}])
def test_the_bound_is_closer_than_equal_parts_and_met_within_a_thousandth(budget, monkeypatch):
    weights = np.random.default_rng(0).normal(scale=80, size=(24, 40))
    choice, selection = choice_of(weights, budget, 4, monkeypatch)
    parts = choice.solve("split", [with_any_value(own) for own in choice.options], gap=1e-3)
    assert selection.solution.bound < parts.solution.bound
    assert selection.solution.value >= selection.solution.bound * (1 - 1e-3)
