"""Real, trained networks: a quarter of the DSPs is selected, generated and counted."""

import runpy
from pathlib import Path

import numpy as np
import pytest

import knapprune as kp
from bench.networks.study import DOCS, row_of
from shared.networks import jet_network

BENCH = runpy.run_path(str(Path(__file__).parents[2] / "bench" / "networks" / "jets.py"))


@pytest.mark.parametrize(
    "spec", BENCH["SPECS"], ids=lambda spec: f"{spec.network}-{spec.strategy}-{spec.reuse_factors}"
)
@pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning")  # few rows for five classes
def test_a_quarter_of_the_dsps_is_selected_generated_and_counted(spec, data_folder):
    model = jet_network(data_folder, spec.network)
    before = kp.estimate(model, spec.config)
    selection = kp.select(model, spec.config, budget={"dsp": 0.25})
    check = kp.verify(selection.apply(model), spec.config)
    assert check.counted == check.predicted == selection.resources.total
    assert check.counted["dsp"] == int(0.25 * before["dsp"])  # every structure costs one DSP, so the cap is reached


def test_a_network_of_keras_2_is_loaded_with_its_weights(data_folder):
    model = jet_network(data_folder, "KERAS_3layer")
    assert model.input_shape == (None, 16)
    assert [layer.kernel.shape for layer in model.layers[1:]] == [(16, 64), (64, 32), (32, 32), (32, 5)]
    assert np.abs(model.get_layer("fc1_relu").bias).max() > 0.01  # trained: biases start at zero


def test_the_committed_table_is_made_from_the_committed_rows():
    import json

    assert BENCH["page"](json.loads((DOCS / "jets.json").read_text())) == (DOCS / "jets.md").read_text()


def test_a_failed_run_stays_in_the_table(tmp_path):
    row = row_of(BENCH["STUDY"], BENCH["case"](BENCH["SPECS"][0], tmp_path))
    assert "failed: FileNotFoundError" in BENCH["table"]([row])
