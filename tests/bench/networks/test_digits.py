"""Networks without DSPs: no event is in two parts, da4ml counts what is built, and the page says what rows do."""

import json
from itertools import product

import numpy as np
import pytest

from bench.measuring.machine import ROOT
from bench.networks.accuracy import data as accuracy_data
from bench.networks.digits import calibration, front, methods, networks, verdict
from bench.networks.digits.data import small_fashion
from bench.networks.digits.limits import LIMITS
from bench.networks.digits.page import page
from bench.networks.digits.plot import plot
from bench.networks.digits.runs import wanted
from bench.networks.digits.traced import Design, Kind, Stage, accuracy, answers


def point(lut, reached, **more):
    return {"lut": lut, "adders": 9, "depth": 3.0, "validation": reached, "test": reached - 0.01, **more}


def row(method, *points, seed=3, network="jets", **setting):
    setting = setting or {"lut": 1, "bits": 8, "epochs": 7}
    about = {"network": network, "method": method, "seed": seed, "setting": setting, "points": list(points)}
    made = {"machine": {"cpu": "c", "cores": 2}, "versions": {"da4ml": "1"}}
    return about | made | {"cpu_seconds": 60.0, "samples": 10_000}


@pytest.fixture
def tiny():
    """A network of two inputs and one hidden layer of two, on eight bits."""
    first = Stage(np.array([[1.0, 0.5], [0.25, -1.0]]), np.array([0.125, 0.0]), Kind.of(2, 0, 3, 2))
    return Design(Kind.of(2, 1, 2, 1), [first, Stage(np.array([[1.0, 3.0], [0.0, -1.0]]), np.array([0.0, 0.5]))])


def test_no_event_is_in_two_parts_and_every_row_is_in_one():
    events = np.random.default_rng(0).integers(0, 700, 2000)
    parts = accuracy_data.by_event(events)
    assert sorted(np.concatenate(parts)) == list(range(2000))
    known = [set(events[part]) for part in parts]
    assert not any(one & other for one, other in ((known[0], known[1]), (known[0], known[2]), (known[1], known[2])))
    assert np.allclose([len(part) / 2000 for part in parts], accuracy_data.EVENTS, atol=0.03)


def test_jets_are_standardised_by_those_that_are_trained_on(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    (tmp_path / "jets").mkdir()
    features = 5 + 3 * random.normal(size=(3000, 16))
    arrays = {"X": features, "y": random.integers(0, 5, 3000).astype(np.uint8), "event": np.arange(3000) // 2}
    np.savez(tmp_path / "jets" / "jets_sim.npz", **arrays)
    monkeypatch.setenv("KNAPPRUNE_DATA", str(tmp_path))
    found = accuracy_data.simulated_jets()
    assert np.allclose(found.train[0].mean(axis=0), 0, atol=0.01)
    assert np.allclose(found.train[0].std(axis=0), 1, atol=0.01)
    assert np.abs(found.test[0].mean(axis=0)).max() > 1e-4
    assert np.abs(np.concatenate([found.train[0], found.test[0]])).max() <= accuracy_data.REACH


def test_jets_that_are_absent_say_what_to_put_there(tmp_path, monkeypatch):
    monkeypatch.setenv("KNAPPRUNE_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"jets_sim\.npz is not there; .* arrays X"):
        accuracy_data.simulated_jets()


def test_small_images_are_the_largest_of_four_pixels(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    parts = {
        f"{name}_{part}": random.integers(0, 256, (24, 28, 28), dtype=np.uint8) if name == "x" else np.arange(24) % 10
        for name in "xy"
        for part in ("train", "test")
    }
    np.savez(tmp_path / "fashion_mnist.npz", **parts)
    monkeypatch.setenv("KNAPPRUNE_DATA", str(tmp_path))
    images = small_fashion().test[0]
    assert images.shape == (24, 196)
    assert images[0, 15] * 256 == parts["x_test"][0, 2:4, 2:4].max()
    assert images.max() < 1


@pytest.mark.parametrize("saturates", [False, True])
def test_a_type_rounds_to_nearest_and_keeps_its_range(saturates):
    kind = Kind.of(1, 1, 1, 1, saturates)  # from -2 to 1.5 by halves
    found = kind(np.array([[0.24], [0.25], [-0.25], [1.9], [-2.4]])).ravel()
    assert found.tolist() == [0.0, 0.5, 0.0, 1.5 if saturates else -2.0, -2.0 if saturates else 1.5]


def test_no_bits_are_no_value():
    assert Kind.of(2, 0, -3, 2)(np.array([[0.5, 7.0]])).tolist() == [[0.0, 0.0]]


@pytest.mark.needs("da4ml")
def test_da4ml_counts_a_tiny_network_as_by_hand():
    sums = Design(Kind.of(2, 1, 3, 0), [Stage(np.array([[1.0], [1.0]]), np.array([0.0]))]).logic()
    # One sum of two values of four bits: a table from the lowest place that both have up to the highest of either.
    assert [operation.opcode for operation in sums.ops] == [-1, -1, 0]
    assert sums.cost == 4
    nothing = Design(Kind.of(2, 1, 3, 0), [Stage(np.array([[4.0], [0.0]]), np.array([0.0]))]).logic()
    assert nothing.cost == 0  # a shift is free


@pytest.mark.needs("da4ml")
@pytest.mark.parametrize("saturates", [False, True])
def test_what_da4ml_builds_answers_as_the_stages_do(tiny, saturates):
    kind = Kind.of(2, 0, 1, 1, saturates)
    design = Design(tiny.inputs, [Stage(tiny.stages[0].kernel, tiny.stages[0].bias, kind), tiny.stages[1]])
    rows = np.random.default_rng(0).uniform(-4, 3.5, (500, 2))
    expected = design.inputs(rows)
    for stage in design.stages:
        expected = stage(expected)
    logic = design.logic()
    assert np.array_equal(answers(logic, design.inputs, rows), expected)
    assert logic.cost > 0


@pytest.mark.needs("da4ml")
def test_narrower_data_cost_less(tiny):
    wide = tiny.logic().cost
    narrow = Design(
        tiny.inputs, [Stage(tiny.stages[0].kernel, tiny.stages[0].bias, Kind.of(2, 0, 3, 0)), tiny.stages[1]]
    )
    assert narrow.logic().cost < wide


@pytest.mark.needs("da4ml", "yosys")
@pytest.mark.slow
def test_yosys_synthesises_what_da4ml_writes(tiny):
    from bench.networks.digits.traced import synthesised

    logic = tiny.logic()
    assert 0 < synthesised(logic) < 3 * logic.cost


def test_the_first_of_equal_answers_counts():
    assert accuracy(np.array([[1.0, 1.0], [0.0, 2.0]]), np.array([0, 0])) == 0.5


@pytest.mark.needs("keras")
def test_results_get_the_whole_bits_that_training_data_need():
    import keras

    from bench.networks.accuracy.data import Data

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, "relu", name="fc1"), keras.layers.Dense(1)])
    model.set_weights([np.array([[3.0]]), np.zeros(1), np.ones((1, 1)), np.zeros(1)])
    rows = np.array([[1.0], [-5.0]], dtype=np.float32), np.zeros(2, dtype=np.int64)
    assert calibration.ranges(model, Data(rows, rows, rows)) == {"fc1": 2}


@pytest.mark.needs("hgq", "da4ml")
def test_a_network_of_hgq_is_counted_as_it_answers():
    import keras

    from bench.networks.accuracy.data import Data
    from bench.networks.digits import high_granularity

    network = networks.Network("", "", (4, 6, 3), 1, 2)
    keras.utils.set_random_seed(0)
    model = high_granularity.build(network, 1e-6)
    rows = np.random.default_rng(0).uniform(-4, 3.9, (256, 4)).astype(np.float32), np.zeros(256, dtype=np.int64)
    design, ebops = high_granularity.design(model, Data(rows, rows, rows))
    assert ebops > 0
    assert np.allclose(answers(design.logic(), design.inputs, rows[0]), model.predict(rows[0], verbose=0))


def test_the_best_in_each_range_of_bit_operations_is_kept():
    from bench.networks.digits.high_granularity import thinned

    front = [(100.0, 0.5, "a"), (104.0, 0.6, "b"), (10_000.0, 0.7, "c")]
    assert [path for _, path in thinned(front, points=3)] == ["b", "c"]
    assert thinned([]) == []


def test_weights_are_placed_where_rounding_loses_least():
    from bench.networks.digits.uniform import placed

    values = np.random.default_rng(0).normal(size=10_000)
    assert placed(values, 8, 1) == 2
    assert placed(values, 2, 1) < placed(values, 8, 1)


def test_no_two_runs_ask_for_the_same_and_other_seeds_only_for_the_main_ones():
    runs = wanted("jets", list(methods.METHODS), [3, 4])
    named = [json.dumps(run.about, sort_keys=True) for run in runs]
    assert len(set(named)) == len(named)
    assert {run.seed for run in runs} == {3, 4}
    for run in runs:
        assert run.seed == 3 or run.setting in methods.METHODS[run.method].main["jets"]


def test_a_larger_design_that_is_no_better_is_not_on_the_frontier():
    designs = [point(100, 0.6), point(90, 0.5), point(200, 0.6), point(300, 0.7), point(90, 0.4)]
    assert [(one["lut"], one["validation"]) for one in front.front(designs)] == [(90, 0.5), (100, 0.6), (300, 0.7)]
    assert front.within(designs, 250)["lut"] == 100
    assert front.within(designs, 50) is None


def test_the_verdict_says_where_knapprune_is_behind():
    rows = [
        row("digits", point(900, 0.6), point(1900, 0.7)),
        row("hgq", point(950, 0.65)),
        row("zeros", point(50, 0.1)),
    ]
    assert [limit for limit, _ in verdict.compared(rows, "jets", "HGQ2")] == list(LIMITS)
    said = verdict.sentences(rows, "jets")
    assert f"HGQ2: knapprune is ahead at {len(LIMITS) - 1} of {len(LIMITS)} limits, by up to 5.00 points" in said
    assert "it is not at 1000 (-5.00 points)" in said
    assert "Of the 1 designs on that frontier, 0 are behind one that is no larger." in said.splitlines()[0]
    assert verdict.beaten([*rows, row("hgq", point(1950, 0.66))], "jets", "HGQ2") == (1, 2)
    assert "uniform bits: nothing to compare" in said
    assert f"pruning alone: knapprune is ahead at {len(LIMITS)} of {len(LIMITS)} limits, by up to 60.00 points." in said


def test_the_page_shows_every_seed_and_what_failed():
    rows = [row("digits", point(1900, 0.7, matrices=1800), seed=seed) for seed in (3, 4)]
    rows += [row("hgq", point(1900, 0.69, ebops=1234, yosys=2000))]
    failed = {key: value for key, value in row("zeros").items() if key != "points"} | {"error": "ValueError: no"}
    text = page([*rows, failed])
    assert "| 2000 | knapprune, digits | 2 | 69.00 ± 0.00 | 70.00 ± 0.00 | 1900 ± 0 |" in text
    assert "| HGQ2, one price | 1900 | 9 | 3 | 69.00 | 68.00 | 1234 |  | 2000 |" in text
    assert "zeros, seed 3" in text
    assert "- Jets, knapprune, zeros alone: 5 of 5 runs." in text
    assert "ValueError: no" in text


def test_a_page_without_rows_says_so():
    assert "Nothing has been measured" in page([])


@pytest.mark.needs("matplotlib")
def test_the_plot_is_drawn(tmp_path):
    rows = [row("digits", point(900, 0.6), point(1900, 0.7)), row("hgq", point(950, 0.65))]
    plot(rows, "jets", tmp_path / "jets.png")
    assert (tmp_path / "jets.png").stat().st_size > 10_000


def test_the_page_is_made_from_its_rows():
    docs = ROOT / "docs" / "benchmarks"
    assert page(json.loads((docs / "digits.json").read_text())) == (docs / "digits.md").read_text()


def test_the_results_say_of_rivals_what_the_rows_say():
    rows = json.loads((ROOT / "docs" / "benchmarks" / "digits.json").read_text())
    said = " ".join((ROOT / "docs" / "results.md").read_text().split())
    words = ("none", "one", "two", "three", "four", "five")
    for network, place in (("jets", "on simulated jets"), ("fashion", "on small images of Fashion-MNIST")):
        hgq = [points for _, points in verdict.compared(rows, network, "HGQ2")]
        ahead = f"{place} ahead of HGQ2 at {words[sum(points > 0 for points in hgq)]} of {words[len(hgq)]} limits"
        assert ahead in said, ahead
    less, designs = verdict.beaten(rows, "fashion", "HGQ2")
    assert f"{less} of HGQ2's {designs} designs" in said
    behind = {limit: -points for limit, points in verdict.compared(rows, "jets", "PQuantML") if points <= 0}
    least, most = min(behind.values()), max(behind.values())
    assert f"behind PQuantML 0.1 by {least:.1f} to {most:.1f} points from {min(behind):,} on" in said
    rivals = product(("jets", "fashion"), ("uniform bits", "pruning alone"))
    others = [verdict.compared(rows, network, name) for network, name in rivals]
    assert all(other and all(points > 0 for _, points in other) for other in others)
