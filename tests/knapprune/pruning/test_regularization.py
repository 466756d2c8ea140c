"""Penalties: by layer as published, by price as the budget has it."""

from __future__ import annotations

import numpy as np
import pytest

import knapprune as kp
from knapprune.adapters.finding import find_adapter
from knapprune.hardware.hardware_model import find_hardware_model
from knapprune.hardware.hls4ml import Hls4mlHardware
from knapprune.network.hls_config_file import read_hls_config
from knapprune.pruning.regularization import Regularization, check_structure, regularization_of
from knapprune.selection.budget import Cap
from knapprune.selection.candidates import candidates, layer_candidates
from shared.frameworks import keras
from shared.hls import layer_of

pytestmark = pytest.mark.needs("keras")

CONFIG = {
    "Model": {"Precision": "fixed<16,6>", "ReuseFactor": 4, "Strategy": "resource_unrolled"},
    "LayerName": {"wide": {"Precision": "fixed<18,6>"}},
}


@pytest.fixture(scope="module")
def groups():
    keras.utils.set_random_seed(1)
    dense = keras.layers.Dense
    model = keras.Sequential([keras.Input((8,)), dense(16, name="fc1"), dense(8, name="wide")])

    def find(caps, structure):
        config = read_hls_config(CONFIG)
        framework = find_adapter(model)
        layers = kp.estimate(model, config).layers
        return candidates(find_hardware_model("hls4ml", config.part), layers, framework.kernels(model), caps, structure)

    return find


DSP, BRAM = Cap("dsp", 20), Cap("bram18", 20)


def test_one_strength_for_each_layer_counts_the_roots_of_group_sizes(groups):
    """Four weights to a multiplier: twice the strength."""
    found = Regularization(0.1).penalties(groups((DSP,), "dsp-row"), (DSP,), None)
    assert set(found) == {"fc1", "wide"}
    assert np.allclose(found["fc1"].strengths, 0.2)
    assert found["fc1"].labels.shape == (8, 16)


def test_a_group_is_pulled_by_what_it_costs_in_shadow_prices(groups):
    """A row of the wide layer shares no word of 36 bits with a third one; what costs nothing is not pulled."""
    caps = (DSP, BRAM)
    found = Regularization(1.0, "price").penalties(groups(caps, "row-and-word"), caps, (3.0, 0.0))
    assert np.allclose(np.concatenate([penalty.strengths for penalty in found.values()]), 1.0)
    words = Regularization(1.0, "price").penalties(groups(caps, "row-and-word"), caps, (0.0, 1.0))
    total = sum(penalty.strengths.sum() for penalty in words.values())
    assert total == pytest.approx(sum(len(penalty.strengths) for penalty in words.values()))
    free = Regularization(1.0, "price").penalties(groups(caps, "row-and-word"), caps, (0.0, 0.0))
    assert not any(penalty.strengths.any() for penalty in free.values())


def test_shared_words_are_shared_out_completely(groups):
    """What the rows are charged for words adds up to the words that there are."""
    caps = (BRAM,)
    both = groups(caps, "row-and-word")
    found = Regularization(1.0, "price").penalties(both, caps, (1.0,))
    weights = np.concatenate([found[group.layer.name].strengths for group in both])
    halves = [int(group.words.cost.sum()) for group in both]
    assert weights.mean() == pytest.approx(1.0)
    assert found["fc1"].strengths.sum() / found["wide"].strengths.sum() == pytest.approx(halves[0] / halves[1])


def test_what_is_pruned_has_no_price_and_leaves_its_part_to_those_that_live():
    """Two rows of 18 bits share a half: the one that is left is charged all of it."""
    layer = layer_of((4, 4), bits=18)
    kernel = np.ones((4, 4))
    kernel[:, 1] = 0
    group = layer_candidates(Hls4mlHardware(), layer, kernel, ("bram18",), "row-and-word")
    found = Regularization(1.0, "price").penalties([group], (BRAM,), (1.0,))
    assert found["fc"].strengths == pytest.approx([1.5, 0.0, 0.75, 0.75])


def test_without_prices_only_the_published_form_is_there(groups):
    """The message says what to take."""
    with pytest.raises(ValueError, match=r"regularization: the solver gave no prices, expected another solver"):
        Regularization(1.0, "price").penalties(groups((DSP,), "dsp-row"), (DSP,), None)
    assert Regularization(1.0, "price").penalties([], (DSP,), None) == {}  # nothing is left to price


@pytest.mark.parametrize("given", [-0.1, float("nan"), float("inf")])
def test_a_strength_that_is_none_is_refused(given):
    """The message names the argument."""
    with pytest.raises(ValueError, match=f"regularization: got the strength {given}, expected a number, 0 or more"):
        regularization_of(given)


@pytest.mark.parametrize("structure", ["fetch-group:2/4", {"fc1": "fetch-group:2/4"}])
def test_groups_that_do_not_die_together_cannot_be_penalised(structure):
    """The message names the argument."""
    with pytest.raises(ValueError, match="regularization: got fetch groups as structure"):
        check_structure(structure)
