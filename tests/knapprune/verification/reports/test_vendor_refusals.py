"""Reports of another model are refused with the first thing that does not match, and nothing else is refused."""

import numpy as np
import pytest

from knapprune.project.export import export
from knapprune.verification.reports.folder import ReportError
from knapprune.verification.reports.report import read_run, side_by_side
from shared.frameworks import keras
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras")

CONFIG = hls_settings()


def renamed(position, old, new):
    def change(run, forms):
        run[position].name = run[position].name.replace(old, new)

    return change


def with_ports(position, n_in, n_out):
    def change(run, forms):
        run[position].ports = forms.dense_ports(n_in, n_out)

    return change


def with_top(inputs, outputs):
    def change(run, forms):
        run[0].ports = forms.top_ports(inputs, outputs)

    return change


REFUSED = {
    "another result": (
        renamed(3, "16_6_5_3_0", "12_4_5_3_0"),
        r"layer 'fc2' has results of ap_fixed_16_6, in the reports of ap_fixed_12_4 \(module",
    ),
    "another number": (renamed(3, "config4", "config6"), "is of a layer 6, this model has none"),
    "another kind": (renamed(2, "relu_ap_fixed", "dense_latency_ap_fixed"), "layer 'fc1_relu' is a relu"),
    "a convolution": (renamed(1, "dense", "conv_2d_cl"), "layer 'fc1' is a dense"),
    "another top": (renamed(0, "myproject", "jets"), "no report of the top function, expected myproject_csynth.xml"),
    "fewer inputs": (with_ports(3, 7, 5), r"layer 'fc2' has 8 inputs, in the reports 7 \(module"),
    "more inputs": (with_ports(3, 9, 5), "layer 'fc2' has 8 inputs, in the reports 9"),
    "more outputs": (with_ports(1, 16, 12), "layer 'fc1' has 8 outputs, in the reports 12"),
    "more results": (with_top({"input_layer": 16}, {"layer5_out": 7}), "has 7 values in port 'layer5_out', expected 5"),
    "a wider input": (with_top({"input_layer": 20}, {"layer5_out": 5}), "20 values in port 'input_layer', expected 16"),
    "another input": (with_top({"x": 20}, {"layer5_out": 5}), "no port 'input_layer', only x, layer5_out_0"),
    "one more output": (
        with_top({"input_layer": 16}, {"layer3_out": 8, "layer9_out": 5}),
        "has no port 'layer5_out', only input_layer, layer3_out_0",
    ),
}


@pytest.mark.parametrize("kinds", [("xml", "rpt"), ("xml",), ("rpt",)])
@pytest.mark.parametrize("case", REFUSED)
def test_reports_of_another_model_are_refused_with_the_first_layer(
    project, counts, run, write_reports, tmp_path, forms, case, kinds
):
    change, message = REFUSED[case]
    change(run, forms)
    run[0].inside = [module.name for module in run[1:]]
    write_reports(tmp_path, run, kinds)
    with pytest.raises(ReportError, match=message):
        side_by_side(read_run(tmp_path), project, counts)


def test_reports_for_another_part_are_refused(project, counts, run, write_reports, tmp_path):
    write_reports(tmp_path, run, part="xcku115-flvb2104-2-i")
    with pytest.raises(ReportError, match="made for part 'xcku115-flvb2104-2-i', expected 'xcvu13p-flga2577-2-e'"):
        side_by_side(read_run(tmp_path), project, counts)


@pytest.mark.parametrize("spelling", ["xcvu13pflga2577-2-e", "XCVU13P-FLGA2577-2-E", "vu13p-flga2577-2"])
def test_another_spelling_of_the_part_is_none(project, counts, run, write_reports, tmp_path, spelling):
    write_reports(tmp_path, run, part=spelling)
    assert side_by_side(read_run(tmp_path), project, counts).by_layer["fc1"]["dsp"] == 30


@pytest.mark.parametrize("suffix", ["", "_V"])
def test_an_input_may_have_another_name(project, counts, run, write_reports, tmp_path, forms, suffix):
    """Keras 2 and 3 name inputs otherwise, and Vivado HLS appends a letter."""
    run[0].ports = forms.top_ports({"fc1_input": 16}, {"layer5_out": 5}, suffix=suffix)
    write_reports(tmp_path, run)
    found = side_by_side(read_run(tmp_path), project, counts)
    assert f"input 'input_layer' is called 'fc1_input{suffix}' in the reports" in found.notes


def test_a_pruned_model_may_lack_ports_for_what_it_does_not_use(counts, run, write_reports, tmp_path, network, forms):
    model = network()
    kernel, bias = model.get_layer("fc2").get_weights()
    # Zero, and too small for fixed<16,6> to tell from zero: both rows are dead.
    kernel[0], kernel[1] = 0, 1e-4
    model.get_layer("fc2").set_weights([kernel, bias])
    export(model, CONFIG, tmp_path / "own")
    for n_in, fits in ((6, True), (5, False)):
        run[3].ports = forms.dense_ports(n_in, 5)
        write_reports(tmp_path / str(n_in), run)
        if fits:
            assert side_by_side(read_run(tmp_path / str(n_in)), tmp_path / "own", counts).by_layer["fc2"]["dsp"] == 10
        else:
            with pytest.raises(ReportError, match="layer 'fc2' has 8 inputs, in the reports 5"):
                side_by_side(read_run(tmp_path / str(n_in)), tmp_path / "own", counts)


def test_streams_and_memories_say_nothing_of_sizes(project, counts, run, write_reports, tmp_path):
    run[1].ports = (
        ("data_V_address0", "out", 3, "ap_memory", "data_V"),
        ("data_V_q0", "in", 16, "ap_memory", "data_V"),
    )
    run[3].ports = (("data_TDATA", "in", 128, "axis", "data"), ("res_din", "out", 80, "ap_fifo", "res"))
    write_reports(tmp_path, run)
    assert side_by_side(read_run(tmp_path), project, counts).by_layer["fc1"]["dsp"] == 30


def test_two_runs_in_one_folder_are_refused_where_nothing_says_which_counts(
    project, counts, run, write_reports, tmp_path, forms
):
    before = forms.Module(
        forms.fc2.replace("dense_ap_fixed_ap_fixed_16_6", "dense_ap_ufixed_8_0_4_0_0_ap_fixed_16_6"), lut=999
    )
    write_reports(tmp_path, [*run, before], ("xml",))
    with pytest.raises(ReportError, match=r"of two runs: .* are both of layer 'fc2'; expected .* text reports"):
        side_by_side(read_run(tmp_path), project, counts)


@pytest.mark.parametrize(
    ("change", "config", "message"),
    [
        ({"width": 12}, CONFIG, "layer 'fc1' has n out 8, in .* it is 12"),
        ({}, {"Model": CONFIG["Model"] | {"ReuseFactor": 2}}, "layer 'fc1' has reuse factor 4, in .* it is 2"),
        ({}, {"Model": CONFIG["Model"] | {"Precision": "fixed<12,6>"}}, "layer 'fc1' has weight bits 16"),
        ("pruned", CONFIG, "layer 'fc2' has other zero weights than in"),
        ({"seed": 2}, CONFIG, None),
    ],
)
def test_the_project_around_the_reports_is_compared_too(
    project, counts, run, write_reports, tmp_path, network, change, config, message
):
    model = network() if change == "pruned" else network(**change)
    if change == "pruned":
        kernel, bias = model.get_layer("fc2").get_weights()
        model.get_layer("fc2").set_weights([np.where(np.arange(8)[:, None] < 4, 0, kernel), bias])
    export(model, config, tmp_path / "other")
    write_reports(tmp_path / "other", run)
    if message is None:
        notes = side_by_side(read_run(tmp_path / "other"), project, counts).notes
        assert "layer 'fc1' has other values of its weights" in "".join(notes)
        return
    with pytest.raises(ReportError, match=message):
        side_by_side(read_run(tmp_path / "other"), project, counts)


@pytest.mark.parametrize(
    ("position", "activation", "message"),
    [
        (1, "tanh", "layer 'fc1_relu' is a relu, in the project around the reports it is a tanh"),
        (2, "linear", "layer 'fc2_softmax' is only in this model"),
    ],
)
def test_other_activations_in_the_project_around_are_refused(
    project, counts, run, write_reports, tmp_path, network, position, activation, message
):
    model = network()
    config = model.get_config()
    config["layers"][position]["config"]["activation"] = activation
    other = keras.Sequential.from_config(config)
    other.set_weights(model.get_weights())
    export(other, CONFIG, tmp_path / "other")
    write_reports(tmp_path / "other", run)
    with pytest.raises(ReportError, match=message):
        side_by_side(read_run(tmp_path / "other"), project, counts)


def test_a_project_that_cannot_be_read_is_told_and_the_reports_are_read(
    project, counts, run, write_reports, tmp_path, network
):
    export(network(), CONFIG, tmp_path / "other")
    (tmp_path / "other" / "firmware" / "weights" / "w2.h").unlink()
    write_reports(tmp_path / "other", run)
    found = side_by_side(read_run(tmp_path / "other"), project, counts)
    assert found.by_layer["fc1"]["dsp"] == 30
    assert any(note.startswith("the project around the reports is not compared: layer 'fc1'") for note in found.notes)


def test_a_network_with_a_layer_more_or_less_is_another_model(counts, run, write_reports, tmp_path):
    """Its layers fit in their order, and a layer of ours has neither module nor hidden module."""
    dense = keras.layers.Dense
    inner = [dense(8, activation="relu", name="fc1"), dense(8, activation="relu", name="more")]
    model = keras.Sequential(
        [keras.Input((16,), name="input_layer"), *inner, dense(5, activation="softmax", name="fc2")]
    )
    export(model, CONFIG, tmp_path / "own")
    write_reports(tmp_path / "there", run)
    with pytest.raises(ReportError, match="layers without a module are more, and modules that hide their layer none"):
        side_by_side(read_run(tmp_path / "there"), tmp_path / "own", counts)
