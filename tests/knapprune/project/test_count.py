"""Counting reads C++ only: projects are written by hand here, so no framework is loaded and every number is known."""

from pathlib import Path

import numpy as np
import pytest

from knapprune.hardware.dsp import MultiplierTable
from knapprune.project.count import count_layer, count_project, halves_in_use, halves_of_outputs
from knapprune.project.read import GeneratedLayer, GeneratedProjectError, read_project

ONE_EACH = MultiplierTable(27, 18, in_logic=())


def generated(weights, products=None, **changes):
    """A layer as read from a project: 8 x 4, reuse factor 4, 16 bits, unless changed."""
    weights = np.asarray(weights, dtype=float)
    fields = {
        "name": "fc",
        "strategy": "resource_unrolled",
        "reuse_factor": 4,
        "zeros": int((weights == 0).sum()),
        "n_in": 8,
        "n_out": 4,
        "copies": 1,
        "weight_bits": 16,
        "data_bits": 16,
        "weights": weights,
        "products": np.flatnonzero(weights) if products is None else np.asarray(products, dtype=np.int64),
        "fan_out": 4,
    }
    if changes.get("strategy", "resource_unrolled") != "resource_unrolled":
        fields["products"] = None
    return GeneratedLayer(**(fields | changes))


def write_project(folder: Path, weights, *, n_in=8, n_out=4, reuse_factor=4, skip=(), part="xcvu9p", data="input_t"):
    """Write what hls4ml writes for one Dense layer called ``fc``, as far as it is read."""
    utils = folder / "firmware" / "nnet_utils"
    utils.mkdir(parents=True)
    (folder / "firmware" / "weights").mkdir()
    flat = np.asarray(weights, dtype=float).ravel()
    (folder / "project.tcl").write_text(f'variable part\nset part "{part}"\n')
    (folder / "firmware" / "myproject.cpp").write_text(
        f"    nnet::dense<{data}, layer2_t, config2>(in, layer2_out, w2, b2); // fc\n\n"
        "    nnet::embedding<layer2_t, layer3_t, config3>(layer2_out, layer3_out, e3); // table\n\n"
        "    nnet::relu<layer3_t, result_t, relu_config4>(layer3_out, out); // fc_relu\n"
    )
    (folder / "firmware" / "defines.h").write_text(
        "typedef ap_fixed<12,6> input_t;\n"
        "typedef nnet::array<ap_ufixed<10,4,AP_RND,AP_SAT,0>, 8*1> packed_t;\n"
        "typedef float real_t;\n"
        "typedef ap_fixed<16,6> fc_weight_t;\n"
    )
    (folder / "firmware" / "parameters.h").write_text(
        "// fc\nstruct config2 : nnet::dense_config {\n"
        f"    static const unsigned n_in = {n_in};\n    static const unsigned n_out = {n_out};\n"
        "    static const unsigned strategy = nnet::resource_unrolled;\n"
        f"    static const unsigned reuse_factor = {reuse_factor};\n"
        f"    static const unsigned n_zeros = {int((flat == 0).sum())};\n"
        "    typedef fc_weight_t weight_t;\n"
        "    using kernel = nnet::dense_resource_unrolled_2<data_T, res_T, CONFIG_T>;\n};\n"
    )
    numbers = ", ".join(f"{weight:.10f}" for weight in flat)
    (folder / "firmware" / "weights" / "w2.h").write_text(f"fc_weight_t w2[{flat.size}] = {{{numbers}}};\n")
    (folder / "firmware" / "weights" / "e3.h").write_text("table_t e3[4] = {1, 1, 1, 1};\n")
    lines = [
        f"acc[{w // n_in}] += CONFIG_T::template product<data_T, W>::product(data[{w % n_in}], weights[{w}]));"
        for w in np.flatnonzero(flat)
        if w not in skip
    ]
    (utils / "nnet_code_gen.h").write_text(
        "class dense_resource_unrolled_2 : public X {\n" + "\n".join(lines) + "\n};\n"
    )
    return folder


def test_a_full_layer_counts_every_row_and_every_half_block(tmp_path):
    count = count_project(write_project(tmp_path / "p", np.ones(32)))
    (layer,) = count.layers
    assert (layer.name, layer.strategy, layer.reuse_factor) == ("fc", "resource_unrolled", 4)
    assert (layer.multipliers, layer.dsp) == (8, 8)  # 32 weights / 4
    assert layer.bram18 == 4  # 8 rows of 16 bits: 128 bits, 36 in each half
    assert dict(layer.resources) == {"dsp": 8, "bram18": 4}


def test_a_dead_row_is_uncounted(tmp_path):
    weights = np.ones((8, 4))
    weights[[1, 5]] = 0
    assert count_project(write_project(tmp_path / "p", weights)).layers[0].multipliers == 6


def test_a_row_with_one_weight_left_is_counted(tmp_path):
    weights = np.zeros((8, 4))
    weights[3, 2] = -0.5
    (layer,) = count_project(write_project(tmp_path / "p", weights)).layers
    assert layer.multipliers == 1
    assert layer.bram18 == 1  # row 3: bits 48 to 63, inside the second half


def test_a_half_stays_while_a_straddling_row_lives(tmp_path):
    weights = np.zeros((8, 4))
    weights[2] = 1  # bits 32 to 47: halves 0 and 1
    assert count_project(write_project(tmp_path / "p", weights)).layers[0].bram18 == 2


def test_widths_come_from_the_types_in_the_generated_code(tmp_path):
    (plain,) = read_project(write_project(tmp_path / "a", np.ones(32))).layers
    (packed,) = read_project(write_project(tmp_path / "b", np.ones(32), data="packed_t")).layers
    assert (plain.weight_bits, plain.data_bits, packed.data_bits) == (16, 12, 10)


def test_layers_of_another_kind_are_named_as_uncounted(tmp_path):
    assert count_project(write_project(tmp_path / "p", np.ones(32))).uncounted == ("table",)


def test_the_device_decides_the_dsps_of_a_multiplier(tmp_path):
    wide = MultiplierTable(12, 10, in_logic=())
    (layer,) = count_project(write_project(tmp_path / "p", np.ones(32)), wide).layers
    assert layer.dsp == layer.multipliers * wide.blocks(16, 12) > layer.multipliers


def test_a_weight_that_no_product_names_is_an_error_that_names_the_layer(tmp_path):
    with pytest.raises(GeneratedProjectError, match=r"'fc': weight 9 is written as 1\.0, but no product"):
        count_project(write_project(tmp_path / "p", np.ones(32), skip={9}))


def test_a_missing_file_is_named(tmp_path):
    folder = write_project(tmp_path / "p", np.ones(32))
    (folder / "firmware" / "parameters.h").unlink()
    with pytest.raises(GeneratedProjectError, match=r"parameters\.h is missing"):
        count_project(folder)


def test_a_missing_kernel_class_is_an_error_that_names_the_layer(tmp_path):
    folder = write_project(tmp_path / "p", np.ones(32))
    (folder / "firmware" / "nnet_utils" / "nnet_code_gen.h").write_text("")
    with pytest.raises(GeneratedProjectError, match=r"'fc': its kernel dense_resource_unrolled_2"):
        count_project(folder)


def test_a_floating_point_type_is_an_error_that_names_the_layer(tmp_path):
    with pytest.raises(GeneratedProjectError, match=r"'fc': expected a fixed-point or integer type, got 'float'"):
        count_project(write_project(tmp_path / "p", np.ones(32), data="real_t"))


def test_a_weights_file_of_the_wrong_length_is_an_error_that_names_the_layer(tmp_path):
    with pytest.raises(GeneratedProjectError, match="'fc': expected 32 weights, got 31"):
        count_project(write_project(tmp_path / "p", np.ones(31)))


def test_weights_that_are_not_numbers_are_an_error_that_names_the_file(tmp_path):
    folder = write_project(tmp_path / "p", np.ones(32))
    (folder / "firmware" / "weights" / "w2.h").write_text("w2[32] = {1.5f, 2.0f};")
    with pytest.raises(GeneratedProjectError, match=r"'fc': expected plain numbers in .*w2\.h"):
        count_project(folder)


def test_a_layer_whose_weights_are_powers_of_two_shifts_and_is_named_as_not_counted(tmp_path):
    folder = write_project(tmp_path / "p", np.ones(32))
    (folder / "firmware" / "weights" / "w2.h").write_text("w2[32] = {{1.0, -2}, {0.0, 3}};")
    counted = count_project(folder)
    assert counted.uncounted == ("fc", "table")
    assert counted.layers == ()


def test_a_weight_written_as_zero_still_costs_its_product_and_is_reported():
    weights = np.ones(32)
    weights[5] = 0
    layer = count_layer(generated(weights, products=np.arange(32)), ONE_EACH)
    assert (layer.multipliers, layer.vanished) == (8, 1)


def test_a_resource_layer_keeps_its_dead_rows_and_its_memory():
    layer = count_layer(generated(np.zeros(32), strategy="resource"), ONE_EACH)
    assert (layer.multipliers, layer.bram18) == (8, 4)


def test_a_reuse_factor_of_one_binds_no_memory():
    layer = count_layer(generated(np.full(32, 0.3), strategy="resource", reuse_factor=1), ONE_EACH)
    assert (layer.multipliers, layer.bram18) == (8, 0)  # equal constants of one input are one


def test_a_latency_layer_counts_its_constants_of_three_digits_for_every_pixel():
    weights = np.arange(32) / 1024  # 8 inputs of 4 weights each: 0 to 31
    layer = count_layer(generated(weights, strategy="latency", reuse_factor=1, copies=3), ONE_EACH)
    assert (layer.multipliers, layer.bram18) == (10 * 3, 0)  # 11, 13, 19, 21, 22, 23, 25, 26, 27 and 29 have three


def test_more_weights_than_the_parameters_state_are_an_error():
    with pytest.raises(GeneratedProjectError, match=r"'fc': .* states 31 non-zero weights, its weights file has 32"):
        count_layer(generated(np.ones(32), strategy="latency", reuse_factor=1, zeros=1), ONE_EACH)


@pytest.mark.parametrize("reuse_factor", [3, 12, 24, 64])
def test_a_reuse_factor_that_cuts_no_whole_rows_is_an_error(reuse_factor):
    with pytest.raises(GeneratedProjectError, match=f"'fc': .* reuse factor {reuse_factor} does not cut 8 x 4"):
        count_layer(generated(np.ones(32), reuse_factor=reuse_factor), ONE_EACH)


def test_an_unknown_strategy_is_an_error_that_names_the_three():
    with pytest.raises(GeneratedProjectError, match=r"expected strategy latency, resource or .*, got 'compressed'"):
        count_layer(generated(np.ones(32), strategy="compressed"), ONE_EACH)


def test_a_resource_layer_counts_its_table_of_outputs_too():
    # 8 rows of 16 bits; a multiplier works for 512 / 32 outputs: 4 bits x 512 words.
    fields = {"n_in": 32, "n_out": 128, "reuse_factor": 512}
    assert count_layer(generated(np.ones(4096), strategy="resource", **fields), ONE_EACH).bram18 == 4 + 1
    assert count_layer(generated(np.ones(4096), **fields), ONE_EACH).bram18 == 4


@pytest.mark.parametrize(
    ("n_in", "reuse_factor", "halves"),
    [(64, 64, 0), (256, 512, 0), (128, 512, 1), (224, 1120, 1), (4, 2048, 1), (2, 4096, 2 * 2)],
)
def test_a_table_of_outputs_is_in_blocks_from_1024_bits_on(n_in, reuse_factor, halves):
    assert halves_of_outputs(n_in, reuse_factor) == halves


@pytest.mark.parametrize(
    ("reuse_factor", "halves"),
    # One row of 16 bits: in halves of 36, 18 or 9 bits; 5000 words are two times 2048 of 9 bits, and 904 of 18.
    [(512, 1), (513, 1), (1024, 1), (1025, 2), (2048, 2), (2049, 3), (5000, 5)],
)
def test_deeper_rows_take_more_halves_for_the_same_bits(reuse_factor, halves):
    assert halves_in_use(np.arange(reuse_factor), reuse_factor, 16, reuse_factor) == halves


@pytest.mark.parametrize("weight_bits", [1, 3, 9, 16, 18, 24, 36, 37, 80])
@pytest.mark.parametrize("reuse_factor", [2, 5, 512, 513, 1500, 1600, 2048, 5500])
@pytest.mark.parametrize("last_row_bits", [None, 1])
def test_halves_agree_with_marking_every_single_bit(halves_bit_by_bit, weight_bits, reuse_factor, last_row_bits):
    rng = np.random.default_rng(weight_bits * reuse_factor)
    weights, cut = rng.choice(7 * reuse_factor, size=5, replace=False), weight_bits - (last_row_bits or weight_bits)
    bits = 7 * weight_bits - cut
    living = {
        bit
        for row in weights // reuse_factor
        for bit in range(row * weight_bits, (row + 1) * weight_bits)
        if bit < bits
    }
    counted = halves_in_use(weights, 7 * reuse_factor, weight_bits, reuse_factor, last_row_bits)
    assert counted == halves_bit_by_bit(bits, reuse_factor, living)
