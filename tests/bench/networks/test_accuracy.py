"""The accuracy benchmark: its network is the one it says, its methods keep the budget, its page shows every row."""

import json
import re

import numpy as np
import pytest

from bench.measuring.machine import ROOT
from bench.networks.accuracy import baselines, data, methods, networks
from bench.networks.accuracy.__main__ import STUDY, collect, use, wanted
from bench.networks.accuracy.data import Data
from bench.networks.accuracy.magnitude import fitting, largest
from bench.networks.accuracy.page import page, spread
from bench.networks.accuracy.plot import plot
from bench.networks.accuracy.runs import Run, measure
from bench.networks.study import Case, row_of

WHOLE = {"dsp": 6150, "bram": 1380}
BUDGET = {"dsp": 492, "bram": 262}


def row(method, seed, reached, budget=BUDGET, **more):
    return {
        "run": f"lenet-{method}-{seed}-{budget}",
        "network": "lenet",
        "method": method,
        "seed": seed,
        "budget": budget,
        "bit_accurate": reached,
        "float": reached,
        "counted": WHOLE if method == "unpruned" else {"dsp": 490, "bram": 150},
        "by_layer": {"output": {"dsp": 84, "bram": 0}},
        "cpu_seconds": 60.0,
        "machine": {"cores": 2, "cpu": "c"},
        "versions": {"keras": "3"},
        **more,
    }


@pytest.fixture(scope="module")
def small():
    random = np.random.default_rng(0)

    def draw(count):
        return random.random((count, 28, 28, 1), dtype=np.float32), random.integers(0, 10, count)

    return Data(draw(512), draw(64), draw(20))


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("lenet", {"dsp": 6150, "bram18": 1380}),
        ("resnet", {"dsp": 72 + 64 + 64 + 128 + 256 + 16 + 120, "bram18": 32 + 32 + 64 + 128 + 8 + 60}),
        ("svhn", {"dsp": 432 + 256 + 384 + 336 + 448 + 640, "bram18": 128 + 192 + 168 + 224}),
        ("jets-rf4", {"dsp": 4256 // 4, "bram18": 114 + 228 + 114 + 18}),
    ],
)
def test_a_network_uses_the_multipliers_and_halves_of_blocks_of_its_shapes(name, whole):
    import knapprune as kp

    network = networks.NETWORKS[name]
    before = kp.estimate(network.build(), network.config)
    assert sum(layer.size // layer.reuse_factor for layer in before.layers) == whole["dsp"]
    # Constants of few digits, and equal ones of one input, need no multiplier of their own.
    assert 0.75 * whole["dsp"] < before["dsp"] <= whole["dsp"]
    assert {resource: before[resource] for resource in whole if resource != "dsp"} == {
        resource: number for resource, number in whole.items() if resource != "dsp"
    }


def test_the_budget_of_lenet_is_what_the_issue_asks():
    assert networks.budget(networks.NETWORKS["lenet"], WHOLE) == BUDGET
    assert networks.budget(networks.NETWORKS["lenet"], WHOLE, 0.04) == {"dsp": 246, "bram": 131}
    assert networks.budget(networks.NETWORKS["resnet"], {"dsp": 100, "bram": 10}, 0.5) == {"dsp": 50, "bram": 5}


def test_the_largest_weights_of_the_whole_network_are_kept_and_zeros_never():
    kernels = {"a": np.array([[0.5, -3.0]]), "b": np.array([2.0, 0.0, -1.0])}
    masks = largest(kernels, 2)
    assert masks["a"].tolist() == [[False, True]]
    assert masks["b"].tolist() == [True, False, False]
    assert largest(kernels, 5)["b"].tolist() == [True, False, True]


def test_as_many_weights_are_kept_as_fit():
    kernels = {"a": np.arange(1.0, 11.0)}
    kept = fitting(kernels, lambda masks: masks["a"].sum() <= 7)
    assert kept["a"].sum() == 7
    assert fitting(kernels, lambda masks: False)["a"].sum() == 0


def test_no_two_runs_have_one_name_and_the_table_comes_before_the_sweep():
    runs = wanted("lenet", WHOLE, list(methods.METHODS), [0, 1, 2])
    assert len({run.name for run in runs}) == len(runs)
    budgets = [run.budget for run in runs if run.budget]
    table = len(methods.METHODS) * 3
    assert set(budgets[:table]) == {tuple(BUDGET.items())}
    assert tuple(BUDGET.items()) not in budgets[table:]


def test_what_is_budgeted_is_the_same_at_each_call():
    assert use(networks.NETWORKS["lenet"]) == use(networks.NETWORKS["lenet"])


def test_the_newest_row_of_a_run_is_kept_with_those_of_the_file(tmp_path):
    (tmp_path / "all.json").write_text(json.dumps([{"run": "a", "value": 1}, {"run": "b", "value": 1}]))
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "b.json").write_text(json.dumps({"run": "b", "value": 2}))
    assert collect(tmp_path / "all.json", tmp_path / "work") == [{"run": "a", "value": 1}, {"run": "b", "value": 2}]


def test_the_page_states_mean_spread_and_the_distance_from_the_unpruned_network():
    rows = [row("unpruned", seed, 0.91, budget={}) for seed in (0, 1)]
    rows += [row("knapprune", 0, 0.90), row("knapprune", 1, 0.904)]
    text = page(rows, [])
    assert "| knapprune | 2 | 90.20 ± 0.28 | 90.20 ± 0.28 | 0.80 ± 0.28 | 490 | 150 | 1.0 ± 0.0 |" in text
    assert "492 DSPs" in text
    assert "| 492 dsp, 262 bram | knapprune | 490 | 8.0% | 84 | 150 |" in text


def test_the_page_says_where_the_multipliers_are_and_how_few_are_enough():
    where = {"conv": {"dsp": 5, "bram": 0}, "dense": {"dsp": 7, "bram": 3}}
    rows = [row("unpruned", 0, 0.90, budget={}, by_layer=where)]
    rows += [row("knapprune", 0, 0.89, by_layer=where), row("knapprune", 0, 0.85, budget={"dsp": 9, "bram": 4})]
    rows[2]["counted"] = {"dsp": 9, "bram": 4}
    rows.append(row("knapprune", 1, 0.88, by_layer={**where, "conv": {"dsp": 2, "bram": 0}}))
    text = page(rows, [])
    assert "| knapprune | 2 to 5 | 7 |" in text
    assert "| knapprune | 490 | 92.0% | 150 | 1.1% |" in text


def test_the_readme_says_what_the_page_says():
    start, end = "On Fashion-MNIST, bit-accurate", "A long run loses nothing"
    readme = (ROOT / "README.md").read_text(encoding="utf-8").split(start)[1].split(end)[0]
    measured = (ROOT / "docs" / "benchmarks" / "accuracy.md").read_text(encoding="utf-8")
    figures = re.findall(r"\d+\.\d+(?: ± \d+\.\d+)?(?= \||%)", readme)
    assert len(figures) >= 12
    assert not [figure for figure in figures if f"| {figure} |" not in measured]


def test_the_page_lists_the_settings_that_were_tried():
    tried = {"network": "lenet", "method": "published", "settings": {"layer": 1e-5}, "seed": 0}
    tried |= {"validation": 0.9, "cross_entropy": 0.25}
    again = tried | {"seed": 1, "validation": 0.92, "cross_entropy": 0.2}
    text = page([row("unpruned", 0, 0.90, budget={})], [tried, again])
    assert "| lenet | published method, its own loop | layer 1e-05 | 2 | 91.00 ± 1.41 | 0.2250 ± 0.0354 |" in text


def test_a_failed_run_stays_on_the_page():
    failed = {key: value for key, value in row("uniform", 0, 0.5).items() if key not in ("bit_accurate", "counted")}
    text = page([row("unpruned", 0, 0.91, budget={}), failed | {"error": "ValueError: no"}], [])
    assert "| the same share of each layer | 0 | failed: ValueError: no |" in text


def test_a_page_without_rows_says_so():
    assert "Nothing has been measured" in page([], [])


@pytest.mark.needs("sklearn")
def test_a_data_set_that_is_absent_says_what_to_download(tmp_path, monkeypatch):
    monkeypatch.setenv("KNAPPRUNE_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"test_32x32\.mat"):
        data.svhn()

    def offline(**arguments):
        raise OSError("no network")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", offline)
    with pytest.raises(ConnectionError, match="OpenML 42468"):
        data.jets()


@pytest.mark.needs("sklearn")
def test_jets_from_a_file_are_standardised_and_split(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    np.savez(tmp_path / "jets.npz", x=5 + 3 * random.random((600, 16)), y=random.choice(list("gqwzt"), 600))
    monkeypatch.setenv("KNAPPRUNE_DATA", str(tmp_path))
    found = data.jets()
    assert [len(part[0]) for part in (found.train, found.validation, found.test)] == [440, 40, 120]
    known = np.concatenate([found.train[0], found.validation[0]])
    assert np.allclose(known.mean(axis=0), 0, atol=1e-4)
    assert np.allclose(known.std(axis=0), 1, atol=1e-3)
    assert set(found.test[1]) == {0, 1, 2, 3, 4}


def test_svhn_calls_the_digit_zero_class_zero(tmp_path, monkeypatch):
    from scipy.io import savemat

    (tmp_path / "svhn").mkdir()
    random = np.random.default_rng(0)
    for name in ("train", "test"):
        pixels = random.integers(0, 256, (32, 32, 3, 24), dtype=np.uint8)
        savemat(tmp_path / "svhn" / f"{name}_32x32.mat", {"X": pixels, "y": np.arange(24)[:, None] % 10 + 1})
    monkeypatch.setenv("KNAPPRUNE_DATA", str(tmp_path))
    found = data.svhn()
    assert found.test[0].shape == (24, 32, 32, 3)
    assert found.test[1].tolist() == [(number % 10 + 1) % 10 for number in range(24)]


def test_one_value_has_no_spread():
    assert spread([1.0]) == "1.00"


@pytest.mark.needs("matplotlib")
def test_the_plot_is_drawn_with_and_without_rows(tmp_path):
    plot([], "lenet", tmp_path / "empty.png")
    rows = [row("unpruned", 0, 0.91, budget={}), row("knapprune", 0, 0.9), row("one-shot", 0, 0.1)]
    plot(rows, "lenet", tmp_path / "some.png")
    assert (tmp_path / "some.png").stat().st_size > (tmp_path / "empty.png").stat().st_size > 0


def test_a_run_that_fails_becomes_a_row_that_says_why(tmp_path, small, monkeypatch):
    monkeypatch.setattr(baselines, "EPOCHS", 1)
    run = Run("lenet", "nonsense", 0, tuple(BUDGET.items()))
    found = row_of(STUDY, Case(run.about, lambda: measure(run, small, tmp_path, 10)))
    assert found["error"] == "KeyError: 'nonsense'"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["knapprune", "published", "magnitude"])
def test_a_method_keeps_the_budget_in_the_network_it_saves(method, tmp_path, small, monkeypatch):
    import keras

    import knapprune as kp

    monkeypatch.setattr(baselines, "EPOCHS", 1)
    for name, number in {"STEPS": 2, "FINAL": 2, "EPOCHS": 4, "STAGES": 2}.items():
        monkeypatch.setattr(methods, name, number)
    model = baselines.baseline(networks.NETWORKS["lenet"], small, 0, tmp_path / "whole.keras")
    budget = {"dsp": 1500, "bram": 600}
    problem = methods.Problem(networks.NETWORKS["lenet"], model, small, budget, 0, tmp_path / "checkpoint")
    methods.METHODS[method].run(problem).save(tmp_path / "pruned.keras")
    after = kp.estimate(
        keras.models.load_model(tmp_path / "pruned.keras", compile=False), networks.NETWORKS["lenet"].config
    )
    assert 0.5 * budget["dsp"] < after["dsp"] <= budget["dsp"]
    assert after["bram"] <= budget["bram"]
