"""The memory of a measure against that of a training step, each in a process of its own."""

from pathlib import Path

import pytest

from bench.networks.saliency_memory import STEP, measure

WIDTHS = (784, 1500, 1000, 10)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux' record of peak memory")
def test_a_measure_takes_less_than_three_training_steps():
    step, taylor = measure(STEP, WIDTHS, 320), measure("taylor", WIDTHS, 1280)
    assert "error" not in step | taylor
    assert taylor["extra_bytes"] < 3 * step["extra_bytes"]
