"""What logic synthesis leaves of memories of few words."""

import json
from dataclasses import replace

import pytest

from knapprune.hardware.shallow import shallow_memories, share_that_stays
from shared.hls import layer_of

UNROLLED = layer_of((64, 32), reuse_factor=16, name="fc1")


def test_the_share_that_stays_grows_with_the_words():
    assert [share_that_stays(words) for words in (4, 15, 36, 512)] == [0, 0, 1, 1]
    assert 0 < share_that_stays(16) < share_that_stays(28) < 1


def test_a_shallow_memory_is_told_with_what_stays():
    assert shallow_memories([UNROLLED], {"fc1": {"dsp": 128, "bram18": 334}}) == [
        "memories of fc1 are 16 deep: logic synthesis will move them to look-up tables "
        "(about 16 of 334 halves stay, estimated)"
    ]


def test_memories_of_one_depth_are_told_together():
    others = [replace(UNROLLED, name="fc2"), replace(UNROLLED, name="fc3", reuse_factor=4)]
    use = {"fc1": {"bram18": 30}, "fc2": {"bram18": 12}, "fc3": {"bram18": 9}}
    found = shallow_memories([UNROLLED, *others], use)
    assert len(found) == 2
    assert found[0].startswith("memories of fc1, fc2 are 16 deep")
    assert "of 42 halves" in found[0]


def test_layers_without_memories_and_deep_ones_are_not_mentioned():
    deep = layer_of((64, 32), "resource", 64, name="fc2")
    latency = layer_of((64, 32), "latency", name="fc3")
    use = {"fc1": {"bram18": 0}, "fc2": {"bram18": 15}, "fc3": {"bram18": 0}}
    assert shallow_memories([UNROLLED, deep, latency], use) == []
    assert len(shallow_memories([UNROLLED, deep], {**use, "fc1": {"bram18": 3}})) == 1


@pytest.mark.parametrize("name", ["ftag_gru_hls4ml_prj", "quickdraw_gru_hls4ml_prj", "toptagging_gru_hls4ml_prj"])
def test_published_designs_keep_about_that_share(data_folder, name):
    """Halves of weights are what 36 bits a word give; the rest of the blocks are tables, which stay."""
    designs = json.loads((data_folder / "vendor" / "designs.json").read_text())
    design = next(design for design in designs if design["design"] == name)
    weights = design["knapprune"]["bram36"]
    tables = 2 * design["csynth"]["bram36"] - weights
    kept = (2 * design["vivado"]["bram"] - tables) / weights
    estimate = sum(map(share_that_stays, design["rf"])) / len(design["rf"])
    assert estimate == pytest.approx(kept, abs=0.2)
