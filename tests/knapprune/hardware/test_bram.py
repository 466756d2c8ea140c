"""How a memory is cut into pieces: against every bit on its own, and against published reports of C synthesis."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knapprune.hardware.bram import (
    in_memory,
    index_bits,
    piece_bits,
    pieces,
    pieces_of_rows,
    rows_of_pieces,
    weight_memory,
    word_bits,
)
from knapprune.hardware.hls4ml import Hls4mlHardware
from shared.hls import layer_of

DEPTHS = [2, 511, 512, 513, 1024, 1025, 1100, 1536, 1537, 2047, 2048, 2049, 2561, 3073, 3600, 4096, 9216]


def dense(n_in, n_out, reuse_factor, bits, strategy="resource"):
    return layer_of((n_in, n_out), strategy, reuse_factor, bits)


@given(st.integers(0, 400), st.sampled_from(DEPTHS))
def test_pieces_fill_the_word_and_cost_what_counting_bit_by_bit_gives(halves_bit_by_bit, bits, depth):
    cut = pieces(bits, depth)
    assert np.array_equal(cut.start, np.append(0, cut.end[:-1])[: len(cut.end)])
    assert cut.end.max(initial=0) == bits
    for start, end, cost in zip(cut.start, cut.end, cut.cost, strict=True):
        assert cost == halves_bit_by_bit(bits, depth, range(start, end))
    assert cut.halves == halves_bit_by_bit(bits, depth)
    assert (np.diff(cut.start)[:-1] <= piece_bits(depth)).all()


@pytest.mark.parametrize(
    ("depth", "halves"),
    # 8 rows of 16 bits: 128 bits are 4 times 36, 8 times 18 or 15 times 9; and 3 times 36, and 20 bits in pieces of 9.
    [(512, 4), (513, 8), (1024, 8), (1025, 3 * 3 + 3), (1537, 15), (2048, 15), (2049, 15 + 4), (9216, 4 * 15 + 8)],
)
def test_the_depth_of_a_memory_decides_what_its_bits_cost(depth, halves):
    assert weight_memory(dense(8, depth, depth, 16)).halves == halves


@given(st.integers(1, 9), st.integers(1, 40), st.sampled_from(DEPTHS), st.data())
def test_rows_and_pieces_name_each_other_bit_by_bit(halves_bit_by_bit, rows, bits, depth, data):
    last = data.draw(st.none() | st.integers(1, bits))
    layer = dense(rows, depth, depth, bits, "resource_unrolled")
    memory = weight_memory(layer, last)
    whole = word_bits(layer, last)
    assert whole == memory.end[-1] == (rows - 1) * bits + (last or bits)
    first_row, last_row = rows_of_pieces(layer, memory)
    first, behind = pieces_of_rows(layer, memory)
    for row in range(rows):
        own = range(row * bits, min((row + 1) * bits, whole))
        needed = [piece for piece in range(len(memory.cost)) if first_row[piece] <= row <= last_row[piece]]
        assert needed == list(range(first[row], behind[row] + 1))
        assert memory.cost[needed].sum() == halves_bit_by_bit(whole, depth, own)


def test_only_resource_strategies_above_reuse_factor_one_bind_a_memory():
    layer = dense(16, 8, 4, 16)
    assert in_memory(layer)
    assert in_memory(replace(layer, strategy="resource_unrolled"))
    for other in (
        replace(layer, reuse_factor=1),
        replace(layer, strategy="latency"),
        replace(layer, kind="depthwise_conv1d", kernel_shape=(4, 16, 2)),
    ):
        assert not in_memory(other)
        assert weight_memory(other).halves == index_bits(other) == 0


def test_the_last_row_may_be_narrowed_to_what_its_values_need():
    layer = dense(16, 10, 32, 16)  # 5 rows of 16 bits: 80; with 8 in the last one 72, which is twice 36
    assert weight_memory(layer).halves == 3
    assert weight_memory(layer, last_row_bits=8).halves == 2


@pytest.mark.parametrize(
    ("n_in", "n_out", "reuse_factor", "bits"),
    [
        (64, 64, 64, 0),  # one output for each multiplier: nothing to look up
        (32, 32, 512, 4),  # 16 outputs: 4 bits x 512 = 2048
        (64, 64, 512, 3),  # 8 outputs: 3 bits x 512 = 1536
        (128, 16, 512, 2),  # 4 outputs: 2 bits x 512 = 1024
        (256, 8, 512, 0),  # 2 outputs: 512 bits go to look-up tables
        (224, 10, 1120, 3),  # 5 outputs
    ],
)
def test_plain_resource_keeps_an_index_of_outputs_where_it_is_large_enough(n_in, n_out, reuse_factor, bits):
    layer = dense(n_in, n_out, reuse_factor, 16)
    assert index_bits(layer) == bits
    assert index_bits(replace(layer, strategy="resource_unrolled")) == 0
    whole = Hls4mlHardware().use(layer, np.zeros(layer.kernel_shape))["bram18"]
    assert whole == weight_memory(layer).halves + (bits > 0)


def test_the_rule_gives_what_synthesis_reported(data_folder):
    """Rows of single layers: all equal up to a depth of 1024, and above within one half, three in four equal."""
    hardware, differences = Hls4mlHardware(), {512: [], 1024: [], 2048: []}
    trimmed = {depth: [] for depth in differences}
    for row in json.loads((data_folder / "vendor" / "calibration.json").read_text()):
        if row["set"] != "single-dense" or row["strategy"] != "resource" or row["rf"] == 1:
            continue
        layer = dense(row["n_in"], row["n_out"], row["rf"], row["wbits"])
        depth = next(depth for depth in differences if row["rf"] <= depth)
        whole = hardware.use(layer, np.zeros(layer.kernel_shape))["bram18"]
        narrowed = weight_memory(layer, row["value_bits"]).halves - weight_memory(layer).halves
        differences[depth].append(row["bram18"] - whole)
        trimmed[depth].append(row["bram18"] - whole - narrowed)
    assert {depth: len(rows) for depth, rows in differences.items()} == {512: 279, 1024: 299, 2048: 42}
    assert set(differences[512]) == set(trimmed[512]) == set(trimmed[1024]) == {0}
    assert set(differences[1024]) == {0, -1}  # a whole last row is at most one piece too much
    assert set(trimmed[2048]) <= {-1, 0, 1}
    assert trimmed[2048].count(0) >= 31
