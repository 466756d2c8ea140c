"""`verify` lets nothing pass that differs, says where, and cleans up after itself."""

import json
import tempfile

import numpy as np
import pytest

import knapprune.verification.verifying
from knapprune.adapters.keras.adapter import KerasAdapter
from knapprune.hardware.dsp import MultiplierTable
from knapprune.hardware.hls4ml import Hls4mlHardware
from knapprune.project.export import export
from knapprune.project.read import GeneratedProjectError
from knapprune.tools import MissingToolError
from knapprune.verification.comparison import VerificationError
from knapprune.verification.verifying import verify
from shared.frameworks import keras

pytestmark = pytest.mark.needs("keras")

CONFIG = {"Model": {"Precision": "ap_fixed<16,6>", "ReuseFactor": 2, "Strategy": "resource_unrolled"}}


@pytest.fixture(scope="module")
def model():
    """Two layers, 8 x 6 and 6 x 4; a third of the rows of the first is gone."""
    keras.utils.set_random_seed(5)
    dense = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(6, activation="relu", name="first"),
            keras.layers.Dense(4, activation="softmax", name="second"),
        ]
    )
    mask = np.ones((8, 6), dtype=bool)
    mask[:4, :4] = False
    return KerasAdapter().apply(dense, {"first": mask})


@pytest.fixture
def tamper(monkeypatch):
    """Change one generated file behind the exporter's back, before the count."""

    def change(name, old, new):
        def export_and_change(*arguments, **keywords):
            project = export(*arguments, **keywords)
            path = project.folder / "firmware" / name
            text = path.read_text()
            assert old in text
            path.write_text(text.replace(old, new))
            return project

        monkeypatch.setattr(knapprune.verification.verifying, "export", export_and_change)

    return change


def test_predicted_and_counted_agree_by_layer_and_in_total(model):
    check = verify(model, CONFIG)
    assert list(check.by_layer) == ["first", "second"]
    assert check.by_layer["first"].counted["dsp"] == 24 - 8
    assert check.by_layer["second"].counted["dsp"] == 12


def test_what_is_beside_the_weights_is_in_no_total(model):
    check = verify(model, CONFIG)
    softmax = next(thing for thing in check.beside if thing.what == "softmax")
    assert (softmax.name, softmax.dsp) == ("second_softmax", 4)
    assert check.counted["dsp"] == sum(layer.counted["dsp"] for layer in check.by_layer.values())
    assert "beside the weights, estimated:" in check.summary()
    assert check.to_dict()["beside"][0]["name"] == check.beside[0].name
    assert check.predicted == check.counted
    assert check.counted["dsp"] == 28
    assert (check.accuracy, check.model_accuracy, check.compiled) == (None, None, False)


def test_a_row_missing_from_the_generated_code_is_caught_and_named(model, tmp_path, tamper):
    project = export(model, CONFIG, tmp_path / "look")
    code = (project.folder / "firmware" / "nnet_utils" / "nnet_code_gen.h").read_text()
    second = code[code.index("class dense_resource_unrolled_4") :]
    statement = next(line for line in second.splitlines() if "product(" in line)
    tamper("nnet_utils/nnet_code_gen.h", second, second.replace(statement, ""))
    with pytest.raises(GeneratedProjectError, match="'second': weight 0 is written as"):
        verify(model, CONFIG)


def test_a_row_that_should_be_dead_is_caught_with_both_numbers(model, tamper):
    # Weight 0 of the first layer is in a row that the mask emptied; no other product has this accumulator and weight.
    statement = (
        "acc[0] += CONFIG_T::template product<data_T, typename CONFIG_T::weight_t>::product(data[0], weights[0]);"
    )
    tamper(
        "nnet_utils/nnet_code_gen.h",
        "class dense_resource_unrolled_2 ",
        f"class dense_resource_unrolled_2 // {statement}\n",
    )
    with pytest.raises(VerificationError, match="layer 'first': dsp predicted 16, counted 17") as caught:
        verify(model, CONFIG)
    error = caught.value
    assert (error.layer, error.resource, error.predicted, error.counted) == ("first", "dsp", 16, 17)


def test_a_wrong_prediction_is_caught_in_the_layer_that_has_it(model):
    class Optimist(Hls4mlHardware):
        def use(self, layer, kernel):
            use = super().use(layer, kernel)
            return use | {"bram18": use["bram18"] - 1} if layer.name == "second" else use

    with pytest.raises(VerificationError, match="layer 'second': bram18 predicted 5, counted 6") as caught:
        verify(model, CONFIG, hardware=Optimist())
    assert caught.value.layer == "second"


def test_a_layer_that_the_project_lacks_is_caught_and_named(model, tamper):
    tamper("myproject.cpp", "// second\n", "\n")
    with pytest.raises(VerificationError, match="layer 'second': dsp predicted 12, counted nothing") as caught:
        verify(model, CONFIG)
    assert caught.value.counted is None


def test_a_table_of_dsps_holds_for_both_sides(model):
    check = verify(model, CONFIG, hardware=Hls4mlHardware(multipliers=MultiplierTable(12, 10, in_logic=())))
    assert check.counted["dsp"] == 28 * 2  # 16 bits of data on a port of 12, the weights' values within 10


def test_without_a_folder_nothing_is_left_behind(model, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert verify(model, CONFIG).project is None
    assert list(tmp_path.iterdir()) == []


def test_a_given_folder_keeps_the_project(model, tmp_path):
    check = verify(model, CONFIG, output_dir=tmp_path / "hls")
    assert check.project == tmp_path / "hls"
    assert (tmp_path / "hls" / "firmware" / "myproject.cpp").is_file()
    with pytest.raises(FileExistsError, match="output_dir"):
        verify(model, CONFIG, output_dir=tmp_path / "hls")
    verify(model, CONFIG, output_dir=tmp_path / "hls", force=True)


def test_data_without_a_compiler_gives_the_model_accuracy_alone(model):
    x = np.random.default_rng(0).normal(size=(50, 8)).astype("float32")
    check = verify(model, CONFIG, data=(x, model.predict(x, verbose=0).argmax(axis=1)), compile=False)
    assert (check.model_accuracy, check.accuracy) == (1.0, None)


def test_a_missing_compiler_is_named_before_any_work(model, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match=r"g\+\+ is not on the path; install it"):
        verify(model, CONFIG, compile=True, output_dir=tmp_path / "hls")
    assert not (tmp_path / "hls").exists()


@pytest.mark.parametrize("data", [np.zeros((3, 8)), (np.zeros((3, 8)),)], ids=["array", "one of two"])
def test_data_that_is_no_pair_is_refused(model, data):
    with pytest.raises(ValueError, match="data: expected a pair"):
        verify(model, CONFIG, data=data)


def test_data_of_two_lengths_is_refused(model):
    with pytest.raises(ValueError, match="data: expected as many inputs as labels, got 3 and 4"):
        verify(model, CONFIG, data=(np.zeros((3, 8)), np.zeros(4)))


def test_the_summary_names_layers_numbers_and_what_is_not_counted(model):
    text = verify(model, CONFIG).summary()
    assert "predicted dsp  counted dsp" in text
    assert text.splitlines()[2].split() == ["first", "resource_unrolled", "2", "16", "16", "11", "11"]
    assert text.splitlines()[4].split() == ["total", "28", "28", "17", "17"]
    assert text.splitlines()[5] == "in blocks of 36 Kb: bram 9"


def test_everything_fits_into_json(model, tmp_path):
    plain = json.loads(json.dumps(verify(model, CONFIG, output_dir=tmp_path / "hls").to_dict()))
    assert plain["counted"] == plain["predicted"] == {"dsp": 28, "bram18": 17, "bram": 9}
    assert plain["by_layer"]["second"]["counted"] == {"dsp": 12, "bram18": 6}
    assert plain["project"] == str(tmp_path / "hls")


def test_the_configuration_may_be_a_yaml_file_that_hls4ml_wrote(model, tmp_path):
    first = verify(model, CONFIG, output_dir=tmp_path / "hls", io_type="io_stream")
    second = verify(model, tmp_path / "hls" / "hls4ml_config.yml")
    assert second.by_layer == first.by_layer
