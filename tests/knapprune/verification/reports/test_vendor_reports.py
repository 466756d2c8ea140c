"""Reports of the vendor's tools beside prediction and count, by layer and in total."""

import json
import re
import shutil

import numpy as np
import pytest

import knapprune as kp
from knapprune.verification.reports.csynth import read_module
from knapprune.verification.reports.design import Argument, read_design
from knapprune.verification.reports.folder import ReportError, find_reports
from knapprune.verification.reports.report import read_run, side_by_side
from knapprune.verification.reports.utilisation import read_utilisation
from shared.hls import hls_settings

CONFIG = hls_settings()
TOOLS = ["2018.2", "2019.2", "2022.2", "2025.1"]
SYNTHESISED = {"lut": 7000, "ff": 4500, "bram": 20.5, "dsp": 40}


@pytest.mark.parametrize("kinds", [("xml", "rpt"), ("xml",), ("rpt",)])
@pytest.mark.parametrize("tool", TOOLS)
def test_numbers_are_set_beside_the_counts_by_layer_and_in_total(
    project, counts, run, write_reports, tmp_path, kinds, tool
):
    write_reports(tmp_path, run, kinds, tool=tool, synthesised=SYNTHESISED)
    found = side_by_side(read_run(tmp_path), project, counts)
    uram = {} if tool == "2018.2" else {"uram": 0}
    expected = {"dsp": 30, "bram18": 31, "bram": 15.5, "lut": 4000, "ff": 2000, "latency": 9, "interval": 4, **uram}
    assert found.by_layer["fc1"] == expected
    assert found.difference == {
        "fc1": {"dsp": -2, "bram18": 2, "bram": 0.5},
        "fc2": {"dsp": 0, "bram18": 1, "bram": 0},
    }
    assert found.by_layer["fc1_relu"]["lut"] == 80
    assert (found.total["dsp"], found.total["bram18"], found.total["bram"], found.total["latency"]) == (
        41,
        43,
        21.5,
        30,
    )
    assert found.total_difference == {"dsp": -1, "bram18": 5, "bram": 1.5}
    assert found.synthesised == {**SYNTHESISED, "bram18": 41, "uram": 0}
    table = {line.split("  ")[0]: line.split() for line in found.table(counts).splitlines()}
    assert table["fc1"][1:13] == ["32", "32", "30", "-2", "29", "29", "31", "+2", "15", "15", "15.5", "+0.5"]
    assert table["fc1"][13:15] == ["4000", "2000"]
    assert table["whole design"][2:6] == ["42", "42", "41", "-1"]
    assert table["after synthesis"][2:10] == ["42", "42", "40", "-2", "38", "38", "41", "+3"]
    assert table["fc1_relu"][1:5] == ["-", "-", "0", "-"]


def test_only_the_memory_that_is_counted_is_compared(project, counts, run, write_reports, tmp_path):
    write_reports(tmp_path, run)
    for name, difference in (("bram18", 5), ("bram", 1.5)):
        for check in counts.values():
            check.counted.clear()
        counts["fc1"].counted[name], counts["fc2"].counted[name] = (29, 9) if name == "bram18" else (15, 5)
        assert side_by_side(read_run(tmp_path), project, counts).total_difference == {name: difference}


def test_what_is_in_no_counted_layer_has_a_line_and_says_what_it_is(
    project, counts, run, write_reports, tmp_path, forms
):
    softmax = f"softmax_stable_ap_fixed_{forms.same}_softmax_config5_s"
    run[0].inside.append(softmax)
    run[0].dsp, run[0].bram18, run[0].streams = 47, 50, 4
    run.append(forms.Module(softmax, dsp=5, bram18=3))
    write_reports(tmp_path, run)
    found = side_by_side(read_run(tmp_path), project, counts)
    assert {name: found.remainder[name] for name in ("dsp", "bram18", "bram")} == {"dsp": 7, "bram18": 9, "bram": 4.5}
    assert found.notes[0] == (
        "in no counted layer: 7 dsp (fc2_softmax 5, between the layers 2); 9 bram18 (fc2_softmax 3, streams 4, between "
        "the layers 2); 4.5 bram (fc2_softmax 1.5, streams 2, between the layers 1)"
    )
    assert any(line.startswith("in no counted layer  -") for line in found.table(counts).splitlines())


@pytest.mark.parametrize(
    "where", [".", "myproject_prj", "myproject_prj/solution1", "myproject_prj/solution1/syn/report"]
)
def test_any_folder_of_the_run_will_do(run, write_reports, tmp_path, where):
    write_reports(tmp_path, run, synthesised=SYNTHESISED)
    found = find_reports(tmp_path / where)
    assert set(found.modules) == {module.name for module in run}
    assert found.utilisation == tmp_path / "vivado_synth.rpt"


def test_a_module_inside_another_of_its_layer_is_not_counted_twice(
    project, counts, run, write_reports, tmp_path, forms
):
    inner = f"dense_resource_rf_leq_nin_ap_fixed_{forms.same}_config2_s"
    run[1].inside = [inner]
    run.append(forms.Module(inner, dsp=30, bram18=31, ff=1800, lut=3500))
    for number, kinds in enumerate([("xml",), ("xml", "rpt")]):
        write_reports(tmp_path / str(number), run, kinds)
        assert side_by_side(read_run(tmp_path / str(number)), project, counts).by_layer["fc1"]["dsp"] == 30


def test_each_instance_counts(project, counts, run, write_reports, tmp_path, forms):
    run[0].inside = [forms.fc1, forms.fc1, forms.relu, forms.fc2]
    write_reports(tmp_path, run)
    assert side_by_side(read_run(tmp_path), project, counts).by_layer["fc1"]["dsp"] == 60


def test_layers_in_a_shell_are_found_and_the_shell_is_told(project, counts, run, write_reports, tmp_path, forms):
    """hls4ml's accelerator backends wrap the top function; its arguments are then those of a function inside."""
    shell = forms.Module("myproject_axi", dsp=41, bram18=47, inside=["myproject", "Loop_1_proc574"])
    run[0].ports = forms.dense_ports(16, 5, packed=True)
    write_reports(tmp_path, [*run, shell, forms.Module("Loop_1_proc574")])
    found = side_by_side(read_run(tmp_path), project, counts)
    assert (found.total["bram18"], found.by_layer["fc1"]["dsp"]) == (43, 30)
    assert "around myproject, and not in its total: myproject_axi" in found.notes


def test_modules_of_a_run_before_in_the_same_folder_are_left_out(project, counts, run, write_reports, tmp_path, forms):
    """The tools leave reports of modules that a new run does not have."""
    before = "dense_latency_ap_fixed_8_2_5_3_0_ap_fixed_14_6_5_3_0_config2_s"
    write_reports(tmp_path, [*run, forms.Module(before, dsp=99)])
    found = side_by_side(read_run(tmp_path), project, counts)
    assert found.by_layer["fc1"]["dsp"] == 30
    assert f"left over from another run, and not read: {before}" in found.notes


def test_a_recurrent_layer_is_compared_with_both_its_kernels(counts, write_reports, tmp_path, forms):
    import keras

    from knapprune.project.export import export

    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((3, 4), name="input_layer"), keras.layers.LSTM(5, name="rnn")])
    export(model, CONFIG, tmp_path / "own")
    parts = {"rnn": counts["fc1"], "rnn/recurrent": counts["fc2"]}
    inner = [
        f"dense_resource_{forms.same}_ap_fixed_22_11_5_3_0_config2_1_s",  # its sums are wider than the layer's result
        f"sigmoid_ap_fixed_{forms.same}_sigmoid_config2_recr_s",
    ]
    outer = f"lstm_stack_{forms.same}_{forms.same}_config2_s"
    write_reports(
        tmp_path / "there",
        [
            forms.Module("myproject", dsp=44, inside=[outer]),
            forms.Module(outer, dsp=44, inside=inner),
            *(forms.Module(name, dsp=1) for name in inner),
        ],
    )
    found = side_by_side(read_run(tmp_path / "there"), tmp_path / "own", parts)
    assert found.difference["rnn"]["dsp"] == 44 - 32 - 10
    assert not any("no module of its own" in note for note in found.notes)


def test_another_clock_is_told(project, counts, run, write_reports, tmp_path):
    write_reports(tmp_path, run, clock=2.5)
    notes = side_by_side(read_run(tmp_path), project, counts).notes
    assert "reported for a clock period of 2.5 ns, hls_config has 5 ns" in notes


def test_without_text_reports_a_guess_is_called_one(project, counts, run, write_reports, tmp_path):
    write_reports(tmp_path, run, ("xml",))
    assert any(
        "which module is inside which is guessed" in note
        for note in side_by_side(read_run(tmp_path), project, counts).notes
    )


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


@pytest.mark.parametrize("ending", ["xml", "rpt"])
def test_a_report_that_ends_too_soon_is_named(run, write_reports, tmp_path, ending, forms):
    """At any length, a part of a report is refused by name, or it lacks nothing but blank lines."""
    folder = write_reports(tmp_path, run, (ending,))
    path = folder / f"{forms.fc1}_csynth.{ending}"
    whole = path.read_text()
    for length in range(0, len(whole.rstrip()), 61):
        path.write_text(whole[:length])
        with pytest.raises(ReportError, match=re.escape(str(path))):
            read_run(tmp_path)


def test_numbers_that_are_none_are_refused(run, write_reports, tmp_path):
    folder = write_reports(tmp_path, run)
    path = folder / "myproject_csynth.xml"
    path.write_text(path.read_text().replace("<LUT>9000</LUT>", "<LUT>many</LUT>"))
    with pytest.raises(ReportError, match="counts 'many', expected a whole number"):
        read_run(tmp_path)


@pytest.mark.parametrize("kinds", [("xml",), ("rpt",)])
def test_cycles_that_the_tool_cannot_tell_are_left_out(run, write_reports, tmp_path, kinds, forms):
    run[0].latency = "?" if kinds == ("rpt",) else "undef"
    run[1].interval = run[0].latency
    folder = write_reports(tmp_path, run, kinds)
    read = {
        name: read_module(
            name, *(folder / f"{name}_csynth.{kind}" if kind in kinds else None for kind in ("xml", "rpt"))
        )
        for name in ("myproject", forms.fc1)
    }
    assert (read["myproject"].latency, read["myproject"].interval) == (None, (4, 4))
    assert (read[forms.fc1].latency, read[forms.fc1].interval) == ((9, 9), None)


@pytest.mark.parametrize("tool", TOOLS)
def test_text_and_xml_say_the_same(run, write_reports, tmp_path, tool):
    folder = write_reports(tmp_path, run, tool=tool)
    for one in run:
        xml, text = (folder / f"{one.name}_csynth.{ending}" for ending in ("xml", "rpt"))
        from_xml, from_text = read_module(one.name, xml, None), read_module(one.name, None, text)
        for what in ("use", "latency", "interval", "ports", "part"):
            assert getattr(from_xml, what) == getattr(from_text, what), what


def test_regions_of_a_chip_do_not_replace_the_whole(run, write_reports, tmp_path):
    write_reports(tmp_path, run, synthesised=SYNTHESISED)
    assert read_utilisation(tmp_path / "vivado_synth.rpt").use == {**SYNTHESISED, "bram18": 41, "uram": 0}


def test_the_design_says_what_hls_will_name(project):
    design = read_design(project)
    assert design.arguments == (Argument("input_layer", False, 16, 16), Argument("layer5_out", True, 5, 16))
    assert [(call.name, call.function, call.index, call.result, call.shape) for call in design.calls] == [
        ("fc1", "dense", 2, "ap_fixed_16_6", (16, 8)),
        ("fc1_relu", "relu", 3, "ap_fixed_16_6", None),
        ("fc2", "dense", 4, "ap_fixed_16_6", (8, 5)),
        ("fc2_softmax", "softmax", 5, "ap_fixed_16_6", None),
    ]


def test_verify_takes_reports_and_shows_them_everywhere(run, write_reports, tmp_path, network):
    write_reports(tmp_path, run, synthesised=SYNTHESISED)
    check = kp.verify(network(), CONFIG, reports=tmp_path)
    counted = check.by_layer["fc1"].counted
    assert check.reported.difference["fc1"] == {
        name: check.reported.by_layer["fc1"][name] - counted[name] for name in counted
    }
    assert json.loads(json.dumps(check.to_dict()))["reported"]["total"]["dsp"] == 41
    assert "reported by C synthesis 2022.2 for xcvu13p-flga2577-2-e" in check.summary()
    with pytest.raises(ValueError, match="holds the reports and is written anew"):
        kp.verify(network(), CONFIG, reports=tmp_path / "myproject_prj", output_dir=tmp_path, force=True)
    assert (tmp_path / "vivado_synth.rpt").is_file()


@pytest.mark.needs("jinja2")
def test_a_pruning_report_shows_them(run, write_reports, tmp_path, network):
    from knapprune.pruning.result import pruning_report

    model = network()
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = np.zeros((4, 16)), np.zeros(4)
    pruning = kp.prune(
        model,
        CONFIG,
        train=(x, y),
        validation=(x, y),
        saliency="l1",
        budget={"dsp": 1.0},
        epochs=0,
        steps=1,
        progress=False,
    )
    write_reports(tmp_path, run, synthesised=SYNTHESISED)
    report = pruning_report(pruning, pruned=kp.verify(pruning.model, CONFIG, reports=tmp_path))
    assert report.content["pruned"]["reported"]["difference"]["fc1"]["dsp"] == -2
    report.save(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "What the vendor" in page
    assert "<td>in no counted layer</td>" in page
