"""The accuracy benchmark: its network is the one it says, its methods keep the budget, its page shows every row."""

import json
import re

import numpy as np
import pytest

from bench.measuring.machine import ROOT
from bench.networks.accuracy import baselines, data, methods, networks, trials
from bench.networks.accuracy.__main__ import STUDY, collect, use, wanted
from bench.networks.accuracy.data import Data
from bench.networks.accuracy.magnitude import fitting, largest
from bench.networks.accuracy.page import page, spread
from bench.networks.accuracy.plot import plot
from bench.networks.accuracy.runs import Run, measure
from bench.networks.study import DOCS, Case, row_of

WHOLE = {"dsp": 6150, "bram18": 1380}
BUDGET = {"dsp": 492, "bram18": 262}
USE = networks.Use(WHOLE | {"lut": 1_400_000}, {"dsp": 2760, "bram18": 1380, "lut": 1_260_000})


def row(method, seed, reached, budget=BUDGET, **more):
    return {
        "run": f"lenet-{method}-{seed}-{budget}",
        "network": "lenet",
        "method": method,
        "seed": seed,
        "budget": budget,
        "share": None if method == "unpruned" else 0.08,
        "bit_accurate": reached,
        "float": reached,
        "images": 10_000,
        "counted": WHOLE if method == "unpruned" else {"dsp": 490, "bram18": 150},
        "estimated": {"lut": 1_400_000 if method == "unpruned" else 73_050},
        "by_layer": {"output": {"reuse_factor": 1, "dsp": 84, "bram18": 0, "lut": 380}},
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


def test_a_budget_is_a_share_of_the_dsps_and_of_memories_in_proportion():
    assert networks.budget(networks.NETWORKS["lenet"], USE, 0.08) == BUDGET
    assert networks.budget(networks.NETWORKS["lenet"], USE, 0.04) == {"dsp": 246, "bram18": 131}
    small = networks.Use({"dsp": 100, "bram18": 10, "lut": 0}, {})
    assert networks.budget(networks.NETWORKS["resnet"], small, 0.5) == {"dsp": 50, "bram18": 5}


@pytest.mark.parametrize("share", [0.04, 0.08])
def test_budgets_of_chosen_values_come_to_the_area_that_the_network_allows(share):
    network = networks.NETWORKS["lenet"]
    allowed = network.area * share / 0.08 * (1_400_000 + 55 * 6150)
    of_both, of_constants = (
        make(network, USE, share) for make in (networks.budget_of_both, networks.budget_of_constants)
    )
    assert of_both["dsp"] * (1_260_000 / 2760 + 55) == pytest.approx(network.rows * allowed, rel=0.02)
    assert allowed - 2 < networks.area(of_both) <= allowed
    assert of_constants == {"dsp": 0, "lut": int(allowed)}


def test_digits_alone_may_use_what_rows_do():
    assert networks.budget_of_digits(networks.NETWORKS["lenet"], USE, 0.08) == {"dsp": 2760}


def test_a_network_of_constants_has_no_layer_above_reuse_factor_1():
    import knapprune as kp

    network = networks.NETWORKS["resnet"].of_constants()
    layers = kp.estimate(network.build(), network.config).layers
    assert {layer.reuse_factor for layer in layers if layer.size} == {1}
    assert {layer.strategy for layer in layers if layer.size} == {"latency"}


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
    runs = wanted("lenet", USE, list(methods.METHODS), [0, 1, 2])
    assert len({run.name for run in runs}) == len(runs)
    shares = [run.share for run in runs if run.budget]
    table = len(methods.METHODS) * 3
    assert set(shares[:table]) == {0.08}
    assert not {0.08, None} & set(shares[table:])


def test_what_is_budgeted_is_the_same_at_each_call():
    found = use(networks.NETWORKS["lenet"])
    assert found == use(networks.NETWORKS["lenet"])
    assert found.rows["dsp"] == 400 * 120 // 25 + 120 * 84 // 12
    assert 0 < found.rows["lut"] < found.total["lut"]


def test_the_newest_row_of_a_run_is_kept_with_those_of_the_file(tmp_path):
    (tmp_path / "all.json").write_text(json.dumps([{"run": "a", "value": 1}, {"run": "b", "value": 1}]))
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "b.json").write_text(json.dumps({"run": "b", "value": 2}))
    assert collect(tmp_path / "all.json", tmp_path / "work") == [{"run": "a", "value": 1}, {"run": "b", "value": 2}]


def test_the_page_states_mean_spread_and_the_distance_from_the_unpruned_network():
    rows = [row("unpruned", seed, 0.91, budget={}) for seed in (0, 1)]
    rows += [row("knapprune", 0, 0.90), row("knapprune", 1, 0.904)]
    text = page(rows, [])
    assert (
        "| knapprune | 2 | 90.20 ± 0.28 | 90.20 ± 0.28 | 0.80 ± 0.28 | 490 | 84 | 150 | 73,050 | 100,000 |  |" in text
    )
    assert "492 DSPs and 262 BRAM_18K" in text
    assert "standard error of up to 0.3\npoints" in text
    assert "frontier" not in text
    rows.append(row("knapprune", 0, 0.8, budget={"dsp": 246, "bram18": 131}, share=0.04))
    text = page(rows, [])
    assert "frontier" in text
    assert "| 492 dsp, 262 bram18 | knapprune | 490 | 8.0% | 150 | 73,050 | 100,000 | 5.8% | 90.00 | 1.1% |" in text


def test_the_table_holds_rows_whose_budget_another_count_than_that_of_the_trained_network_has_made():
    rows = [row("unpruned", 0, 0.91, budget={}), row("knapprune", 0, 0.9, budget={"dsp": 397, "bram18": 262})]
    rows[0]["counted"] = {"dsp": 4700, "bram18": 1380}
    text = page(rows, [])
    assert "| knapprune | 1 | 90.00 |" in text
    assert "397 DSPs" in text


def test_the_page_says_how_choosing_values_stands_beside_pruning_alone():
    rows = [row("unpruned", 0, 0.91, budget={}), row("knapprune-fisher", 0, 0.9)]
    none = {"output": {"reuse_factor": 1, "dsp": 0, "bram18": 0, "lut": 400}}
    chosen = {"budget": {"dsp": 40, "lut": 50_000}, "counted": {"dsp": 40, "bram18": 9}, "by_layer": none}
    rows.append(row("both", 0, 0.895, **chosen, estimated={"lut": 47_800}))
    text = page(rows, [])
    assert "rows and digits: at most half of its area (50% at most), -0.50 points of accuracy beside it, 0 DSPs" in text
    assert "in layers above reuse factor 1, where" not in text
    rows[2]["by_layer"] = none | {"dense": {"reuse_factor": 4, "dsp": 40, "bram18": 9, "lut": 22_800}}
    assert "50% of its area is in layers above reuse factor 1, where no digit saves any." in page(rows, [])
    rows[2]["estimated"] = {"lut": 47_900}
    assert "rows and digits: more than half of its area (50% at most)" in page(rows, [])


def test_the_page_says_where_the_area_is_and_how_little_is_enough():
    where = {
        "conv": {"reuse_factor": 1, "dsp": 5, "bram18": 0, "lut": 25},
        "dense": {"reuse_factor": 4, "dsp": 7, "bram18": 3, "lut": 15},
    }
    rows = [row("unpruned", 0, 0.90, budget={}, by_layer=where)]
    rows += [row("knapprune", 0, 0.89, by_layer=where), row("knapprune", 0, 0.85, share=0.01)]
    rows[2]["counted"] = {"dsp": 9, "bram18": 4}
    rows.append(row("knapprune", 1, 0.88, by_layer={**where, "conv": where["conv"] | {"dsp": 2}}))
    text = page(rows, [])
    assert "| knapprune | 135 to 300 | 400 |" in text
    assert "| knapprune | 100,000 | 94.2% | 490 | 150 | 1.1% |" in text


def test_the_results_say_what_the_page_says():
    start, end = "On Fashion-MNIST, bit-accurate", "The jet-tagging networks"
    readme = (ROOT / "docs" / "results.md").read_text(encoding="utf-8").split(start)[1].split(end)[0]
    measured = (ROOT / "docs" / "benchmarks" / "accuracy.md").read_text(encoding="utf-8")
    figures = re.findall(r"(?<=\| )[\d.,]+(?: ± \d+\.\d+)?(?= \|)|\d+\.\d+(?=%)", readme)
    assert len(figures) >= 30
    assert not [figure for figure in figures if f"| {figure} |" not in measured]


def test_the_page_lists_the_settings_that_were_tried():
    tried = {"run": "lenet-long-0", "network": "lenet", "settings": {"steps": 10}, "seed": 0}
    tried |= {"validation": 0.9, "cross_entropy": 0.25}
    again = tried | {"seed": 1, "validation": 0.92, "cross_entropy": 0.2}
    worse = tried | {"settings": {}, "cross_entropy": 0.3}
    text = page([row("unpruned", 0, 0.90, budget={})], [worse, tried, again])
    best = text.index("| lenet | steps 10 | 2 | 91.00 ± 1.41 | 0.2250 ± 0.0354 |")
    assert best < text.index("| lenet | defaults | 1 | 90.00 | 0.3000 |")


def test_what_is_tried_first_is_what_prune_does_by_default_and_all_take_as_many_epochs():
    import inspect

    import knapprune as kp

    own = inspect.signature(kp.prune).parameters
    assert {name: own[name].default for name in trials.DEFAULTS} == trials.DEFAULTS
    for settings in trials.TRIALS.values():
        given = trials.DEFAULTS | settings
        last = given["epochs"] if given["final_epochs"] is None else given["final_epochs"]
        assert (given["steps"] - 1) * given["epochs"] + last == trials.EPOCHS


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
@pytest.mark.parametrize("method", ["knapprune", "published", "magnitude", "both", "constants"])
def test_a_method_keeps_the_budget_in_the_network_it_saves(method, tmp_path, small, monkeypatch):
    import keras

    import knapprune as kp

    monkeypatch.setattr(baselines, "EPOCHS", 1)
    for name, number in {"STEPS": 2, "FINAL": 2, "EPOCHS": 4, "STAGES": 2}.items():
        monkeypatch.setattr(methods, name, number)
    network = networks.NETWORKS["lenet"]
    model = baselines.baseline(network, small, 0, tmp_path / "whole.keras")
    network = methods.METHODS[method].network(network)
    budget = {
        "both": {"dsp": 1000, "bram18": 700, "lut": 500_000},
        "constants": {"dsp": 0, "lut": 60_000},
    }.get(method, {"dsp": 1500, "bram18": 1200})
    problem = methods.Problem(network, model, small, budget, 0, tmp_path / "checkpoint")
    methods.METHODS[method].run(problem).save(tmp_path / "pruned.keras")
    pruned = keras.models.load_model(tmp_path / "pruned.keras", custom_objects=kp.custom_objects(), compile=False)
    after = kp.estimate(pruned, network.config, explain=True)
    used = after.total | {"lut": sum(tables["lut"] for tables in after.estimated.values())}
    assert all(used[name] <= limit for name, limit in budget.items())
    assert all(used[name] > 0.5 * limit for name, limit in budget.items() if name != "bram18" and limit)
    if method in ("both", "constants"):
        constant = [layer.name for layer in after.layers if layer.reuse_factor == 1]
        assert constant
        assert not any(after.by_layer[name]["dsp"] for name in constant)


def test_the_guide_says_of_the_defaults_what_was_tried():
    rows = {row["run"]: row["validation"] for row in json.loads((DOCS / "accuracy-trials.json").read_text())}
    said = " ".join((ROOT / "docs" / "guides" / "pruning.md").read_text(encoding="utf-8").split())

    def ahead(network, seed, other="magnitude"):
        return 100 * (rows[f"{network}-defaults-{seed}"] - rows[f"{network}-{other}-{seed}"])

    assert f"ended {ahead('resnet', 0):.1f} points of validation accuracy above magnitudes" in said
    jets = [ahead("jets-simulated", seed) for seed in (0, 1)]
    assert f"and {jets[0]:.1f} and {jets[1]:.1f} on the jet tagger" in said
    steps = [ahead("resnet", 0, "long"), *(ahead("jets-simulated", seed, "long") for seed in (0, 1))]
    assert max(map(abs, steps)) < 1 / 3, "within a third of a point"
    assert "within a third of a point of five equal ones" in said
