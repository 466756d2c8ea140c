"""The accelerator's counts against a simulation that goes cycle by cycle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knapprune.hardware.accelerator import Accelerator, of_part
from knapprune.hardware.fetch_groups import FetchGroup
from knapprune.hardware.hardware_model import HardwareModel, find_hardware_model
from shared.hls import layer_of


def layer(shape, pixels=1):
    return layer_of(shape, "latency", 1, name="layer", pixels=pixels)


ACCELERATORS = st.builds(
    Accelerator, st.integers(1, 6), st.integers(1, 4), st.integers(1, 4), st.sampled_from(["in", "width", "height"])
)
LAYERS = st.builds(
    layer, st.integers(2, 4).flatmap(lambda axes: st.tuples(*[st.integers(1, 7)] * axes)), st.integers(1, 3)
)


def sparse(a_layer, seed, density=0.4):
    random = np.random.default_rng(seed)
    return random.normal(size=a_layer.kernel_shape) * (random.random(a_layer.kernel_shape) < density)


def simulate(accelerator, a_layer, kernel):
    """Run every fetch cycle by cycle: each PE takes up to M of its weights, one word, until all are done."""
    names = ("height", "width", "in", "out")[-kernel.ndim :]
    axis = names.index(accelerator.axis if accelerator.axis in names else "in")
    fetches = {}
    for place in np.ndindex(kernel.shape[:-1]):
        key = tuple(at // accelerator.group if i == axis else at for i, at in enumerate(place))
        fetches.setdefault(key, []).append(place)
    cycles = alone = busy = available = words = products = 0
    outputs = range(kernel.shape[-1])
    for pixel in range(a_layer.pixels):
        for first in outputs[:: accelerator.processing_elements]:
            tile = outputs[first : first + accelerator.processing_elements]
            work = [0] * len(tile)
            for places in fetches.values():
                waiting = [[kernel[(*at, channel)] for at in places if kernel[(*at, channel)]] for channel in tile]
                while any(waiting):
                    cycles += 1
                    available += len(tile)
                    for element, queue in enumerate(waiting):
                        busy += bool(queue)
                        work[element] += bool(queue)
                        words += bool(queue) and pixel == 0
                        products += len(queue[: accelerator.multipliers])
                        del queue[: accelerator.multipliers]
            alone += max(work)
    return cycles, alone, busy, available, words, products


@given(ACCELERATORS, LAYERS, st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_cycles_words_and_balance_are_those_of_a_simulation(accelerator, a_layer, seed, density):
    kernel = sparse(a_layer, seed, density)
    cycles, alone, busy, available, words, products = simulate(accelerator, a_layer, kernel)
    assert accelerator.use(a_layer, kernel) == {"cycles": cycles, "weight_words": words}
    load = accelerator.load(a_layer, kernel)
    assert (load.cycles, load.unsynchronised) == (cycles, alone)
    assert (load.busy, load.available, load.words) == (busy, available, words)
    assert load.products == products == np.count_nonzero(kernel) * a_layer.pixels
    assert load.places == available * accelerator.multipliers
    assert load.balance == (busy / available if available else 1)
    assert load.utilisation == (products / load.places if available else 1)


@given(ACCELERATORS, LAYERS, st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_packed_words_and_misaligned_groups_are_those_of_weights_laid_end_to_end(accelerator, a_layer, seed, density):
    kernel = sparse(a_layer, seed, density)
    size, count = accelerator.multipliers, accelerator.processing_elements
    split = accelerator.fetch_group.split(a_layer, kernel != 0, False)
    split = np.moveaxis(split, -3, 0).reshape(a_layer.n_out, -1, split.shape[-1])
    words = misaligned = 0
    for element in range(count):
        address = 0
        for channel in range(element, a_layer.n_out, count):
            for group in split[channel]:
                weights = range(address, address + int(group.sum()))
                address += len(weights)
                misaligned += len({at // size for at in weights}) > -(-len(weights) // size)
        words += -(-address // size)
    load = accelerator.load(a_layer, kernel)
    assert (load.packed_words, load.misaligned) == (words, misaligned)
    assert load.groups == np.count_nonzero(split.any(axis=-1))


@given(ACCELERATORS, LAYERS, st.integers(0, 2**32 - 1), st.data())
def test_equal_groups_leave_no_element_waiting_and_no_group_misaligned(accelerator, a_layer, seed, data):
    kept = data.draw(st.integers(1, accelerator.group))
    accelerator = Accelerator(accelerator.group, kept, accelerator.processing_elements, accelerator.axis)
    values = np.random.default_rng(seed).random(a_layer.kernel_shape) + 0.1
    kernel = values * (accelerator.fetch_group.ranks(a_layer, values) < kept)
    load = accelerator.load(a_layer, kernel)
    assert load.balance == 1
    fetches = load.groups // a_layer.n_out
    assert load.cycles == fetches * -(-a_layer.n_out // accelerator.processing_elements) * a_layer.pixels
    assert load.words == load.groups
    if a_layer.kernel_shape[accelerator.fetch_group.kernel_axis(a_layer)] % accelerator.group == 0:
        assert load.utilisation == 1
        assert (load.packed_words, load.misaligned) == (load.words, 0)


@given(ACCELERATORS, LAYERS, st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_the_parts_add_up_to_the_use_and_bound_it_for_any_labels_that_live(accelerator, a_layer, seed, labels):
    random = np.random.default_rng(seed)
    label_array = random.integers(0, labels, a_layer.kernel_shape)
    kernel = sparse(a_layer, seed)
    costs = accelerator.costs(a_layer, label_array, kernel)
    for lives in (np.ones(labels, dtype=bool), random.random(labels) < 0.5):
        lives = lives[: len(costs.label_type)]
        total = costs.type_costs[:, costs.label_type[lives]].sum(axis=1)
        promised = {name: costs.fixed[name] + int(own) for name, own in zip(accelerator.resources, total, strict=True)}
        used = accelerator.use(a_layer, np.where(lives[label_array], kernel, 0))
        assert all(used[name] <= promised[name] for name in used)
        if lives.all():
            assert used == promised


def test_one_element_gives_back_the_cycles_of_a_whole_output_channel():
    a_layer = layer((9, 5), pixels=3)
    kernel, channels = sparse(a_layer, 0, 0.6), np.broadcast_to(np.arange(5), (9, 5))
    accelerator = Accelerator(4, 2, 1)
    costs = accelerator.costs(a_layer, channels, kernel)
    assert costs.fixed == {"cycles": 0, "weight_words": 0}
    for kept in range(1 << 5):
        lives = (kept >> np.arange(5)) & 1 == 1
        total = costs.type_costs[:, costs.label_type[lives]].sum(axis=1)
        assert dict(zip(accelerator.resources, total, strict=True)) == accelerator.use(a_layer, kernel * lives)


def test_a_dense_network_takes_a_cycle_for_every_m_activations_of_a_fetch():
    a_layer = layer((3, 3, 32, 32), pixels=100)
    assert Accelerator(16, 4, 16).use(a_layer, np.ones((3, 3, 32, 32))) == {
        "cycles": 9 * 2 * 2 * 4 * 100,
        "weight_words": 9 * 32 * 32 // 4,
    }


def test_it_is_found_by_name():
    assert find_hardware_model("accelerator", "any part") == Accelerator(16, 4, 16)


def test_a_word_holds_weights_with_their_places():
    assert Accelerator(16, 4).word_bits(layer((4, 4))) == 4 * (16 + 4)
    assert Accelerator(1, 1).word_bits(layer((4, 4))) == 16


def test_it_is_a_hardware_model_that_asks_for_its_own_groups():
    accelerator = of_part("any")
    assert isinstance(accelerator, HardwareModel)
    assert FetchGroup.parse(accelerator.structure(layer((4, 4)), ("cycles",))) == accelerator.fetch_group
    assert Accelerator(8, axis="width").structure(layer((4, 4)), ("cycles",)) == "fetch-group:8:width"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"group": 0}, "group: got 0, expected a whole number, 1 or more"),
        ({"multipliers": 1.5}, "multipliers: got 1.5"),
        ({"processing_elements": True}, "processing_elements: got True"),
        ({"axis": "out"}, "axis: got 'out', expected 'in', 'width' or 'height'"),
    ],
)
def test_what_makes_no_accelerator_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Accelerator(**arguments)


def test_an_array_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"layer 'layer': labels or kernel of shape \(3, 4\), expected \(4, 4\)"):
        Accelerator().use(layer((4, 4)), np.ones((3, 4)))
