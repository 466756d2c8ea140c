"""Two published runs, with the models and configurations they were made from, are read layer by layer."""

import io
import zipfile

import pytest

import knapprune as kp
from knapprune.verification.reports.folder import ReportError
from knapprune.verification.reports.report import read_run
from shared.frameworks import h5py, keras

pytestmark = [
    pytest.mark.needs("keras", "h5py"),
    # One of the two configurations has a key where hls4ml never read it.
    pytest.mark.filterwarnings(
        "ignore:hls_config. Model has 'IOType':knapprune.network.config_keys.MisplacedKeyWarning"
    ),
]


@pytest.fixture(scope="module")
def runs(data_folder):
    """The folder of the runs."""
    folder = data_folder / "vendor" / "reports"
    if not folder.is_dir():
        pytest.skip("no vendor/reports in KNAPPRUNE_DATA")
    return folder


def tutorial(folder, widths=(64, 32, 32, 5)):
    """The model of the tutorial's run, a file of Keras 2, built anew; with its weights where the sizes are its own."""
    model = keras.Sequential([keras.Input((16,), name="fc1_input")])
    for name, width, activation in zip(
        ("fc1", "fc2", "fc3", "output"), widths, ("relu1", "relu2", "relu3", "softmax"), strict=True
    ):
        model.add(keras.layers.Dense(width, name=name))
        model.add(keras.layers.Activation(activation.rstrip("123"), name=activation))
    with (
        zipfile.ZipFile(folder / "model.keras") as archive,
        h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights,
    ):
        layers = weights["_layer_checkpoint_dependencies"]
        for number, name in enumerate(("fc1", "fc2", "fc3", "output")):
            stored = layers[f"dense_{number}" if number else "dense"]["vars"]
            values = [stored[key][()] for key in ("0", "1")]
            if values[0].shape == model.get_layer(name).kernel.shape:
                model.get_layer(name).set_weights(values)
    return model


def test_iris_by_vitis_2025_is_read_by_layer(runs):
    folder = runs / "iris"
    model = keras.saving.load_model(folder / "model.keras")
    found = kp.verify(model, folder / "config.yml", reports=folder).reported
    dense = {name: found.by_layer[name] for name in ("dense_8", "dense_8_2", "output")}
    assert [use["dsp"] for use in dense.values()] == [30, 56, 21]
    assert [(use["lut"], use["ff"], use["latency"], use["interval"]) for use in dense.values()] == [
        (1037, 3238, 4, 1),
        (1957, 6149, 5, 1),
        (766, 2458, 5, 1),
    ]
    assert {name: found.by_layer["output_softmax"][name] for name in ("dsp", "bram18", "bram")} == {
        "dsp": 3,
        "bram18": 3,
        "bram": 1.5,
    }
    assert (found.total["dsp"], found.total["bram18"], found.total["lut"]) == (110, 3, 4725)
    assert {name: found.remainder[name] for name in ("dsp", "bram18", "lut")} == {"dsp": 3, "bram18": 3, "lut": 965}
    assert found.unmatched == {}
    assert found.tool == "C synthesis 2025.1 for xc7z020-clg400-1"


def test_the_tutorial_by_vitis_2022_is_read_by_layer_though_its_numbers_are_others(runs):
    folder = runs / "tutorial"
    found = kp.verify(tutorial(folder), folder / "config.yml", reports=folder).reported
    dense = {name: found.by_layer[name]["dsp"] for name in ("fc1", "fc2", "fc3", "output")}
    assert dense == {"fc1": 719, "fc2": 1097, "fc3": 614, "output": 122}
    assert sum(dense.values()) == 2552
    assert [found.by_layer[name]["lut"] for name in ("relu1", "relu2", "relu3")] == [1792, 896, 896]
    assert (found.total["dsp"], found.total["bram18"]) == (2557, 8)
    assert {name: found.remainder[name] for name in ("dsp", "bram18")} == {"dsp": 5, "bram18": 8}
    assert found.by_layer["softmax"]["dsp"] == 5
    assert found.unmatched == {}
    assert found.notes[0].startswith("in no counted layer: 5 dsp (softmax 5)")


@pytest.mark.parametrize("widths", [(64, 32, 32, 6), (64, 32, 24, 5), (32, 32, 32, 5), (64, 40, 32, 5)])
def test_a_network_of_other_sizes_is_not_that_of_the_tutorial(runs, widths):
    folder = runs / "tutorial"
    with pytest.raises(ReportError, match="of another model"):
        kp.verify(tutorial(folder, widths), folder / "config.yml", reports=folder)


def test_the_reports_of_one_run_are_refused_for_the_model_of_the_other(runs):
    model = keras.saving.load_model(runs / "iris" / "model.keras")
    with pytest.raises(ReportError, match="made for part 'xcu250-figd2104-2L-e', expected 'xc7z020clg400-1'"):
        kp.verify(model, runs / "iris" / "config.yml", reports=runs / "tutorial")
    with pytest.raises(ReportError, match="of another model"):
        kp.verify(model, runs / "iris" / "config.yml", part="xcu250-figd2104-2L-e", reports=runs / "tutorial")


@pytest.mark.parametrize("name", ["iris", "tutorial"])
def test_text_and_xml_of_real_runs_say_the_same(runs, tmp_path, name):
    read = {}
    for ending in ("xml", "rpt"):
        folder = tmp_path / ending
        folder.mkdir()
        for path in (runs / name).glob(f"*_csynth.{ending}"):
            (folder / path.name).write_bytes(path.read_bytes())
        read[ending] = read_run(folder).modules
    assert read["xml"].keys() == read["rpt"].keys()
    for module, from_xml in read["xml"].items():
        from_text = read["rpt"][module]
        for what in ("use", "latency", "interval", "part"):
            assert getattr(from_xml, what) == getattr(from_text, what), (module, what)
        assert [(port.inward, port.bits, port.plain) for port in from_xml.ports] == [
            (port.inward, port.bits, port.plain) for port in from_text.ports
        ]


@pytest.mark.parametrize("ending", ["xml", "rpt"])
def test_one_kind_of_report_is_enough(runs, tmp_path, ending):
    folder = runs / "tutorial"
    for path in folder.glob(f"*_csynth.{ending}"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    found = kp.verify(tutorial(folder), folder / "config.yml", reports=tmp_path).reported
    assert sum(found.by_layer[name]["dsp"] for name in ("fc1", "fc2", "fc3", "output")) == 2552
