"""The overhead of the pruning loop: all runs see the same machine, and the page says what they took."""

from __future__ import annotations

import multiprocessing
import time

import numpy as np
import pytest

from bench.measuring import turns
from bench.measuring.turns import race
from bench.networks.loop_overhead import KINDS, VALIDATION, measure, overhead, page

MADE = {"versions": {"keras": "3"}, "machine": "a processor", "cores": 2, "load": 0.1, "turn": 0.5}
PLAN = {"steps": 2, "epochs": 1, "final_epochs": 2, "batch_size": 32, "samples": 64}


def spinning(seconds):
    """Return a run that takes so many seconds of processor time."""

    def run():
        started = time.process_time()
        while time.process_time() - started < seconds:
            pass
        return seconds

    return run


def failing():
    raise ValueError("no such network")


def test_runs_in_turns_are_charged_for_their_own_time():
    found = race({"short": (0.4,), "long": (0.8,)}, spinning, turn=0.1)
    assert {name: timed.result for name, timed in found.items()} == {"short": 0.4, "long": 0.8}
    for timed in found.values():  # neither waits for the other on the clock, however busy the machine
        assert timed.result <= timed.seconds + 0.05
    assert found["long"].seconds > found["short"].seconds


def test_a_run_that_ended_before_it_was_stopped_is_charged_no_less():
    class Ended(turns._Runner):
        def signal(self, number):
            """Leave alone: there is no process."""

    here, there = multiprocessing.Pipe()
    there.send(("done", time.perf_counter() - 5.0, 0.5, "result"))  # in its last turn, of others' since
    assert turns._take_turns({"a": Ended(None, here, 1.0)}, 0.1) == {"a": turns.Timed(1.0, 0.5, "result")}


def test_a_run_that_fails_says_why():
    with pytest.raises(RuntimeError, match="broken: ValueError: no such network"):
        race({"broken": ()}, failing)


def test_the_page_compares_repeat_by_repeat():
    seconds = {"fit": [10.0, 20.0, 30.0], "prune": [10.5, 22.0, 33.0], "prune, checkpoint": [11.0, 23.0, 36.0]}
    row = MADE | PLAN | {"network": "lenet", "weights": 61706, "solver_seconds": 0.1, "seconds": seconds}
    row["cpu_seconds"] = {kind: [2 * spent for spent in seconds["fit"]] for kind in KINDS}
    assert overhead(row, "prune") == pytest.approx(0.1)
    assert "| lenet | 61,706 | 32 | 2 | 3 | prune | 22.0 | +10.0% | +0.0% | 3 | 0.5 | 0.10 |" in page([row])


@pytest.mark.needs("tensorflow")
@pytest.mark.slow
def test_a_run_times_every_kind(tmp_path):
    random = np.random.default_rng(0)
    count = VALIDATION + PLAN["samples"]
    images, classes = random.integers(0, 256, (count, 28, 28), np.uint8), random.integers(0, 10, count)
    np.savez(tmp_path / "fashion_mnist.npz", x_train=images, y_train=classes)
    row = measure("lenet", tmp_path, PLAN, 1, 0.5)
    assert all(len(row["seconds"][kind]) == 1 for kind in KINDS)
    assert "| lenet | 61,706 | 32 | 2 | 3 | prune, checkpoint |" in page([row | MADE])
