"""Sweeps: every combination once, kept as soon as it is there, on this machine or on a cluster that loses a worker."""

import json
import os
import signal

import numpy as np
import pytest

import knapprune as kp
from knapprune.pruning.sweeping import ROWS
from shared.frameworks import keras, layers
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras")

GRID = {"budget": [{"dsp": 0.5}, {"dsp": 0.25}], "seed": [0, 1]}


@pytest.fixture(scope="module")
def problem():
    random = np.random.default_rng(0)
    y = random.integers(0, 4, 200)
    x = (random.normal(size=(4, 16))[y] + random.normal(size=(200, 16))).astype("float32")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((16,)), layers.Dense(16, "relu"), layers.Dense(4, "softmax")])
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=3, verbose=0)
    data = {"train": (x[:150], y[:150]), "validation": (x[150:], y[150:])}
    return model, {**data, "steps": 1, "epochs": 1, "tolerance": 1.0, "check_conversion": False}


def swept(problem, folder, grid=GRID, **options):
    model, pruning = problem
    return kp.sweep(model, hls_settings(), grid, folder=folder, **{**pruning, **options})


def test_each_combination_is_a_row_that_prune_would_have_given(problem, tmp_path):
    sweep = swept(problem, tmp_path / "out")
    assert [row["settings"] for row in sweep.rows] == [
        {"budget": budget, "seed": seed} for budget in GRID["budget"] for seed in GRID["seed"]
    ]
    model, pruning = problem
    alone = kp.prune(model, hls_settings(), progress=False, budget={"dsp": 0.25}, seed=1, **pruning)
    row = sweep.rows[3]
    assert (row["metric"], row["resources"], row["met"]) == (alone.metric, dict(alone.resources.total), alone.met)
    assert sweep.best["metric"] == max(row["metric"] for row in sweep.rows)
    assert repr(sweep) == "<Sweep of 4 combinations: 4 met their budget, 0 could not be pruned>"


def test_rows_that_are_there_are_not_computed_again(problem, tmp_path):
    """After an interruption, and for a larger grid; the same settings of another network are others."""
    told = []

    def interrupt(done, of, row):
        told.append((done, of))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(problem, tmp_path, on_row=interrupt)
    assert told == [(1, 4), (2, 4)]
    assert len(list((tmp_path / ROWS).iterdir())) == 2
    swept(problem, tmp_path, on_row=lambda done, of, row: told.append((done, of)))
    assert told[2:] == [(3, 4), (4, 4)]
    swept(problem, tmp_path, {**GRID, "seed": [1, 0, 2]}, on_row=lambda done, of, row: told.append((done, of)))
    assert told[4:] == [(5, 6), (6, 6)]
    swept(problem, tmp_path, epochs=0, on_row=lambda done, of, row: told.append((done, of)))
    assert told[6:] == [(number, 4) for number in (1, 2, 3, 4)]


def test_a_budget_that_cannot_be_kept_is_a_row_with_the_reason(problem, tmp_path):
    sweep = swept(problem, tmp_path, {"budget": [{"dsp": 0.5}, {"latency": 3}]})
    assert [row["error"] is None for row in sweep.rows] == [True, False]
    assert "latency" in sweep.rows[1]["error"]


def test_reuse_factors_are_those_of_the_configuration(problem, tmp_path):
    sweep = swept(problem, tmp_path, {"reuse_factor": [2, 8]}, budget={"dsp": 0.5})
    assert [row["before"]["dsp"] for row in sweep.rows] == [160, 40]


@pytest.mark.parametrize(
    ("grid", "options", "message"),
    [
        ({}, {}, "grid: got {}, expected lists of values by name"),
        ({"sed": [1]}, {}, "grid: got 'sed', expected one of .*; did you mean 'seed'?"),
        ({"seed": 3}, {}, r"grid\['seed'\]: got 3, expected a list of values"),
        ({"seed": []}, {}, r"grid\['seed'\]: got \[\], expected a list of values"),
        ({"seed": [1, 1]}, {}, r"grid\['seed'\]: got \[1, 1\], expected each value once"),
        ({"saliency": [np.abs]}, {}, r"grid\['saliency'\]: got .*, expected plain values"),
        ({"seed": [-1]}, {}, "seed: got -1, expected a whole number, 0 or more"),
        ({"saliency": ["l3"]}, {}, "saliency: got 'l3', expected one of"),
        ({"seed": [1]}, {"seed": 2}, r"seed: got it beside grid\['seed'\]"),
        ({"seed": [1]}, {"checkpoint": "run"}, "checkpoint: expected none"),
        ({"seed": [1]}, {"jobs": 0}, "jobs: got 0, expected a whole number, 1 or more"),
        ({"seed": [1]}, {"train": None}, "train: got none, expected data, as knapprune.prune takes them"),
        (
            {"seed": [1]},
            {"validation": (np.ones((3, 5)), [1, 2, 3])},
            r"validation: inputs: got samples of shape \(5,",
        ),
    ],
)
def test_what_cannot_be_swept_is_said_before_anything_is_trained(problem, tmp_path, grid, options, message):
    with pytest.raises(ValueError, match=f"^{message}".replace("{}", r"\{\}").replace("?", r"\?")):
        swept(problem, tmp_path / "out", grid, **options)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_others_is_refused(problem, tmp_path):
    (tmp_path / "rows").mkdir()
    with pytest.raises(FileExistsError, match=r"^folder: .* holds files, but none of a sweep"):
        swept(problem, tmp_path)


def test_a_scheduler_that_is_not_there_is_named(problem, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(distributed, "Client", lambda *_, **__: (_ for _ in ()).throw(OSError("no")))
    with pytest.raises(ConnectionError, match=r"^scheduler: no answer from 'tcp://nowhere:1'"):
        swept(problem, tmp_path, scheduler="tcp://nowhere:1")


@pytest.mark.slow
@pytest.mark.needs("joblib")
def test_processes_give_the_rows_that_one_gives(problem, tmp_path):
    def told(sweep):
        return [{name: value for name, value in row.items() if name != "seconds"} for row in sweep.rows]

    grid = {"seed": [0, 1]}
    two, one = (swept(problem, tmp_path / str(jobs), grid, jobs=jobs, budget={"dsp": 0.5}) for jobs in (2, 1))
    assert told(two) == told(one)


@pytest.mark.slow
@pytest.mark.needs("distributed")
def test_a_cluster_that_loses_a_worker_gives_all_rows_and_none_twice(problem, tmp_path):
    from distributed import LocalCluster

    grid = {**GRID, "seed": list(range(12))}
    computed, killed = [], []
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=tmp_path / "dask"
    ) as cluster:

        def kill_one(done, of, row):
            computed.append(json.dumps(row["settings"], sort_keys=True))
            if done == 3:
                worker = cluster.workers[0]
                killed.append(worker.pid)
                os.kill(worker.pid, signal.SIGKILL)

        sweep = swept(problem, tmp_path / "out", grid, scheduler=cluster.scheduler_address, on_row=kill_one)
    assert killed
    assert len(computed) == len(set(computed)) == 24
    assert [row["error"] for row in sweep.rows] == [None] * 24
    assert len(list((tmp_path / "out" / ROWS).iterdir())) == 24
    assert {(row["settings"]["budget"]["dsp"], row["settings"]["seed"]) for row in sweep.rows} == {
        (share, seed) for share in (0.5, 0.25) for seed in range(12)
    }


def test_an_argument_that_is_none_is_named(problem, tmp_path):
    for call in (
        lambda: swept(problem, tmp_path, trian=2),
        lambda: kp.estimate(problem[0], hls_settings(), boackend="x"),
    ):
        with pytest.raises(
            TypeError, match=r"^(trian|boackend): no such argument; beside its own, a call takes \['backend'"
        ):
            call()
