"""Published rows are predicted by the project's own functions, none is lost, and the page is made of its rows."""

import json

import pytest

from bench.networks.marks import filled
from bench.networks.study import DOCS
from bench.networks.vendor.__main__ import page, predicted_rows
from bench.networks.vendor.designs import design_table, designs, multiplier_table, multipliers
from bench.networks.vendor.groups import of_dsp, of_memory
from bench.networks.vendor.prediction import (
    CHANGED,
    NO_FORM,
    NO_POSITIONS,
    NO_SHAPE,
    NO_WEIGHTS,
    NOT_REPORTED,
    RESOURCES,
    is_vivado_hls,
    predict,
)
from bench.networks.vendor.tables import count_table, left_out_table
from bench.networks.vendor.targets import TARGETS, bound_table, target_table
from knapprune.hardware.bram import pieces
from knapprune.hardware.fitted import SHARED, UNROLLED, Quantities

ALVEO = "xcu250-figd2104-2L-e"
REPORTED = {"dsp": 7, "bram18": 4, "lut": 1000, "ff": 900, "ii": 1, "latency": 3}


def row(**changes):
    """A single layer of 16 by 8 in Vitis HLS, with what is changed."""
    common = {
        "set": "project-layer",
        "source": "S0",
        "kind": "dense",
        "n_in": 16,
        "n_out": 8,
        "copies": 1,
        "wbits": 16,
        "dbits": 16,
        "strategy": "latency",
        "rf": 1,
        "io": "io_parallel",
        "part": ALVEO,
        "tool": "2022.2",
        "stage": "csynth",
        "clock": 5.0,
        "k": {"dsp": 128, "bram18": 0},
    }
    return common | REPORTED | changes


CONSTANTS = {"nonzero": 100, "zeros": 20, "constants3": 60, "constants3_5bit": 57}


def test_constants_of_three_digits_are_multiplied_and_four_bit_ones_only_in_vitis():
    assert predict(row(**CONSTANTS))["predicted"]["dsp"] == 60
    assert predict(row(**CONSTANTS, tool="Vivado HLS 2020.1"))["predicted"]["dsp"] == 57
    assert predict(row(**CONSTANTS, strategy="resource"))["predicted"]["dsp"] == 60
    assert predict(row(**CONSTANTS, copies=3))["predicted"]["dsp"] == 180


@pytest.mark.parametrize(
    ("widths", "each"),
    [((8, 10), 0), ((8, 11), 1), ((9, 9), 1), ((16, 53), 2)],  # 53 bits are two wide ports
)
def test_widths_decide_what_a_constant_takes(widths, each):
    assert predict(row(**CONSTANTS, wbits=widths[0], dbits=widths[1]))["predicted"]["dsp"] == 60 * each


def test_the_bits_of_the_values_are_taken_before_those_of_the_type():
    assert predict(row(**CONSTANTS, wbits=16, value_bits=8, dbits=10))["predicted"]["dsp"] == 0
    assert predict(row(**CONSTANTS, wbits=16, dbits=10))["predicted"]["dsp"] == 60


def test_latency_above_reuse_factor_1_is_limited_by_the_zeros_that_hls4ml_counts():
    shared = row(**CONSTANTS, rf=4)
    assert predict(shared)["predicted"]["dsp"] == 128 // 4 - 20 // 4
    del shared["zeros"]
    assert predict(shared)["predicted"]["dsp"] == 128 // 4 - 28 // 4
    assert predict(row(**CONSTANTS, rf=2) | {"constants3": 5})["predicted"]["dsp"] == 5


def test_products_that_were_forced_into_blocks_count_whatever_their_width():
    forced = row(**CONSTANTS, set="forced-dsp", wbits=8, dbits=8, tool="2021.1")
    assert predict(forced)["predicted"]["dsp"] == 60
    assert not predict(forced)["upper_bound"]


def test_a_memory_in_vivado_hls_is_narrowed_in_its_last_row_alone():
    memory = row(strategy="resource", rf=16, wbits=6, value_bits=4, tool="2019.2")
    found = predict(memory)["predicted"]
    assert found["dsp"] == 7
    assert found["bram18"] == pieces(7 * 6 + 4, 16).halves == 2
    assert predict(memory | {"value_bits": 6})["predicted"]["dsp"] == 8
    assert predict(memory | {"tool": "2022.2"})["predicted"]["dsp"] == 0


def test_a_memory_deeper_than_the_inputs_has_its_index_of_outputs():
    deep = row(n_in=32, n_out=64, strategy="resource", rf=1024)
    assert predict(deep)["predicted"]["bram18"] == pieces(32, 1024).halves + pieces(5, 1024).halves


def test_two_layers_are_predicted_as_two():
    both = row(set="two-dense", kind="dense-dense", shape="32-32-32", rf=256, rf_used=[256, 512], strategy="resource")
    both |= {"stage": "vivado synthesis", "ii": None}
    found = predict(both)
    assert found["predicted"]["dsp"] == 4 + 2
    assert found["predicted"]["latency"] == 256 + 2 + 512 + 2
    assert found["not_compared"] == {"ii": NOT_REPORTED}


def test_logic_is_the_sum_of_its_form():
    known = {"n_in": 16, "n_out": 8, "weight_bits": 16, "data_bits": 16, "nonzero": 100, "constants": 60, "part": ALVEO}
    for factor, form in ((1, UNROLLED), (2, SHARED)):
        found = predict(row(**CONSTANTS, rf=factor, copies=2))["predicted"]
        quantities = Quantities("latency", factor, **known)
        assert (found["lut"], found["ff"]) == (2 * form.lut.of(quantities), 2 * form.ff.of(quantities))


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"kind": "conv_2d_cl_me", "strategy": "resource", "rf": 27}, dict.fromkeys(RESOURCES, CHANGED)),
        ({}, dict.fromkeys(("dsp", "lut", "ff", "ii", "latency"), NO_WEIGHTS)),
        ({"kind": "conv_1d_cl", "strategy": "resource", "rf": 4}, dict.fromkeys(("ii", "latency"), NO_POSITIONS)),
        ({"lut": None, "strategy": "resource", "rf": 4}, {"lut": NOT_REPORTED}),
        ({"latency": None, "strategy": "resource", "rf": 4}, {"latency": NOT_REPORTED}),
        (
            {"kind": "depthwise_conv_2d_cl", "strategy": "resource", "rf": 4},
            {"lut": NO_FORM, "ff": NO_FORM, "dsp": NO_SHAPE, "bram18": NO_SHAPE, "ii": NO_POSITIONS}
            | {"latency": NO_POSITIONS},
        ),
    ],
)
def test_what_cannot_be_compared_says_why_and_predicts_nothing(changes, reasons):
    found = predict(row(**changes))
    assert found["not_compared"] == reasons
    assert set(found["predicted"]) == set(RESOURCES) - set(reasons)


def test_rows_that_cannot_be_compared_stay_in_the_tables():
    rows = predicted_rows([row(kind="dense_ss", strategy="resource", rf=4), row(), row(**CONSTANTS)])
    assert [found["id"] for found in rows] == ["S0-1", "S0-2", "S0-3"]
    lines = count_table(rows, "dsp", of_dsp, ["set", "strategy", "bits", "known"]).splitlines()[2:]
    assert [line.split(" | ")[4:6] for line in lines] == [["2", "1"], ["1", "1"]]  # reuse factor 1 first
    assert "| - | - |" in lines[1]
    reasons = left_out_table(rows).splitlines()[2:]
    assert [line.split(" | ")[0] for line in reasons] == [f"| {CHANGED}", f"| {NO_WEIGHTS}"]


def test_a_table_counts_what_is_equal_near_and_off():
    memory = {"strategy": "resource", "rf": 16, "wbits": 6, "value_bits": 4, "tool": "2019.2"}
    published = [row(**memory, k={"dsp": 8, "bram18": blocks}) | {"bram18": blocks} for blocks in (2, 3, 9)]
    (line,) = count_table(predicted_rows(published), "bram18", of_memory, ["set", "words"]).splitlines()[2:]
    assert line == "| published networks | 2 to 512 | 3 | 0 | 1 | 2 | -1 | 14 | 6 | 3 | 0 | 14 |"


def test_an_upper_bound_says_how_far_above():
    few = row(**CONSTANTS, wbits=10, dbits=12)
    rows = predicted_rows([few | {"dsp": 60}, few | {"dsp": 10}, few | {"dsp": 61}])
    (line, _) = bound_table(rows).splitlines()[2:]
    assert line == "| data of 12 bits or fewer, RF 1 | 3 | 1 | 1 | 50 | 1 | 131 | 180 |"


def test_a_target_that_is_not_reached_says_no():
    single = row(**CONSTANTS, set="single-dense")
    text = target_table(predicted_rows([single | {"dsp": 60}, single | {"dsp": 61}]))
    assert "| DSP equal: single layers, RF 1 | 100% | 1 of 2 (50.0%) | **no** |" in text
    assert "| BRAM_18K equal: single layers, RF 2 to 512 | 98% | 0 of 0 | no row |" in text


def test_multipliers_are_held_against_the_table_of_their_tool():
    one = {"part": "xcu50", "kind": "mul", "dsp": 0, "count": 3, "table": 1}
    found = multipliers([one | {"tool": "2024.1", "operands": ["10u", "7s"]}])
    found += multipliers([one | {"tool": "2019.2", "operands": ["10u", "7s"]}])
    assert [each["predicted"] for each in found] == [0, 1]
    assert "10u x 7s: 0 for 1 (3)" in multiplier_table(found)


def test_designs_are_predicted_where_every_layer_is_published_and_stay_where_not(tmp_path):
    layers = predicted_rows([row(**CONSTANTS), row(**CONSTANTS, source="S1")])
    design = {"design": "x", "tool": "2022.2", "part": ALVEO, "layers": 1, "strategies": ["latency"], "rf": [1]}
    design |= {"csynth": {"dsp": 65, "bram36": 1.5}, "knapprune": {"dsp": 128, "bram36": 0}}
    published = [design | {"source": "S0"}, design | {"source": "S1", "layers": 2}]
    found = designs(published, layers, tmp_path)
    assert [each["weights"] for each in found] == [{"dsp": 60, "bram18": 0}, {}]
    assert found[0]["reported"] == {"dsp": 65, "bram18": 3}
    assert design_table(found).splitlines()[3] == "| x | S1 | 2022.2 | 2 | 1 | 65 | - | - | 128 | 3 | - | - | 0 |"


def test_a_model_that_cannot_be_read_keeps_its_design(tmp_path):
    (tmp_path / "iris").mkdir()
    design = {"design": "x", "tool": "2025.1", "part": ALVEO, "layers": 3, "strategies": ["latency"], "rf": [1]}
    design |= {"source": "S5", "csynth": {"dsp": 110, "bram36": 1.5}, "knapprune": {"dsp": 120, "bram36": 0}}
    (found,) = designs([design], [], tmp_path)
    assert found["error"] == "FileNotFoundError: path: no model file FOLDER/model.keras"
    assert found["error"] in design_table([found])


def test_versions_of_vivado_hls_end_with_2020_1():
    named = ["2018.3", "2019.2.1", "Vivado HLS 2020.1", "2020.2", "Vitis HLS 2023.2"]
    assert [is_vivado_hls(tool) for tool in named] == [True, True, True, False, False]


def test_tables_go_between_their_marks_and_nowhere_else():
    marks = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb"
    assert filled(marks, {"x": "| new |"}) == "a\n<!-- x:begin -->\n| new |\n<!-- x:end -->\nb"
    with pytest.raises(ValueError, match="has 0 places for 'y', expected one"):
        filled(marks, {"y": ""})


def test_the_page_is_made_from_its_rows():
    written = (DOCS / "vendor.md").read_text()
    assert page(json.loads((DOCS / "vendor.json").read_text())) == written


@pytest.fixture(scope="module")
def published(data_folder):
    return json.loads((data_folder / "vendor" / "calibration.json").read_text())


@pytest.fixture(scope="module")
def found(published):
    return predicted_rows(published)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.what)
def test_what_was_asked_is_reached_on_published_rows(found, target):
    assert len(target.pairs(found)) >= 15
    assert target.reached(found) >= target.asked


def test_upper_bounds_are_never_below_what_is_reported(found):
    bounded = [each for each in found if each["upper_bound"] and "dsp" in each["predicted"]]
    assert len(bounded) >= 40
    assert all(each["predicted"]["dsp"] >= each["reported"]["dsp"] for each in bounded)


def test_the_rows_of_the_page_are_those_that_are_predicted_now(published, found):
    written = json.loads((DOCS / "vendor.json").read_text())
    assert len(found) == len(published)
    assert json.loads(json.dumps(found)) == written["rows"]


def test_the_table_of_multipliers_explains_all_but_what_was_forced(data_folder):
    rows = multipliers(json.loads((data_folder / "vendor" / "multipliers.json").read_text()))
    off = [each for each in rows if each["predicted"] != each["reported"]]
    assert {each["tool"] for each in off} == {"2021.1"}
