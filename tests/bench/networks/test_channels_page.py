"""The page beside Torch-Pruning is what its rows say, and both tools are measured alike."""

import json
import runpy
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import knapprune as kp

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs" / "benchmarks"
BENCH = runpy.run_path(str(ROOT / "bench" / "networks" / "channels.py"))
ROWS = json.loads((DOCS / "channels.json").read_text())


def test_the_page_is_made_from_its_rows():
    assert BENCH["page"](ROWS) == (DOCS / "channels.md").read_text()


def test_every_case_has_a_row_within_its_budget():
    names = ("network", "seed", "resource", "share", "values", "tool")
    assert {tuple(row[name] for name in names) for row in ROWS} == {
        tuple(case.about[name] for name in names) for case in BENCH["cases"]()
    }
    for row in ROWS:
        if "error" in row:
            assert row["tool"] == "Torch-Pruning"
            continue
        used = row["after"][row["resource"]] / row["before"][row["resource"]]
        assert 0.8 * row["share"] < used <= row["share"]
        assert row["difference"] < 1e-5


@pytest.mark.needs("torch")
@pytest.mark.parametrize(("network", "resource"), list(product(["residual", "depthwise"], ["parameters", "macs"])))
def test_sizes_are_what_knapprune_counts_and_kept_squares_are_what_it_keeps(network, resource, monkeypatch):
    import torch

    torch.manual_seed(0)
    module = BENCH[network]().eval()
    unseen = torch.randn(8, 1, 14, 14)
    monkeypatch.setitem(BENCH["outputs"].__globals__, "images", lambda: (None, None, unseen, None))
    small, said = BENCH["cut_by_us"](module, BENCH["Spec"](network, 0, resource, 0.5, "squares", "knapprune"))
    chosen = kp.select(
        *(module, {"InputShape": [[1, 14, 14]]}, {resource: 0.5}),
        structure="channel", saliency="l2", normalise="none",
    )  # fmt: skip
    assert BENCH["size"](small, resource) == chosen.resources[resource]
    assert BENCH["size"](module, resource) == chosen.before[resource]
    assert said["difference"] < 1e-5
    masked = BENCH["squares"](chosen.apply(module))
    if network == "residual":  # kernels of grouped convolutions have no mask, and are there until they are removed
        assert np.isclose(BENCH["squares"](small), masked)
    assert BENCH["squares"](small) < masked * 1.0001 < BENCH["squares"](module)


@pytest.mark.needs("torch", "torch_pruning")
@pytest.mark.parametrize("network", ["residual", "depthwise"])
def test_both_tools_find_the_same_groups(network):
    module = BENCH[network]().eval()
    assert BENCH["groups_of_theirs"](module) == BENCH["groups_of_ours"](module)
