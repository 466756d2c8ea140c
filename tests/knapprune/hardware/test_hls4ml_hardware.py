"""Counts against a reference that looks at every weight and every bit on its own."""

from math import ceil, lcm

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knapprune.hardware.hls4ml import Hls4mlHardware
from knapprune.hardware.structures import STRUCTURES, labels
from knapprune.network.rules.reuse import valid_reuse_factors
from shared.hls import layer_of

HARDWARE = Hls4mlHardware()


def layer(shape=(16, 5), strategy="resource_unrolled", reuse_factor=4, bits=16, copies=1):
    return layer_of(shape, strategy, reuse_factor, bits, copies=copies)


def rows_of_weights(a_layer):
    """DSP row of each weight, worked out one weight after the other."""
    shape = a_layer.kernel_shape
    found = {}
    for index in np.ndindex(*shape):
        flat = np.ravel_multi_index((index[-1], *index[:-1]), (shape[-1], *shape[:-1]))
        found[index] = int(flat) // a_layer.reuse_factor
    return found


def use_by_hand(a_layer, kernel, halves_bit_by_bit):
    alive = {row for index, row in rows_of_weights(a_layer).items() if kernel[index] != 0}
    bits = a_layer.weight_bits
    living = [bit for row in alive for bit in range(row * bits, (row + 1) * bits)]
    whole, depth = a_layer.size // a_layer.reuse_factor * bits, a_layer.reuse_factor
    halves = halves_bit_by_bit(whole, depth, living) if depth > 1 else 0
    return {"dsp": len(alive) * HARDWARE.dsp_per_multiplier(a_layer), "bram18": halves}


@st.composite
def cases(draw):
    shape = draw(st.sampled_from([(6, 4), (16, 5), (12, 12), (3, 4, 5), (3, 2, 2, 6), (7, 1), (1, 9), (300, 8)]))
    n_in, n_out = int(np.prod(shape[:-1])), shape[-1]
    reuse_factor = draw(st.sampled_from(valid_reuse_factors(n_in, n_out)))
    bits = draw(st.sampled_from([2, 7, 9, 12, 16, 18, 20, 36, 40]))
    kernel = np.random.default_rng(draw(st.integers(0, 2**32))).random(shape) < draw(st.sampled_from([0, 0.1, 0.5, 1]))
    return layer(shape, reuse_factor=reuse_factor, bits=bits), kernel


@given(cases())
def test_use_is_what_counting_every_weight_and_bit_gives(halves_bit_by_bit, case):
    a_layer, kernel = case
    assert HARDWARE.use(a_layer, kernel) == use_by_hand(a_layer, kernel, halves_bit_by_bit)


@given(cases(), st.sampled_from(sorted(STRUCTURES)))
def test_costs_and_fixed_part_add_up_to_the_use(case, structure):
    a_layer, kernel = case
    costs = HARDWARE.costs(a_layer, labels(a_layer, structure), kernel)
    for row, resource in enumerate(HARDWARE.resources):
        total = costs.fixed[resource] + int(costs.type_costs[row, costs.label_type].sum())
        assert total == HARDWARE.use(a_layer, kernel)[resource]


@given(cases(), st.sampled_from(sorted(STRUCTURES)), st.integers(0, 2**32))
def test_pruning_labels_saves_at_least_their_costs_and_exactly_where_nothing_is_shared(case, structure, seed):
    a_layer, kernel = case
    label_array = labels(a_layer, structure)
    costs = HARDWARE.costs(a_layer, label_array, kernel)
    keep = np.random.default_rng(seed).random(len(costs.label_type)) < 0.5
    after = HARDWARE.use(a_layer, kernel & keep[label_array])
    for row, resource in enumerate(HARDWARE.resources):
        promised = costs.fixed[resource] + int(costs.type_costs[row, costs.label_type[keep]].sum())
        assert after[resource] <= promised
        if costs.fixed[resource] == 0:
            assert after[resource] == promised


@given(cases())
def test_runs_share_no_piece_and_rows_share_no_multiplier(case):
    a_layer, _ = case
    dense = np.ones(a_layer.kernel_shape, dtype=bool)
    assert HARDWARE.costs(a_layer, labels(a_layer, "bram-run"), dense).fixed == {"dsp": 0, "bram18": 0}
    assert HARDWARE.costs(a_layer, labels(a_layer, "dsp-row"), dense).fixed["dsp"] == 0


@pytest.mark.parametrize("bits", [4, 9, 12, 16, 18, 27, 36])
@pytest.mark.parametrize(
    ("reuse_factor", "piece", "halves"),
    # Bits of a whole piece, and what it takes: a half, but three for 36 bits of 1025 to 1536 words, and one for each 9
    # bits of 2048 words where there are more words than that.
    [(4, 36, 1), (512, 36, 1), (513, 18, 1), (1024, 18, 1), (1025, 36, 3), (1537, 9, 1), (2048, 9, 1), (2049, 36, 5)],
)
def test_a_full_run_frees_whole_pieces(bits, reuse_factor, piece, halves):
    rows, full = lcm(bits, piece) // bits, lcm(bits, piece) // piece
    a_layer = layer((reuse_factor, 2 * rows + 1), reuse_factor=reuse_factor, bits=bits)
    run = labels(a_layer, "bram-run")
    assert np.array_equal(run, labels(a_layer, "dsp-row") // rows)
    costs = HARDWARE.costs(a_layer, run, np.ones(a_layer.kernel_shape, dtype=bool))
    assert (
        costs.type_costs[:, costs.label_type[:2]].T.tolist()
        == [[rows * HARDWARE.dsp_per_multiplier(a_layer), full * halves]] * 2
    )
    assert costs.fixed["bram18"] == 0


def test_ragged_last_run_pays_only_its_own_pieces():
    a_layer = layer((16, 5))  # 20 rows of 16 bits: two runs of 9 rows and 4 pieces, then 2 rows and 1 piece
    costs = HARDWARE.costs(a_layer, labels(a_layer, "bram-run"), np.ones((16, 5), dtype=bool))
    assert costs.type_costs[:, costs.label_type].tolist() == [[9, 9, 2], [4, 4, 1]]
    assert HARDWARE.use(a_layer, np.ones((16, 5))) == {"dsp": 20, "bram18": ceil(20 * 16 / 36)}


@pytest.mark.parametrize(
    ("reuse_factor", "whole", "without"),
    # Three rows of 16 bits: 48. The middle one, bits 16 to 31, is alone in no piece of 36 and in none of 18; of nine it
    # alone has bits 18 to 26.
    [(512, 2, 2), (513, 3, 3), (1024, 3, 3), (1025, 3 + 2, 3 + 2), (2048, 6, 5), (2049, 6 + 2, 6 + 2)],
)
def test_a_piece_is_paid_while_any_row_with_a_bit_in_it_lives(halves_bit_by_bit, reuse_factor, whole, without):
    a_layer = layer((reuse_factor, 3), reuse_factor=reuse_factor)
    kernel = np.ones((reuse_factor, 3))
    assert HARDWARE.use(a_layer, kernel)["bram18"] == whole
    kernel[:, 1] = 0
    assert HARDWARE.use(a_layer, kernel)["bram18"] == without
    kernel[:] = 0
    kernel[-1, 2] = 1  # one weight keeps its whole row, however deep
    last = halves_bit_by_bit(48, reuse_factor, range(32, 48))
    assert HARDWARE.use(a_layer, kernel) == {"dsp": 1, "bram18": last}


def test_latency_spends_a_multiplier_on_each_weight_that_is_not_zero():
    kernel = np.ones((16, 5))
    kernel[:4] = 0
    assert HARDWARE.use(layer(strategy="latency", reuse_factor=1), kernel) == {"dsp": 60, "bram18": 0}


def test_latency_above_reuse_factor_one_is_a_cap_that_no_label_decides():
    kernel = np.ones((16, 5))
    kernel.ravel()[:7] = 0
    a_layer = layer(strategy="latency", reuse_factor=3)
    assert HARDWARE.use(a_layer, kernel) == {"dsp": ceil(80 / 3) - 7 // 3, "bram18": 0}
    assert not HARDWARE.costs(a_layer, labels(a_layer, "unstructured"), kernel).type_costs.any()


def test_resource_spends_the_same_on_zeros():
    a_layer = layer(strategy="resource")
    assert HARDWARE.use(a_layer, np.zeros((16, 5))) == {"dsp": 20, "bram18": 9}
    assert not HARDWARE.costs(a_layer, labels(a_layer, "dsp-row"), np.ones((16, 5))).type_costs.any()


def test_distributed_arithmetic_uses_neither_multipliers_nor_memory():
    assert HARDWARE.use(layer(strategy="distributed_arithmetic", reuse_factor=1), np.ones((16, 5))) == {
        "dsp": 0,
        "bram18": 0,
    }


def test_pixels_in_parallel_multiply_the_multipliers():
    a_layer = layer((3, 3, 2, 4), strategy="latency", reuse_factor=1, copies=6)
    assert HARDWARE.use(a_layer, np.ones((3, 3, 2, 4)))["dsp"] == 72 * 6


def test_unstructured_pruning_of_an_unrolled_layer_promises_no_multiplier():
    a_layer = layer()
    costs = HARDWARE.costs(a_layer, labels(a_layer, "unstructured"), np.ones((16, 5)))
    assert costs.fixed == {"dsp": 20, "bram18": 9}


def test_a_row_that_is_dead_already_costs_nothing():
    a_layer = layer()
    kernel = np.where(labels(a_layer, "dsp-row") == 3, 0, 1)
    costs = HARDWARE.costs(a_layer, labels(a_layer, "dsp-row"), kernel)
    assert costs.type_costs[0, costs.label_type[3]] == 0
    assert costs.type_costs[0, costs.label_type].sum() == 19


def test_the_finest_structure_that_saves_is_named():
    assert HARDWARE.structure(layer(), ("dsp",)) == "dsp-row"
    assert HARDWARE.structure(layer(), ("dsp", "bram18")) == "row-and-word"
    assert HARDWARE.structure(layer(strategy="latency", reuse_factor=1), ("dsp",)) == "constant"


@pytest.mark.parametrize("strategy", ["latency", "resource"])
def test_advice_names_the_strategy_that_can(strategy):
    assert "'resource_unrolled'" in HARDWARE.advice(layer(strategy=strategy, reuse_factor=4), "dsp")
    assert "'resource_unrolled'" in HARDWARE.advice(layer(strategy=strategy, reuse_factor=4), "bram18")


def test_kernel_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"layer 'fc'.*expected"):
        HARDWARE.use(layer(), np.ones((5, 16)))


def test_a_million_weights_take_no_object_each():
    a_layer = layer((1000, 1000), reuse_factor=1, strategy="latency")
    costs = HARDWARE.costs(a_layer, labels(a_layer, "unstructured"), np.ones((1000, 1000)))
    assert costs.type_costs.shape == (2, 1)
    assert costs.label_type.nbytes == 8_000_000
