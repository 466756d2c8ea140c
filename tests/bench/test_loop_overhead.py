"""The overhead of the pruning loop: each side is timed at two lengths, and the page says what follows."""

from __future__ import annotations

import numpy as np
import pytest

from bench.loop_overhead import KINDS, enough, line, measure, page

MADE = {"versions": {"keras": "3"}, "machine": "a processor", "cores": 2, "load": 0.1}


def made(pruning: dict[str, list[float]]) -> dict[str, object]:
    """A row of plain training of 2 s and 10 s an epoch."""
    return MADE | {
        "network": "lenet",
        "weights": 61706,
        "samples": 55000,
        "solver_seconds": 0.1,
        "epochs": {"short": 3, "long": 39},
        "steps": {"short": 2, "long": 20},
        "seconds": {"fit": {"short": [32.0, 33.0], "long": [392.0, 400.0]}, **dict.fromkeys(KINDS[1:], pruning)},
    }


def test_the_seconds_of_a_run_and_of_an_epoch_follow_from_two_lengths():
    row = made({"short": [38.5], "long": [416.5]})  # 7 s and 10.5 s an epoch
    assert line(row, "fit") == (2.0, 10.0)
    assert line(row, "prune") == (7.0, 10.5)
    epochs = enough(row, "prune")
    assert 7 + 10.5 * epochs < 1.1 * (2 + 10 * epochs)
    assert 7 + 10.5 * (epochs - 1) >= 1.1 * (2 + 10 * (epochs - 1))
    assert "+6.2%" in page([row])
    assert "| +5.0% | 10 |" in page([row])


def test_a_slow_epoch_is_never_made_up_for():
    row = made({"short": [36.0], "long": [468.0]})
    assert enough(row, "prune") == float("inf")
    assert "| +20.0% | never |" in page([row])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")  # of reuse factors that hls4ml would change
def test_a_run_times_every_kind():
    pytest.importorskip("tensorflow")
    random = np.random.default_rng(0)
    data = random.random((128, 28, 28, 1), dtype=np.float32), random.integers(0, 10, 128)
    row = measure("lenet", data, data, (3, 2), 1)
    assert row["epochs"] == {"short": 1, "long": 4}
    assert all(len(row["seconds"][kind][length]) == 1 for kind in KINDS for length in ("short", "long"))
    assert "| lenet | 61,706 | prune, checkpoint | 4 |" in page([row | MADE])
