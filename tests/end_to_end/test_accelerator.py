"""Real, trained networks on the accelerator: equal groups, the doubled throughput, p by layer; and the pages on it."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

import knapprune as kp
from bench.networks.study import DOCS, row_of
from knapprune.adapters.keras.adapter import KerasAdapter

ROOT = Path(__file__).parents[2]
BENCH = runpy.run_path(str(ROOT / "bench" / "networks" / "accelerator.py"))


@pytest.fixture(scope="module", params=BENCH["NETWORKS"].values(), ids=BENCH["NETWORKS"])
def network(request, data_folder):
    from knapprune.adapters.keras.files import load_keras_model

    return load_keras_model(data_folder / "models" / "mlperf_tiny" / request.param)


@pytest.mark.parametrize(("pruned", "size"), BENCH["SETTINGS"])
def test_fetch_groups_keep_equal_counts_and_are_far_faster_than_magnitude_at_equal_density(network, pruned, size):
    chip = kp.Accelerator(size, size - pruned, 16)
    found = kp.select(network, {}, structure=f"fetch-group:{pruned}/{size}", hardware=chip)
    kernels = KerasAdapter().kernels(network)
    cycles = 0
    for layer in found.before.layers:
        mask = found.masks.get(layer.name, np.ones(layer.kernel_shape, dtype=bool))
        for start in range(0, layer.kernel_shape[-2], size):
            counts = mask[..., start : start + size, :].sum(axis=-2)
            assert (counts == min(size - pruned, layer.kernel_shape[-2] - start)).all()
        alive = kernels[layer.name] * mask
        cycles += chip.use(layer, BENCH["largest"](kernels[layer.name], np.count_nonzero(alive)))["cycles"]
    assert 1.5 < cycles / found.resources["cycles"] < 3.5


def test_p_by_layer_keeps_more_than_one_p_for_all_at_the_same_cycles(network):
    chip = kp.Accelerator(16, 2, 16)
    uniform = kp.select(network, {}, structure="fetch-group:12/16", hardware=chip)
    chosen = kp.select(network, {}, {"cycles": uniform.resources["cycles"]}, hardware=chip)
    assert chosen.solution.status == "OPTIMAL"
    assert chosen.resources["cycles"] <= uniform.resources["cycles"]
    assert chosen.solution.value > uniform.solution.value


@pytest.mark.needs("matplotlib")
def test_the_committed_page_is_made_from_the_committed_rows(tmp_path):
    rows = json.loads((DOCS / "accelerator.json").read_text())
    assert BENCH["page"](rows) == (DOCS / "accelerator.md").read_text()
    BENCH["plot"](rows, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_a_network_that_fails_stays_on_the_page(tmp_path):
    rows = [row_of(BENCH["STUDY"], case) for case in BENCH["cases"](tmp_path)]
    assert {row["network"] for row in rows if "FileNotFoundError" in row["error"]} == set(BENCH["NETWORKS"])
    assert BENCH["page"](rows).count("ResNet-8 failed: FileNotFoundError") == 1
