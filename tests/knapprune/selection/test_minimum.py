"""A budget below what cannot be pruned says the smallest one that can be kept, and that one can be."""

import itertools
import re
from functools import cache

import numpy as np
import pytest

import knapprune as kp
from knapprune.hardware.accelerator import Accelerator
from knapprune.hardware.latency import latency
from shared.networks import dense_network

pytestmark = [
    pytest.mark.needs("keras"),
    pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning"),
    pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning"),
]

SIZES = {"fc1": (16, 24), "fc2": (24, 12), "fc3": (12, 6)}


def network():
    return dense_network(16, *(n_out for _, n_out in SIZES.values()), first=1)


@cache
def unpruned():
    return network()


def config(*strategies, bits=16):
    layers = {
        name: {"Strategy": strategy, "ReuseFactor": factor}
        for name, (strategy, factor) in zip(SIZES, strategies, strict=True)
    }
    return {"Model": {"Precision": f"fixed<{bits},6>"}, "LayerName": layers}


UNROLLED, WHOLE, FREE, CAPPED = ("resource_unrolled", 4), ("Resource", 4), ("Latency", 1), ("Latency", 4)


def smallest(given, budget, **options):
    """Return the caps that the error names, after checking that the text has the same numbers."""
    with pytest.raises(kp.BudgetError, match="the smallest budget that can be kept") as caught:
        kp.select(unpruned(), given, budget, **options)
    limits = [int(number) for number in re.findall(r"at least (\d+)", str(caught.value))]
    assert set(limits) <= {cap.limit for cap in caught.value.minimum}
    return caught.value.minimum


@pytest.mark.parametrize(
    "strategies", [pair for pair in itertools.product([UNROLLED, WHOLE, FREE, CAPPED], repeat=3) if UNROLLED in pair]
)
@pytest.mark.parametrize(("bits", "memory"), [(16, "bram18"), (11, "bram")])
def test_the_smallest_budget_is_what_unprunable_layers_use_and_can_be_kept(strategies, bits, memory):
    given = config(*strategies, bits=bits)
    before = kp.estimate(unpruned(), given)
    counted = {"dsp": 0, "bram18": 0}
    for name, strategy in zip(SIZES, strategies, strict=True):
        for resource in counted:
            saves = strategy == UNROLLED or (strategy == FREE and resource == "dsp")
            counted[resource] += 0 if saves else before.by_layer[name][resource]
    by_hand = {"dsp": counted["dsp"], memory: counted["bram18"] if memory == "bram18" else -(-counted["bram18"] // 2)}
    if not any(by_hand.values()):
        kp.select(unpruned(), given, {"dsp": 0, memory: 0})
        return
    found = smallest(given, {"dsp": 0, memory: 0})
    assert {cap.resource: cap.limit for cap in found} == by_hand
    used = kp.select(unpruned(), given, found).resources
    # A limit of whole blocks may leave a half to a word of a layer that can be pruned.
    assert {name: used[name] for name in by_hand} == by_hand
    assert counted["bram18"] <= used["bram18"] <= counted["bram18"] + (memory == "bram")
    for resource in [name for name, number in by_hand.items() if number]:
        with pytest.raises(kp.BudgetError, match=rf"budget\['{resource}'\] = .*: at least {by_hand[resource]} "):
            kp.select(unpruned(), given, by_hand | {resource: by_hand[resource] - 1})


def test_every_cap_that_is_too_small_is_named_at_once_with_the_layers_that_stay():
    given = config(UNROLLED, WHOLE, WHOLE)
    with pytest.raises(kp.BudgetError) as caught:
        kp.select(unpruned(), given, {"dsp": 0, "bram18": 1})
    text = str(caught.value)
    assert "budget['dsp'] = 0 (a count): at least 90 (today 186) stay in use whatever is pruned" in text
    assert "budget['bram18'] = 1 (a count): at least 40 (today 83) stay in use whatever is pruned" in text
    assert "  fc2: 72; resource with reuse factor 4 spends the same on zeros" in text
    assert text.splitlines()[-1] == "the smallest budget that can be kept: dsp=90, bram18=40"
    assert "fc1" not in text


def test_a_cap_on_whole_blocks_is_told_in_blocks_and_the_layers_in_what_is_counted():
    """35 halves and 7 are 21 blocks; each layer for itself would take 18 and 4."""
    given = config(WHOLE, UNROLLED, WHOLE, bits=13)
    assert [-(-rows * 13 // 36) for rows in (96, 72, 18)] == [35, 26, 7]
    with pytest.raises(kp.BudgetError) as caught:
        kp.select(unpruned(), given, {"bram": 20})
    text = str(caught.value).splitlines()
    assert text[0] == "budget['bram'] = 20 (a count): at least 21 (today 34) stay in use whatever is pruned"
    assert text[1].startswith("  fc1: 35 bram18; resource with reuse factor 4 spends the same on zeros")
    assert text[2].startswith("  fc3: 7 bram18; ")
    assert text[-1] == "the smallest budget that can be kept: bram=21"
    assert kp.select(unpruned(), given, caught.value.minimum).resources["bram"] == 21


def test_a_cap_on_one_layer_has_its_own_minimum():
    given = config(UNROLLED, UNROLLED, UNROLLED)
    (_, found) = smallest(given, {"dsp": 100, "fc2": {"bram18": 1}}, structure="neuron")
    assert (found.layer, found.resource) == ("fc2", "bram18")
    assert found.limit > 1
    kept = kp.select(unpruned(), given, {"dsp": 100, "fc2": {"bram18": found.limit}}, structure="neuron")
    assert kept.resources.by_layer["fc2"]["bram18"] <= found.limit


def test_a_chip_that_is_too_small_says_what_it_must_have():
    given = config(UNROLLED, WHOLE, WHOLE)
    with pytest.raises(
        kp.BudgetError,
        match=r"budget\['xc7z007s'\]\['dsp'\] = 66 \(all of the 66 of xc7z007s\): at least 90(?s:.*)kept: dsp=90$",
    ):
        kp.select(unpruned(), given, {"part": "xc7z007s"})


def test_what_several_structures_share_stays_whatever_one_selection_prunes():
    """Neurons of 64 bits share pieces of 36: by neurons some halves cannot be promised, by rows and words all can."""
    given = config(UNROLLED, UNROLLED, UNROLLED)
    found = smallest(given, {"bram18": 5}, structure="neuron")
    kept = kp.select(unpruned(), given, found, structure="neuron")
    assert kept.resources["bram18"] <= found[0].limit
    assert kp.select(unpruned(), given, {"bram18": 5}).resources["bram18"] <= 5


def test_fetch_groups_say_the_smallest_number_of_cycles_and_it_can_be_kept():
    hardware = Accelerator(2, 4, 1)
    with pytest.raises(kp.BudgetError, match="whatever p is chosen") as caught:
        kp.select(unpruned(), {}, {"cycles": 1}, structure="fetch-group:4", hardware=hardware)
    (cap,) = caught.value.minimum
    found = kp.select(unpruned(), {}, caught.value.minimum, structure="fetch-group:4", hardware=hardware)
    assert found.resources["cycles"] == cap.limit
    one_left = kp.select(unpruned(), {}, structure="fetch-group:3/4", hardware=hardware)
    assert one_left.resources["cycles"] == cap.limit


@pytest.mark.parametrize("resource", ["dsp", "bram18", "bram"])
def test_the_joint_choice_says_how_far_each_cap_has_to_go_beside_the_others(resource):
    factors = {name: [2, 4] for name in SIZES}
    given = config(*[("Resource", 2)] * 3)
    choose = {"reuse_factor": factors}
    combinations = []
    for chosen in itertools.product([2, 4], repeat=3):
        seen = kp.estimate(unpruned(), config(*[("Resource", factor) for factor in chosen]))
        combinations.append((seen[resource], sum(latency(layer) for layer in seen.layers)))
    fastest = min(cycles for _, cycles in combinations)
    least = min(used for used, _ in combinations)
    with pytest.raises(kp.BudgetError, match="keeps all of these") as caught:
        kp.select(unpruned(), given, {resource: least + 5, "latency": fastest + 2}, choose=choose)
    used = min(used for used, cycles in combinations if cycles <= fastest + 2)
    cycles = min(cycles for used, cycles in combinations if used <= least + 5)
    assert f"the others allow {resource}={used} at least" in str(caught.value)
    assert f"the others allow latency={cycles} at least" in str(caught.value)
    for budget in ({resource: used, "latency": fastest + 2}, {resource: least + 5, "latency": cycles}):
        kp.select(unpruned(), given, budget, choose=choose)


@pytest.mark.parametrize(("resource", "least"), [("dsp", 186), ("bram18", 83), ("bram", 42)])
def test_the_joint_choice_names_the_least_of_each_cap(resource, least):
    given = config(*[("Resource", 2)] * 3)
    with pytest.raises(
        kp.BudgetError, match=r"whatever is chosen and pruned beside budget\['latency'\] = 100"
    ) as caught:
        kp.select(unpruned(), given, {resource: 1, "latency": 100}, choose={"reuse_factor": [2, 4]})
    assert [(cap.resource, cap.limit) for cap in caught.value.minimum] == [(resource, least), ("latency", 100)]
    kp.select(unpruned(), given, {resource: least, "latency": 100}, choose={"reuse_factor": [2, 4]})


def prune(given, budget, **options):
    model = network()
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(8, 16))
    y = np.zeros((8, 6))
    return kp.prune(
        model, given, train=(x, y), validation=(x, y), budget=budget, metric=lambda *_: 1.0, progress=False,
        epochs=0, **options,
    )  # fmt: skip


def test_prune_refuses_such_a_budget_before_it_trains():
    def never(*_):
        pytest.fail("measured before the budget was checked")

    given = config(UNROLLED, WHOLE, WHOLE)
    model = network()
    x = np.zeros((4, 16))
    with pytest.raises(kp.BudgetError, match="at least 90"):
        kp.prune(model, given, train=(x, x), validation=(x, x), budget={"dsp": 80}, metric=never)
    with pytest.raises(kp.BudgetError, match="whatever p is chosen"):
        kp.prune(
            model, {}, train=(x, x), validation=(x, x), budget={"cycles": 1}, metric=never,
            structure="fetch-group:4", hardware=Accelerator(2, 4, 1),
        )  # fmt: skip


def test_steps_may_reach_what_one_selection_cannot_promise_and_otherwise_stop_with_what_they_have():
    given = config(UNROLLED, UNROLLED, UNROLLED)
    found = prune(given, {"bram18": 5}, structure="neuron", steps=6)
    assert found.history
    assert found.resources["bram18"] < found.before["bram18"]
    assert found.met == (found.resources["bram18"] <= 5)
