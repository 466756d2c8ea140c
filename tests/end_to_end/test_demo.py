"""The promise of the first version, kept from end to end."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml


@pytest.mark.slow
@pytest.mark.needs("keras", "hls4ml", "sklearn", "matplotlib", "jinja2")
def test_the_demonstration_keeps_its_promise(tmp_path):
    """75% fewer DSPs and halves of block RAMs, counted as predicted, within 2 points, and every file is there."""
    from knapprune.demo import run

    run(tmp_path / "out", say=lambda line: None)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    before, after = report["baseline"], report["pruned"]
    assert after["counted"] == after["resources"]
    assert all(after["counted"][name] <= limit for name, limit in report["budget"].items())
    assert after["counted"]["dsp"] <= 0.25 * before["resources"]["dsp"]
    assert after["counted"]["bram18"] <= 0.25 * before["resources"]["bram18"]
    assert after["counted"]["bram"] == -(-after["counted"]["bram18"] // 2)
    assert after["accuracy"] >= before["accuracy"] - 0.02
    assert before["accuracy"] >= 0.9
    assert report["selection"]["status"] == "OPTIMAL"
    assert report["selection"]["gap"] == 0
    with np.load(tmp_path / "out" / "masks.npz") as masks:
        assert {masks[name].dtype for name in masks} == {np.dtype(bool)}
    assert yaml.safe_load((tmp_path / "out" / "hls_config.yml").read_text())["Model"]["ReuseFactor"] == 4
    assert (tmp_path / "out" / "accuracy.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "out" / "hls4ml" / "firmware" / "parameters.h").is_file()
    assert (tmp_path / "out" / "model.keras").is_file()
