"""Fetch groups through select and prune: equal counts, the best p for each layer, masks like all others."""

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import knapprune as kp
from knapprune.adapters.keras.adapter import KerasAdapter
from knapprune.hardware.accelerator import Accelerator
from knapprune.hardware.fetch_groups import FetchGroup
from knapprune.saliency.normalisation import NORMALISATIONS
from shared.frameworks import keras
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras")


def network(seed=0):
    """Convolutions whose channels are no multiple of 8, and a dense layer behind."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.Conv2D(10, 3, strides=2, name="first"),
            layers.Conv2D(8, 1, name="point"),
            layers.Reshape((25, 8)),
            layers.Conv1D(6, 2, name="line"),
            layers.Flatten(),
            layers.Dense(4, name="out"),
        ]
    )
    model.compile("adam", "mse")
    return model


@cache
def unpruned():
    return network()


@cache
def kernels():
    return KerasAdapter().kernels(unpruned())


NAMES = ["first", "point", "line", "out"]
HARDWARE = Accelerator(group=4, multipliers=1, processing_elements=4)


def by_hand(name, kept, size=4, values=None):
    """The mask that keeps the largest weights of each group along the input channels, group by group."""
    kernel = np.abs(kernels()[name]) if values is None else values
    mask = np.zeros(kernel.shape, dtype=bool)
    for outer in np.ndindex(*kernel.shape[:-2], kernel.shape[-1]):
        for start in range(0, kernel.shape[-2], size):
            place = (*outer[:-1], slice(start, start + size), outer[-1])
            mask[place][np.argsort(-kernel[place])[:kept]] = True
    return mask


def test_a_given_p_keeps_the_most_salient_weights_of_every_group():
    found = kp.select(unpruned(), {}, structure=FetchGroup(4, 3), hardware=HARDWARE)
    assert found.solution.status == "OPTIMAL"
    assert found.budget == ()
    for name in NAMES:
        assert np.array_equal(found.masks[name], by_hand(name, 1))
    # What only one of three or four weights is left of takes a third or a quarter of the cycles of the dense layer.
    cycles = {
        name: (found.before.by_layer[name]["cycles"], use["cycles"]) for name, use in found.resources.by_layer.items()
    }
    assert cycles["first"] == (25 * 9 * 3 * 3, 25 * 9 * 3)
    assert cycles["out"] == (144, 36)
    assert found.structures == dict.fromkeys(NAMES, "fetch-group:3/4")
    text = found.summary()
    assert "fetch-group:3/4" in text
    assert text.splitlines()[-1].startswith("OPTIMAL by ")


def test_a_name_says_the_same_and_masks_hold_in_the_model():
    found = kp.select(unpruned(), {}, structure="fetch-group:3/4", hardware=HARDWARE)
    masked = found.apply(unpruned())
    kernels = KerasAdapter().kernels(masked)
    for name in NAMES:
        assert np.array_equal(kernels[name] != 0, by_hand(name, 1))
    assert kp.estimate(masked, {}, hardware=HARDWARE).total == found.resources.total
    random = np.random.default_rng(0)
    masked.fit(random.normal(size=(8, 12, 12, 3)), random.normal(size=(8, 4)), epochs=2, verbose=0)
    for name, kernel in KerasAdapter().kernels(masked).items():
        assert not kernel[~found.masks[name]].any()


def test_p_can_be_given_by_layer_and_a_p_of_zero_leaves_a_layer_whole():
    groups = {
        "first": FetchGroup(4, 0),
        "point": "fetch-group:2/4",
        "line": "fetch-group:1/4",
        "out": FetchGroup(16, 15),
    }
    found = kp.select(unpruned(), {}, structure=groups, hardware=HARDWARE)
    assert "first" not in found.masks
    assert np.array_equal(found.masks["point"], by_hand("point", 2))
    assert np.array_equal(found.masks["line"], by_hand("line", 3))
    assert np.array_equal(found.masks["out"], by_hand("out", 1, size=16))
    assert found.structures["out"] == "fetch-group:15/16"


@given(
    st.floats(0.3, 1.0),
    st.none() | st.floats(0.3, 1.0),
    st.sampled_from(["lamp", "sum", "none"]),
    st.integers(1, 3),
)
@settings(max_examples=25)
def test_p_by_layer_is_the_best_of_all(cycles, words, normalise, multipliers):
    hardware = Accelerator(4, multipliers, 4)
    budget = {"cycles": cycles} | ({} if words is None else {"weight_words": words})
    before = kp.estimate(unpruned(), {}, hardware=hardware)
    limits = {name: int(share * before[name] + 1e-9) for name, share in budget.items()}
    value, use = {}, {}
    for layer in before.layers:
        worth = NORMALISATIONS[normalise](np.abs(kernels()[layer.name]).astype(float).ravel()).reshape(
            layer.kernel_shape
        )
        for kept in range(1, 5):
            mask = by_hand(layer.name, kept)
            value[layer.name, kept], use[layer.name, kept] = worth[mask].sum(), hardware.use(layer, mask)
    feasible = [
        sum(value[choice] for choice in zip(NAMES, kept, strict=True))
        for kept in itertools.product(range(1, 5), repeat=4)
        if all(
            sum(use[choice][name] for choice in zip(NAMES, kept, strict=True)) <= limit
            for name, limit in limits.items()
        )
    ]
    if not feasible:
        with pytest.raises(kp.BudgetError, match=r"at least \d+ \(today \d+\) stay in use whatever p is chosen"):
            kp.select(unpruned(), {}, budget, normalise=normalise, hardware=hardware)
        return
    found = kp.select(unpruned(), {}, budget, normalise=normalise, hardware=hardware)
    assert found.solution.status == "OPTIMAL"
    assert found.solution.value == pytest.approx(max(feasible), rel=1e-9)
    for name, limit in limits.items():
        assert found.resources[name] <= limit
    for name in NAMES:
        group = FetchGroup.parse(found.structures[name])
        assert np.array_equal(
            found.masks.get(name, np.ones_like(kernels()[name], dtype=bool)), by_hand(name, 4 - group.pruned)
        )


def test_a_cap_on_one_layer_holds_for_that_layer():
    found = kp.select(unpruned(), {}, {"cycles": 0.9, "line": {"cycles": 0.5}}, hardware=HARDWARE)
    assert found.resources.by_layer["line"]["cycles"] <= found.before.by_layer["line"]["cycles"] // 2
    assert found.resources["cycles"] <= 0.9 * found.before["cycles"]


def test_more_multipliers_than_weights_are_never_left_idle_for_nothing():
    """With four multipliers a PE, keeping one weight of a group or all four takes one cycle: all are kept."""
    found = kp.select(unpruned(), {}, {"cycles": 1.0}, hardware=Accelerator(4, 4, 4))
    assert found.masks == {}


def test_a_network_pruned_already_keeps_equal_counts_and_goes_on_from_there():
    once = kp.select(unpruned(), {}, structure="fetch-group:2/4", hardware=HARDWARE)
    twice = kp.select(once.apply(unpruned()), {}, structure="fetch-group:3/4", hardware=HARDWARE)
    again = kp.select(once.apply(unpruned()), {}, {"cycles": 1.0}, hardware=HARDWARE)
    for name in NAMES:
        assert np.array_equal(twice.masks[name], by_hand(name, 1))
        assert np.array_equal(again.masks[name], once.masks[name])
    assert again.resources.total == once.resources.total


def test_fetch_groups_cost_what_any_hardware_says():
    config = hls_settings("latency", 1)
    found = kp.select(unpruned(), config, structure="fetch-group:3/4", io_type="io_stream")
    masked = kp.estimate(found.apply(unpruned()), config, io_type="io_stream")
    assert found.resources["dsp"] == masked["dsp"] < found.before["dsp"]
    by_layer = kp.select(unpruned(), config, {"dsp": 0.5}, structure="fetch-group:4", io_type="io_stream")
    assert by_layer.resources["dsp"] <= by_layer.before["dsp"] / 2


def test_other_structures_save_no_cycles_for_certain_and_the_error_names_what_does():
    with pytest.raises(kp.BudgetError, match=r"pruning saves no cycles here(?s:.*)structure 'fetch-group:4' empties"):
        kp.select(unpruned(), {}, {"cycles": 0.5}, structure="unstructured", hardware=HARDWARE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "budget: there is none, .*; expected one, such as"),
        ({"structure": "fetch-group:4"}, "budget: there is none, .*; expected one, such as"),
        ({"structure": "neuron"}, "budget: there is none, .*; expected one, such as"),
        ({"structure": "fetch-group"}, "structure: got 'fetch-group', expected"),
        ({"structure": {"first": "neuron"}, "budget": {"cycles": 0.5}}, r"layers \['first'\] have no fetch groups"),
        ({"structure": {"frist": "fetch-group:4"}, "budget": {"cycles": 0.5}}, r"structure: no layers \['frist'\]"),
        (
            {"structure": "fetch-group:1/4", "budget": {"cycles": 0.5}},
            r"at least \d+ \(today \d+\) stay in use with the p that is given",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(arguments, message):
    with pytest.raises(ValueError, match=message):
        kp.select(unpruned(), {}, hardware=HARDWARE, **arguments)


@pytest.fixture(scope="module")
def trained(blobs):
    """A network for the four classes, and what it is pruned with."""
    keras.utils.set_random_seed(1)
    dense = keras.layers.Dense
    model = keras.Sequential([keras.Input((16,)), dense(32, "relu", name="fc1"), dense(4, name="out")])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss=loss)
    model.fit(*blobs[0], epochs=8, verbose=0)
    return model, {"train": blobs[0], "validation": blobs[1], "progress": False}


def test_pruning_to_a_given_p_lets_p_grow_step_by_step(trained):
    model, data = trained
    seen = kp.prune(
        model, {}, structure=FetchGroup(8, 6), hardware=Accelerator(8, 2, 8), steps=3, epochs=2, tolerance=0.2,
        saliency="l1", **data,
    )  # fmt: skip
    pruned = [FetchGroup.parse(step.selection.structures["fc1"]).pruned for step in seen.history]
    assert pruned == [4, 6, 6]  # 6 times 1 - (2/3)^3, 1 - (1/3)^3 and 1
    assert seen.met
    for name in ("fc1", "out"):
        kernel = keras.ops.convert_to_numpy(seen.model.get_layer(name).kernel)
        assert (np.count_nonzero(kernel.reshape(-1, 8, kernel.shape[-1]), axis=1) == 2).all()
    assert seen.resources.total == {name: count // 4 for name, count in seen.before.total.items()}


def test_pruning_to_a_budget_of_cycles_lets_p_grow_where_it_hurts_least(trained):
    model, data = trained
    hardware = Accelerator(8, 1, 8)
    seen = kp.prune(model, {}, budget={"cycles": 0.3}, hardware=hardware, steps=3, epochs=2, tolerance=0.2, **data)
    assert seen.met
    assert seen.resources["cycles"] <= 0.3 * seen.before["cycles"]
    assert all(step.selection.solution.status == "OPTIMAL" for step in seen.history)


def test_a_p_that_ruins_the_network_is_not_met(trained):
    model, data = trained
    hardware = Accelerator(16, 1, 8)
    seen = kp.prune(
        model, {}, structure="fetch-group:15/16", hardware=hardware, steps=2, epochs=0, patience=1, tolerance=0, **data
    )
    assert not seen.met
    assert seen.metric >= seen.baseline
