"""Rows and the memory words they share, against every subset of rows and against a count bit by bit."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knapprune.adapters.keras.adapter import KerasAdapter
from knapprune.hardware.hardware_model import SharedWords
from knapprune.hardware.hls4ml import Hls4mlHardware
from knapprune.hardware.structures import labels
from knapprune.network.rounding import Rounding
from knapprune.selection.selecting import select
from knapprune.selection.shared_words import LONGEST_CHAIN, row_options
from shared.hls import hls_settings, layer_of
from shared.networks import dense_network

pytestmark = pytest.mark.needs("keras")

HARDWARE = Hls4mlHardware()


@st.composite
def cases(draw):
    """Up to 11 rows of any width and depth, some of them partly or wholly zero."""
    bits = draw(st.integers(1, 80))
    reuse_factor = draw(st.sampled_from([2, 3, 512, 513, 1024, 1025, 1100, 2048, 2049, 2500]))
    a_layer = layer_of((reuse_factor, draw(st.integers(1, 11))), reuse_factor=reuse_factor, bits=bits)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kernel = np.ones(a_layer.kernel_shape, dtype=bool)
    if draw(st.booleans()):
        kernel[:1024, rng.random(a_layer.n_out) < 0.3] = False
        kernel[1024:, rng.random(a_layer.n_out) < 0.3] = False
    if draw(st.booleans()):
        kernel &= rng.random(a_layer.n_out) < 0.7
    return a_layer, kernel, rng.integers(0, 6, a_layer.n_out).astype(float)


@given(cases())
@settings(max_examples=60)
def test_words_of_any_rows_are_what_counting_bit_by_bit_gives(halves_bit_by_bit, case):
    a_layer, kernel, values = case
    words, bits = HARDWARE.words(a_layer, kernel), a_layer.weight_bits
    masked = kernel & (values > 2)[labels(a_layer, "dsp-row")]
    living = np.flatnonzero(masked.any(axis=0))  # a row is all that one output has
    needed = {word for row in living for word in range(words.first[row], words.last[row] + 1)}
    by_hand = halves_bit_by_bit(
        a_layer.n_out * bits, a_layer.reuse_factor, [row * bits + bit for row in living for bit in range(bits)]
    )
    assert words.cost[list(needed)].sum() == by_hand == HARDWARE.use(a_layer, masked)["bram18"]


def check_options(values, words, rows_cost, used):
    """Hold all options against all subsets of rows; `used` says what the words of some rows cost."""
    options = row_options(values, words, rows_cost)
    ends = np.append(options.start, len(values))
    for chain, (start, end) in enumerate(itertools.pairwise(ends)):
        own = options.chain == chain
        listed = list(zip(options.rows[own], options.cost[own], options.value[own], strict=True))
        for subset in itertools.product([False, True], repeat=end - start):
            rows = np.arange(start, end)[np.array(subset)]
            worth, spent = values[rows].sum(), used(rows)
            assert worth == 0 or any(
                (count <= len(rows) or not rows_cost) and cost <= spent and value >= worth
                for count, cost, value in listed
            )
        for one, other in itertools.permutations(listed, 2):
            fewer = one[0] <= other[0] or not rows_cost
            assert not (fewer and one[1] <= other[1] and one[2] >= other[2])
    for option in range(len(options.value)):
        rows = np.flatnonzero(options.rows_kept(np.arange(len(options.value)) == option, len(values)))
        assert len(rows) == options.rows[option]
        assert values[rows].sum() == options.value[option]
        assert used(rows) == options.cost[option]


@given(cases(), st.booleans())
@settings(max_examples=60)
def test_options_are_the_best_of_all_subsets_for_any_rows_and_words(case, rows_cost):
    a_layer, kernel, values = case
    alive = np.flatnonzero(kernel.any(axis=0))
    label_array = labels(a_layer, "dsp-row")

    def used(rows):
        return HARDWARE.use(a_layer, kernel & np.isin(label_array, alive[rows]))["bram18"]

    check_options(values[alive], HARDWARE.words(a_layer, kernel).of(alive), rows_cost, used)


@st.composite
def shared_words(draw):
    """Up to nine rows over words of any cost; rows reach over several words, words hold several rows."""
    costs = draw(st.lists(st.integers(1, 9), min_size=1, max_size=7))
    factor = draw(st.sampled_from([1, 1, 4]))
    first, last, at = [], [], 0
    for _ in range(draw(st.integers(1, 9))):
        begin = min(at + draw(st.integers(0, 1)), len(costs) - 1)
        at = min(begin + draw(st.integers(0, 2)), len(costs) - 1)
        first.append(begin)
        last.append(at)
    values = draw(st.lists(st.integers(0, 5), min_size=len(first), max_size=len(first)))
    words = SharedWords("bram18", np.array(first), np.array(last), factor * np.array(costs))
    return np.array(values, dtype=float), words


@given(shared_words(), st.booleans())
@settings(max_examples=150)
def test_options_are_the_best_of_all_subsets_where_words_cost_differently(case, rows_cost):
    values, words = case

    def used(rows):
        needed = {word for row in rows for word in range(words.first[row], words.last[row] + 1)}
        return sum(int(words.cost[word]) for word in needed)

    check_options(values, words, rows_cost, used)


def test_a_layer_without_rows_has_no_options():
    none = SharedWords("bram18", np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert len(row_options(np.zeros(0), none).value) == 0


def test_a_chain_too_long_for_its_bits_is_refused():
    word = np.zeros(LONGEST_CHAIN + 1, np.int64)
    with pytest.raises(ValueError, match="63 rows share words"):
        row_options(np.ones(len(word)), SharedWords("bram18", word, word, np.ones(1, np.int64)))


@pytest.fixture(scope="module", autouse=True)
def values_alone_decide():
    """Outputs without a weight are none of the matter here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("knapprune.selection.labelled.last_layer", lambda layers: None)
        yield


def network(seed, shape=(6, 4, 3)):
    return dense_network(*shape, seed=seed)


def config(bits, reuse_factor=2, **layer_names):
    return hls_settings(reuse_factor=reuse_factor, bits=bits, **layer_names)


@pytest.mark.parametrize("bits", [9, 14, 16, 17, 18, 20])
@pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning")
def test_the_selection_is_the_best_of_all_rows(bits):
    model = network(bits, (4, 4, 2))
    kernels = KerasAdapter().kernels(model)
    found = select(model, config(bits), {"dsp": 7, "bram18": 3}, normalise="none", structure="row-and-word")
    assert found.solution.status == "OPTIMAL"
    used, worth = [], []
    for own in kernels.values():
        a_layer = replace(
            layer_of(own.shape, reuse_factor=2, bits=bits, data_bits=bits),
            weight_type=Rounding.parse(f"fixed<{bits},6>"),
        )
        rows = labels(a_layer, "dsp-row")
        subsets = list(itertools.product([False, True], repeat=int(rows.max()) + 1))
        used.append([tuple(HARDWARE.use(a_layer, own * np.array(keep)[rows]).values()) for keep in subsets])
        worth.append([np.abs(own)[np.array(keep)[rows]].sum() for keep in subsets])
    best = max(
        one + two
        for (one, (dsp, bram)), (two, (more_dsp, more_bram)) in itertools.product(
            zip(worth[0], used[0], strict=True), zip(worth[1], used[1], strict=True)
        )
        if dsp + more_dsp <= 7 and bram + more_bram <= 3
    )
    assert found.solution.value == pytest.approx(best)


@given(st.floats(0.1, 0.9), st.floats(0.1, 0.9), st.sampled_from([8, 12, 16, 17, 18, 27]), st.integers(0, 3))
@settings(max_examples=20)
@pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning")
def test_rows_and_words_keep_at_least_what_whole_runs_keep_and_use_what_they_say(dsp, bram, bits, seed):
    model = network(seed, (12, 10, 4))
    budget = {"bram18": bram} if bits == 8 else {"dsp": dsp, "bram18": bram}  # products of 8 bits may take no DSP
    fine = select(model, config(bits), budget, normalise="sum")
    runs = select(model, config(bits), budget, normalise="sum", structure="bram-run")
    assert fine.structures == {"fc0": "row-and-word", "fc1": "row-and-word"}
    assert fine.solution.status == runs.solution.status == "OPTIMAL"
    assert fine.solution.value >= runs.solution.value * (1 - 1e-12)
    spent = dict(zip([cap.resource for cap in fine.budget], fine.solution.usage.tolist(), strict=True))
    assert {name: fine.resources[name] for name in spent} == spent


def test_a_solver_without_choices_gets_whole_runs_unless_rows_and_words_are_asked_for():
    model, budget = network(1, (12, 10, 4)), {"dsp": 0.5, "bram18": 0.5}
    found = select(model, config(16), budget, solver="few-types")
    assert found.structures == {"fc0": "bram-run", "fc1": "bram-run"}
    assert found.solution.status == "OPTIMAL"
    with pytest.raises(ValueError, match="'few-types' cannot handle choices"):
        select(model, config(16), budget, solver="few-types", structure="row-and-word")


def test_layers_with_and_without_memory_share_one_knapsack():
    model = network(1, (12, 10, 4))
    mixed = config(16, fc1={"Strategy": "Latency", "ReuseFactor": 1})
    found = select(model, mixed, {"dsp": 0.5, "bram18": 0.5, "fc0": {"bram18": 9}})
    assert found.structures == {"fc0": "row-and-word", "fc1": "constant"}
    assert found.solution.status == "OPTIMAL"
    assert found.resources.by_layer["fc0"]["bram18"] <= 9
    assert found.resources["dsp"] == found.before["dsp"] // 2


def test_pruning_goes_on_from_rows_that_are_pruned_already():
    model = network(2, (12, 10, 4))
    once = select(model, config(16), {"bram18": 0.6})
    twice = select(once.apply(model), config(16), {"dsp": 0.7, "bram18": 0.5})
    assert twice.solution.status == "OPTIMAL"
    for name, mask in twice.masks.items():
        assert not (mask & ~once.masks.get(name, True)).any()


def test_a_hardware_model_that_states_no_words_is_named():
    class Plain:
        resources = HARDWARE.resources
        use = staticmethod(HARDWARE.use)
        costs = staticmethod(HARDWARE.costs)
        structure = staticmethod(HARDWARE.structure)
        advice = staticmethod(HARDWARE.advice)

    with pytest.raises(ValueError, match=r"'row-and-word': hardware model Plain states no shared words"):
        select(network(0), config(16), {"bram18": 0.5}, hardware=Plain())
