from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from knapprune import HardwareWarning
from knapprune.adapters.keras.adapter import KerasAdapter
from knapprune.estimation import estimate
from knapprune.hardware.accelerator import Accelerator
from knapprune.hardware.beside import Beside
from knapprune.hardware.dsp import MultiplierTable
from knapprune.hardware.hls4ml import Hls4mlHardware
from knapprune.hardware.resources import Resources
from knapprune.project import surroundings
from knapprune.tools import MissingToolError
from shared.frameworks import keras
from shared.hls import hls_settings
from shared.networks import jet_network

pytestmark = pytest.mark.needs("keras")

UNROLLED = hls_settings()


def network():
    return keras.Sequential(
        [
            keras.Input((16,)),
            keras.layers.Dense(32, activation="relu", name="fc1"),
            keras.layers.BatchNormalization(gamma_initializer=keras.initializers.Constant(0.3), name="bn"),
            keras.layers.Dense(5, name="fc2"),
        ]
    )


def test_resources_are_counted_by_layer_and_in_total():
    found = estimate(network(), UNROLLED)
    # The normalisation scales 32 values, each four cycles: 8 multipliers that nothing can prune.
    bn = {"dsp": 8, "bram18": 0}
    assert found.by_layer == {"fc1": {"dsp": 128, "bram18": 57}, "bn": bn, "fc2": {"dsp": 40, "bram18": 18}}
    assert found.counted == ("dsp", "bram18")
    assert dict(found) == found.total == {"dsp": 176, "bram18": 75, "bram": 38}


def test_resources_are_a_mapping_of_totals_with_whole_blocks_beside_their_halves():
    """Half as many blocks, rounded up in the total and not by layer."""
    found = Resources({"a": {"dsp": 1, "bram18": 3}, "b": {"dsp": 2, "bram18": 1}}, ())
    assert isinstance(found, Mapping)
    assert (list(found), len(found)) == (["dsp", "bram18", "bram"], 3)
    assert (found["bram18"], found["bram"], found.get("lut"), "bram" in found, "lut" in found) == (
        4,
        2,
        None,
        True,
        False,
    )
    with pytest.raises(KeyError):
        found["lut"]
    assert "in blocks of 36 Kb: bram 2" in found.summary().splitlines()
    assert found == replace(found) != replace(found, uncounted=("c",))


def test_hardware_that_counts_whole_blocks_has_no_halves():
    found = Resources({"a": {"bram": 3}, "b": {"bram": 1}}, (), part="xcku115-flvb2104-2-i")
    assert dict(found) == {"bram": 4}
    assert found.chip() == ["of xcku115: bram 0.2% of 2160"]


def test_the_model_is_counted_as_it_is_now():
    model = network()
    kernel, bias = model.get_layer("fc1").get_weights()
    kernel[:, :16] = 0
    model.get_layer("fc1").set_weights([kernel, bias])
    assert estimate(model, UNROLLED).by_layer["fc1"]["dsp"] == 64


def test_a_masked_clone_uses_what_its_mask_leaves():
    mask = np.zeros((16, 32), dtype=bool)
    mask[:4, 7] = True  # the first row of neuron 7: one multiplier, and the two halves that its 16 bits straddle
    masked = KerasAdapter().apply(network(), {"fc1": mask})
    assert estimate(masked, UNROLLED).by_layer["fc1"] == {
        "dsp": 1,
        "bram18": 1 + (28 * 16 // 36 != (29 * 16 - 1) // 36),
    }


def test_keywords_override_the_configuration():
    model = keras.Sequential([keras.Input((8, 8, 2)), keras.layers.Conv2D(4, 2, name="conv")])
    with pytest.warns(HardwareWarning, match="io_parallel"):
        parallel = estimate(model, UNROLLED)
    assert parallel.layers[0].strategy == "resource"
    assert estimate(model, UNROLLED, io_type="io_stream").layers[0].strategy == "resource_unrolled"


def test_a_multiplier_table_of_ones_own_takes_over():
    hardware = Hls4mlHardware(multipliers=MultiplierTable(27, 18, in_logic=((16, 16),)))
    assert estimate(network(), UNROLLED, hardware=hardware)["dsp"] == 0


def test_the_summary_shows_requested_and_effective_settings():
    with pytest.warns(HardwareWarning, match="5 by 4"):
        text = estimate(network(), {"Model": {**UNROLLED["Model"], "ReuseFactor": 5}}).summary()
    assert "4 (not 5)" in text
    assert "fc1" in text


def test_the_summary_shows_the_share_of_the_chip():
    found = estimate(network(), UNROLLED, part="xcku115-flvb2104-2-i")
    assert found.shares == {"dsp": 176 / 5520, "bram18": 75 / 4320, "bram": 38 / 2160}
    lines = found.summary().splitlines()
    assert "in blocks of 36 Kb: bram 38" in lines
    assert lines[-1] == "of xcku115: dsp 3.2% of 5520, bram18 1.7% of 4320, bram 1.8% of 2160"


def test_an_unknown_part_has_no_shares_and_the_summary_says_so():
    found = estimate(network(), UNROLLED, part="xcku116-flvb2104-2-i")
    assert found.shares == {}
    assert "no shares: part 'xcku116-flvb2104-2-i' is not in the catalogue" in found.summary()


def test_hardware_that_counts_what_no_chip_lists_shows_no_chip():
    found = estimate(network(), {}, hardware=Accelerator())
    assert found.shares == {}
    assert found.chip() == []


def test_an_explanation_has_every_layer_and_the_pace_of_the_network():
    found = estimate(network(), {**UNROLLED, "LayerName": {"fc2": {"ReuseFactor": 8}}}, explain=True)
    assert [(known.layer.name, known.use) for known in found.explanations] == list(found.by_layer.items())
    assert found.summary().endswith(found.explanation)
    assert "the network takes an input every 8 cycles, estimated: fc2 sets the pace" in found.explanation
    plain = estimate(network(), UNROLLED)
    assert (plain.explanations, plain.explanation) == ((), "")


def test_shallow_memories_are_told_with_and_without_an_explanation():
    told = (
        "memories of fc1, fc2 are 4 deep: logic synthesis will move them to look-up tables (about 0 of 75 halves stay"
    )
    assert told in estimate(network(), UNROLLED).summary()
    explained = estimate(network(), UNROLLED, explain=True).summary()
    assert "memories of fc1 are 4 deep" in explained
    assert told not in explained
    assert "deep: logic" not in estimate(network(), {"Model": {"Strategy": "latency", "ReuseFactor": 4}}).summary()


def test_what_is_beside_the_weights_is_estimated_apart():
    found = estimate(network(), UNROLLED, explain=True)
    assert found.beside == (Beside("fc1_relu", "rectifier", lut=2 * 32 * 16),)
    assert found.total == estimate(network(), UNROLLED).total
    assert "beside the weights, estimated:" in found.summary()
    assert estimate(network(), UNROLLED).beside == ()


def test_where_hls4ml_is_not_installed_it_is_said_and_the_rest_stands(monkeypatch):
    def missing():
        raise MissingToolError("hls4ml is not installed")

    monkeypatch.setattr(surroundings, "require_hls4ml", missing)
    found = estimate(network(), UNROLLED, explain=True)
    assert (found.beside, found.beside_unknown) == ((), "hls4ml is not installed")
    assert "not estimated, what is beside the weights: hls4ml is not installed" in found.summary()
    assert len(found.explanations) == 3


def test_a_model_that_hls4ml_does_not_convert_is_explained_all_the_same():
    model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8, name="not-a-name")])
    found = estimate(model, {"Model": {"Precision": "fixed<16,6>"}}, explain=True)
    assert "C++ identifiers" in found.beside_unknown
    assert len(found.explanations) == 1


def test_hardware_that_cannot_explain_is_told():
    with pytest.raises(ValueError, match="explain: hardware model Accelerator has no method explain"):
        estimate(network(), {}, explain=True, hardware=Accelerator())


@pytest.mark.parametrize(("name", "dsp", "bram18"), [("KERAS_3layer", 1064, 474), ("KERAS_conv1d_small", 35, 18)])
@pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")
def test_real_networks_are_estimated(data_folder, name, dsp, bram18):
    model = jet_network(data_folder, name)
    assert estimate(model, UNROLLED, io_type="io_stream").total == {
        "dsp": dsp,
        "bram18": bram18,
        "bram": -(-bram18 // 2),
    }


def test_a_model_of_another_framework_is_refused():
    with pytest.raises(TypeError, match=r"model: got builtins\.str"):
        estimate("model.keras", UNROLLED)
