"""Reports of the vendor's tools beside prediction and count; those of another model are refused by layer."""

import json
import shutil

import keras
import numpy as np
import pytest

import knapprune as kp
from knapprune.comparison import compare
from knapprune.counting import count_project
from knapprune.estimation import estimate
from knapprune.export import export
from knapprune.vendor.csynth import read_module
from knapprune.vendor.design import read_design
from knapprune.vendor.folder import ReportError, find_reports
from knapprune.vendor.match import index_of
from knapprune.vendor.report import read_run, side_by_side
from knapprune.vendor.utilisation import read_utilisation

CONFIG = {"Model": {"Precision": "fixed<16,6>", "ReuseFactor": 4, "Strategy": "resource_unrolled"}}
SAME = "ap_fixed_16_6_5_3_0"
FC1 = f"dense_ap_fixed_{SAME}_config2_0_0"
FC2 = f"dense_ap_fixed_{SAME}_config4_s"
RELU = f"relu_ap_fixed_{SAME}_relu_config3_s"


def network(width=8, seed=1):
    keras.utils.set_random_seed(seed)
    dense = keras.layers.Dense
    return keras.Sequential(
        [
            keras.Input((16,), name="input_layer"),
            dense(width, activation="relu", name="fc1"),
            dense(5, activation="softmax", name="fc2"),
        ]
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project of the network, and what is predicted and counted in it: fc1 32 DSPs and 15 blocks, fc2 10 and 5."""
    folder = tmp_path_factory.mktemp("own") / "project"
    export(network(), CONFIG, folder)
    return folder, compare(estimate(network(), CONFIG), count_project(folder))


@pytest.fixture
def run(module):
    """The modules of a run that agrees: the tool has put two of fc1's products into look-up tables."""
    return [
        module("myproject", dsp=41, bram_18k=43, ff=5000, lut=9000, latency=30, interval=4, inside=[FC1, RELU, FC2],
               ports=("input_layer", "layer5_out")),
        module(FC1, dsp=30, bram_18k=31, ff=2000, lut=4000, latency=9, interval=4),
        module(RELU, lut=80, latency=0),
        module(FC2, dsp=10, bram_18k=10, ff=700, lut=900, latency=8, interval=4),
    ]  # fmt: skip


SYNTHESISED = {"lut": 7000, "ff": 4500, "bram": 20.5, "dsp": 40}


@pytest.mark.parametrize("kinds", [("xml", "rpt"), ("xml",), ("rpt",)])
@pytest.mark.parametrize("vitis", [True, False])
def test_numbers_are_set_beside_the_counts_by_layer_and_in_total(project, run, write_reports, tmp_path, kinds, vitis):
    write_reports(tmp_path, run, kinds, vitis=vitis, synthesised=SYNTHESISED)
    own, layers = project
    found = side_by_side(read_run(tmp_path), own, layers)
    counted = {name: layer.counted for name, layer in layers.items()}
    assert counted == {"fc1": {"dsp": 32, "bram": 15}, "fc2": {"dsp": 10, "bram": 5}}
    expected = {"dsp": 30, "bram": 15.5, "lut": 4000, "ff": 2000, "uram": 0, "latency": 9, "interval": 4}
    assert found.by_layer["fc1"] == expected
    assert found.difference == {"fc1": {"dsp": -2, "bram": 0.5}, "fc2": {"dsp": 0, "bram": 0}}
    assert found.by_layer["fc1_relu"]["lut"] == 80
    assert (found.total["dsp"], found.total["bram"], found.total["latency"]) == (41, 21.5, 30)
    assert found.total_difference == {"dsp": -1, "bram": 1.5}
    assert found.synthesised == {**SYNTHESISED, "uram": 0}
    table = {line.split("  ")[0]: line.split() for line in found.table(layers).splitlines()}
    assert table["fc1"][1:9] == ["32", "32", "30", "-2", "15", "15", "15.5", "+0.5"]
    assert table["fc1"][9:] == ["4000", "2000", "0", "9", "4"]
    assert table["whole design"][2:6] == ["42", "42", "41", "-1"]
    assert table["after synthesis"][2:10] == ["42", "42", "40", "-2", "20", "20", "20.5", "+0.5"]
    assert table["fc1_relu"][1:5] == ["-", "-", "0", "-"]


@pytest.mark.parametrize(
    "where", [".", "myproject_prj", "myproject_prj/solution1", "myproject_prj/solution1/syn/report"]
)
def test_any_folder_of_the_run_will_do(run, write_reports, tmp_path, where):
    write_reports(tmp_path, run, synthesised=SYNTHESISED)
    found = find_reports(tmp_path / where)
    assert set(found.modules) == {module.name for module in run}
    assert found.utilisation == tmp_path / "vivado_synth.rpt"


def test_a_module_inside_another_of_its_layer_is_not_counted_twice(project, run, module, write_reports, tmp_path):
    inner = f"dense_resource_rf_leq_nin_ap_fixed_{SAME}_config2_s"
    run[1].inside = [inner]
    run.append(module(inner, dsp=30, bram_18k=31, ff=1800, lut=3500))
    own, layers = project
    for number, kinds in enumerate([("xml",), ("xml", "rpt")]):
        write_reports(tmp_path / str(number), run, kinds)
        assert side_by_side(read_run(tmp_path / str(number)), own, layers).by_layer["fc1"]["dsp"] == 30


def test_each_instance_counts(project, run, write_reports, tmp_path):
    run[0].inside = [FC1, FC1, RELU, FC2]
    write_reports(tmp_path, run)
    own, layers = project
    assert side_by_side(read_run(tmp_path), own, layers).by_layer["fc1"]["dsp"] == 60


def test_a_module_that_hides_its_layer_is_listed_by_itself(project, run, module, write_reports, tmp_path):
    """Vivado HLS 2019 and 2020 name some modules after nothing but zeros."""
    hidden = "dense_latency_0_0_0_0_0_0_0_0_0_0_0_0_0_0_0_0_0_0_0_0_0_0_0_1"
    run[0].inside = [hidden, RELU, FC2]
    run[1] = module(hidden, dsp=30, bram_18k=31)
    write_reports(tmp_path, run, vitis=False)
    own, layers = project
    found = side_by_side(read_run(tmp_path), own, layers)
    assert found.unmatched[hidden]["dsp"] == 30
    assert "fc1" not in found.by_layer
    assert "no module of its own in the reports: fc1" in found.notes
    assert hidden in found.table(layers)


def test_another_clock_is_told(project, run, write_reports, tmp_path):
    write_reports(tmp_path, run, clock=2.5)
    own, layers = project
    assert (
        "reported for a clock period of 2.5 ns, hls_config has 5 ns"
        in side_by_side(read_run(tmp_path), own, layers).notes
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda run: setattr(run[3], "name", FC2.replace("16_6", "12_4")),
         r"layer 'fc2' has results of ap_fixed_16_6, in the reports of ap_fixed_12_4 \(module"),
        (lambda run: setattr(run[3], "name", FC2.replace("config4", "config6")), "is of a layer 6, this model has"),
        (lambda run: setattr(run[2], "name", f"dense_latency_ap_fixed_{SAME}_config3_s"), "layer 'fc1_relu' is a relu"),
        (lambda run: setattr(run[1], "name", f"conv_2d_cl_ap_fixed_{SAME}_config2_s"), "layer 'fc1' is a dense"),
        (lambda run: setattr(run[0], "ports", ("input_layer", "layer9_out")), "has no port 'layer5_out'"),
        (lambda run: setattr(run[0], "name", "jets"), "no report of the top function, expected myproject_csynth.xml"),
    ],
)  # fmt: skip
def test_reports_of_another_model_are_refused_with_the_first_layer(
    project, run, write_reports, tmp_path, change, message
):
    change(run)
    run[0].inside = [module.name for module in run[1:]]
    write_reports(tmp_path, run, ("rpt",) if run[0].name == "jets" else ("xml", "rpt"))
    with pytest.raises(ReportError, match=message):
        side_by_side(read_run(tmp_path), *project)


def test_reports_for_another_part_are_refused(project, run, write_reports, tmp_path):
    write_reports(tmp_path, run, part="xcku115-flvb2104-2-i")
    with pytest.raises(ReportError, match="made for part 'xcku115-flvb2104-2-i', expected 'xcvu13p-flga2577-2-e'"):
        side_by_side(read_run(tmp_path), *project)


@pytest.mark.parametrize(
    ("model", "config", "message"),
    [
        (network(12), CONFIG, "layer 'fc1' has n out 8, in .* it is 12"),
        (network(), {"Model": CONFIG["Model"] | {"ReuseFactor": 2}}, "layer 'fc1' has reuse factor 4, in .* it is 2"),
        (network(), {"Model": CONFIG["Model"] | {"Precision": "fixed<12,6>"}}, "layer 'fc1' has weight bits 16"),
        ("pruned", CONFIG, "layer 'fc2' has other zero weights than in"),
        (network(seed=2), CONFIG, None),
    ],
)
def test_the_project_around_the_reports_is_compared_too(project, run, write_reports, tmp_path, model, config, message):
    if model == "pruned":
        model = network()
        kernel, bias = model.get_layer("fc2").get_weights()
        model.get_layer("fc2").set_weights([np.where(np.arange(8)[:, None] < 4, 0, kernel), bias])
    export(model, config, tmp_path / "other")
    write_reports(tmp_path / "other", run)
    if message is None:
        assert "layer 'fc1' has other values of its weights" in "".join(
            side_by_side(read_run(tmp_path / "other"), *project).notes
        )
        return
    with pytest.raises(ReportError, match=message):
        side_by_side(read_run(tmp_path / "other"), *project)


def test_a_folder_without_reports_says_which_are_expected_and_how_to_make_them(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ReportError, match=r"_csynth\.xml(?s:.*)vivado_synth\.rpt(?s:.*)build_prj\.tcl"):
            read_run(folder)


def test_two_solutions_are_not_mixed(run, write_reports, tmp_path):
    write_reports(tmp_path, run)
    shutil.copytree(tmp_path / "myproject_prj" / "solution1", tmp_path / "myproject_prj" / "solution2")
    with pytest.raises(ReportError, match=r"reports of several runs, expected one of .*solution1.*solution2"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("myproject_csynth.xml", "<profile>", "is not valid XML"),
        ("myproject_csynth.xml", "<profile></profile>", "has no AreaEstimates/Resources"),
        ("myproject_csynth.rpt", "nothing", "has no utilization estimates"),
        ("../../../../vivado_synth.rpt", "nothing", "has no LUTs, DSPs and block RAM tiles"),
    ],
)
def test_a_broken_report_is_named(run, write_reports, tmp_path, name, text, message):
    folder = write_reports(tmp_path, run)
    (folder / name).write_text(text)
    with pytest.raises(ReportError, match=message):
        read_run(tmp_path)


def test_numbers_that_are_none_are_refused(run, write_reports, tmp_path):
    folder = write_reports(tmp_path, run)
    path = folder / "myproject_csynth.xml"
    path.write_text(path.read_text().replace("<LUT>9000</LUT>", "<LUT>many</LUT>"))
    with pytest.raises(ReportError, match="counts 'many', expected a whole number"):
        read_run(tmp_path)


def test_a_latency_that_the_tool_cannot_tell_is_left_out(run, write_reports, tmp_path):
    folder = write_reports(tmp_path, run)
    path = folder / "myproject_csynth.xml"
    path.write_text(path.read_text().replace(">30<", ">undef<"))
    assert read_module("myproject", path, None).latency is None


def test_the_numbers_of_layers_are_read_from_real_module_names():
    assert index_of("conv_1d_cl_array_array_ap_fixed_22_11_5_3_0_64u_config8_s") == 8
    assert index_of("dense_resource_rf_leq_nin_ap_ufixed_ap_fixed_19_9_5_3_0_config12_mult_s") == 12
    assert index_of("zeropad1d_cl_array_ap_fixed_16_6_5_3_0_1u_config18_Pipeline_CopyMain") == 18
    assert index_of("relu_array_ap_fixed_32u_array_ap_ufixed_6_0_4_0_0_32u_relu_config14_s") == 14
    assert index_of("dense_latency_0_0_0_0_0_0_0_0_1") is None


def test_regions_of_a_chip_do_not_replace_the_whole(run, write_reports, tmp_path):
    write_reports(tmp_path, run, synthesised=SYNTHESISED)
    assert read_utilisation(tmp_path / "vivado_synth.rpt").use == {**SYNTHESISED, "uram": 0}


def test_the_design_says_what_hls_will_name(project):
    design = read_design(project[0])
    assert design.arguments == ("input_layer", "layer5_out")
    assert [(call.name, call.function, call.index, call.result) for call in design.calls] == [
        ("fc1", "dense", 2, "ap_fixed_16_6"),
        ("fc1_relu", "relu", 3, "ap_fixed_16_6"),
        ("fc2", "dense", 4, "ap_fixed_16_6"),
        ("fc2_softmax", "softmax", 5, "ap_fixed_16_6"),
    ]


def test_verify_takes_reports_and_shows_them_everywhere(run, write_reports, tmp_path):
    write_reports(tmp_path, run, synthesised=SYNTHESISED)
    check = kp.verify(network(), CONFIG, reports=tmp_path)
    assert check.reported.difference["fc1"] == {"dsp": -2, "bram": 0.5}
    assert json.loads(json.dumps(check.to_dict()))["reported"]["total"]["dsp"] == 41
    assert "reported by C synthesis 2023.1 for xcvu13p-flga2577-2-e" in check.summary()
    with pytest.raises(ValueError, match="holds the reports and is written anew"):
        kp.verify(network(), CONFIG, reports=tmp_path / "myproject_prj", output_dir=tmp_path, force=True)
    assert (tmp_path / "vivado_synth.rpt").is_file()


def test_a_pruning_report_shows_them(run, write_reports, tmp_path):
    pytest.importorskip("jinja2")
    from knapprune.report.pruned import pruning_report

    model = network()
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = np.zeros((4, 16)), np.zeros(4)
    pruning = kp.prune(
        model, CONFIG, train=(x, y), validation=(x, y), budget={"dsp": 1.0}, epochs=0, steps=1, progress=False
    )
    write_reports(tmp_path, run, synthesised=SYNTHESISED)
    report = pruning_report(pruning, pruned=kp.verify(pruning.model, CONFIG, reports=tmp_path))
    assert report.content["pruned"]["reported"]["difference"]["fc1"] == {"dsp": -2, "bram": 0.5}
    report.save(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "What the vendor" in page
    assert "<td>15.5</td>" in page
