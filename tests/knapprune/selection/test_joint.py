"""The joint choice against every combination of reuse factors with an exact selection inside."""

import itertools
import json
import runpy
import signal
from pathlib import Path

import numpy as np
import pytest

import knapprune as kp
from bench.networks.study import DOCS, row_of
from knapprune import HardwareWarning
from knapprune.hardware.hls4ml import Hls4mlHardware
from knapprune.hardware.latency import interval, latency
from knapprune.network.rules.reuse import valid_reuse_factors
from knapprune.selection.variants import Variant, fitting_type
from knapsolve.nested import search
from shared.frameworks import keras
from shared.hls import hls_settings, layer_of
from shared.networks import dense_network, jet_network

pytestmark = pytest.mark.needs("keras")

LEGAL = {"reuse_factor": "legal"}


def network(seed=0, widths=(6, 4, 3), activation="relu"):
    return dense_network(*widths, seed=seed, activation=activation)


def config(strategy="resource_unrolled", reuse_factor=2, bits=16, **layers):
    return hls_settings(strategy, reuse_factor, bits, **layers)


def with_factors(given, names, factors):
    layers = {name: {"ReuseFactor": factor} for name, factor in zip(names, factors, strict=True)}
    return {**given, "LayerName": layers}


def best_of_all(model, given, budget, factors, names):
    """Try every combination of reuse factors that keeps the latency; the value of the best exact selection."""
    best = -np.inf
    counted = {name: limit for name, limit in budget.items() if name != "latency"}
    for combination in itertools.product(*factors):
        tried = with_factors(given, names, combination)
        cycles = sum(latency(layer) for layer in kp.estimate(model, tried).layers)
        if cycles <= budget.get("latency", np.inf):
            found = kp.select(model, tried, counted, normalise="sum")
            assert found.solution.status == "OPTIMAL"
            best = max(best, found.solution.value)
    return best


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning")
def test_the_choice_is_the_best_of_all_combinations(seed):
    model = network(seed)
    rng = np.random.default_rng(seed)
    budget = {"dsp": int(rng.integers(4, 14)), "bram18": int(rng.integers(2, 7)), "latency": int(rng.integers(9, 30))}
    if seed % 2:
        budget["bram"] = -(-budget.pop("bram18") // 2)
    found = kp.select(model, config(), budget, choose=LEGAL, normalise="sum")
    # of 6 x 4: 2, 3, 6, 12; of 4 x 3: 2, 4; the largest of each is dropped, and 1 is another strategy
    best = best_of_all(model, config(), budget, [[2, 3, 6, 12], [2, 4]], ["fc0", "fc1"])
    assert found.solution.status == "OPTIMAL"
    assert found.solution.value == pytest.approx(best, rel=1e-9)
    assert all(found.resources[name] <= limit for name, limit in budget.items())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning")
def test_the_choice_on_the_jets_model_is_the_best_of_all_for_twenty_budgets(data_folder):
    model = jet_network(data_folder, "KERAS_3layer")
    names = ["fc1_relu", "fc2_relu", "fc3_relu", "output_softmax"]
    factors = [[4, 16, 64], [8, 32, 128], [8, 32, 64], [4, 16, 32]]
    choose = {"reuse_factor": dict(zip(names, factors, strict=True))}
    rng = np.random.default_rng(0)
    for _ in range(20):
        # Kept whole, the network needs about 14800 / cycles DSPs and 6600 / cycles halves: below, something must go.
        cycles = int(rng.integers(40, 200))
        budget = {
            "dsp": int(rng.uniform(0.2, 1.0) * 14800 / cycles),
            "bram18": int(rng.uniform(0.2, 1.0) * 6600 / cycles),
            "latency": cycles,
        }
        found = kp.select(model, config(reuse_factor=4), budget, choose=choose, normalise="sum", time_limit=60)
        assert found.solution.status == "OPTIMAL"
        best = best_of_all(model, config(), budget, factors, names)
        assert found.solution.value == pytest.approx(best, rel=1e-9), budget


@pytest.mark.parametrize("normalise", ["lamp", "sum", "none", "max"])
def test_one_reuse_factor_to_choose_from_is_a_plain_selection(normalise):
    model = network(1, (12, 10, 4))
    budget = {"dsp": 0.5, "bram18": 0.5}
    plain = kp.select(model, config(), budget, normalise=normalise)
    joint = kp.select(model, config(), budget, normalise=normalise, choose={"reuse_factor": [2]})
    assert joint.solution.value == pytest.approx(plain.solution.value, rel=1e-9)
    assert joint.resources.layers == plain.resources.layers


def test_what_was_chosen_is_a_configuration_that_verifies():
    model = network(2, (16, 12, 5))
    found = kp.select(model, config(), {"dsp": 20, "bram18": 12, "latency": 40}, choose=LEGAL | {"bits": [10, 16]})
    assert found.resources.total == kp.estimate(found.apply(model), found.hls_config).total | {
        "latency": sum(latency(layer) for layer in found.resources.layers)
    }
    check = kp.verify(found.apply(model), found.hls_config)
    assert check.counted == {name: found.resources[name] for name in ("dsp", "bram18", "bram")}
    assert [layer.reuse_factor for layer in check.by_layer.values()] == [
        layer.reuse_factor for layer in found.resources.layers
    ]
    assert "->" in found.summary()


@pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning")
def test_a_choice_under_whole_blocks_is_that_under_twice_as_many_halves():
    model, choose = network(2, (16, 12, 5)), LEGAL | {"bits": [10, 16]}
    blocks = kp.select(model, config(), {"dsp": 20, "bram": 6, "latency": 40}, choose=choose)
    halves = kp.select(model, config(), {"dsp": 20, "bram18": 12, "latency": 40}, choose=choose)
    assert blocks.solution.value == halves.solution.value
    assert blocks.resources == halves.resources
    assert blocks.hls_config == halves.hls_config


def test_fractions_are_of_what_the_given_configuration_uses():
    model = network(3, (12, 10, 4))
    found = kp.select(model, config(), {"dsp": 0.5, "latency": 1.0}, choose=LEGAL)
    assert [cap.limit for cap in found.budget] == [40, 8]  # 80 rows of 2 weights; twice 2 + 2 - 1 + 1 cycles
    assert all(layer.reuse_factor == 2 for layer in found.resources.layers)


def test_latency_may_be_capped_by_layer():
    found = kp.select(network(3, (12, 10, 4)), config(), {"dsp": 20, "fc0": {"latency": 6}}, choose=LEGAL)
    assert found.resources.by_layer["fc0"]["latency"] <= 6


def test_narrow_weights_are_taken_where_memory_is_short_and_wide_ones_where_it_is_not():
    model = network(4, (12, 10, 4))
    scarce = kp.select(model, config(), {"bram18": 0.3}, choose={"bits": [6, 16]})
    plenty = kp.select(model, config(), {"bram18": 1.0}, choose={"bits": [6, 16]})
    assert min(layer.weight_bits for layer in scarce.resources.layers) == 6
    assert [layer.weight_bits for layer in plenty.resources.layers] == [16, 16]
    assert scarce.hls_config["LayerName"]["fc0"]["Precision"]["weight"].startswith("fixed<6,")


def test_widths_of_weights_may_not_change_the_data_between_layers():
    model = network(0, activation="linear")
    given = {"Model": config()["Model"] | {"Precision": {"default": "fixed<16,6>"}}, "LayerName": {}}
    given["LayerName"]["fc0"] = {"Precision": {"result": "auto"}}
    with pytest.raises(ValueError, match=r"choose\['bits'\]: the input of layer 'fc1' would have"):
        kp.select(model, given, {"bram18": 0.5}, choose={"bits": [8]})


def test_layers_of_other_strategies_keep_their_reuse_factor():
    mixed = config(fc1={"Strategy": "Latency", "ReuseFactor": 1})
    found = kp.select(network(5, (12, 10, 4)), mixed, {"dsp": 40}, choose=LEGAL)
    assert found.resources.layers[1].reuse_factor == 1
    assert found.solution.status == "OPTIMAL"


def test_a_plain_resource_layer_trades_multipliers_for_cycles():
    model = network(6, (12, 10, 4))
    found = kp.select(model, config("Resource", 1), {"dsp": 30, "latency": 60}, choose=LEGAL)
    assert found.masks == {}
    assert found.resources["dsp"] <= 30
    assert found.resources["latency"] <= 60


def test_convolutions_keep_their_parallelization():
    model = keras.Sequential([keras.Input((8, 4)), keras.layers.Conv1D(6, 2, activation="relu", name="conv")])
    given = {
        "Model": {"Strategy": "Resource", "ReuseFactor": 2, "ParallelizationFactor": 7, "Precision": "fixed<16,6>"}
    }
    found = kp.select(model, given, {"dsp": 100}, choose=LEGAL)
    assert [layer.copies for layer in found.resources.layers] == [7]
    assert kp.estimate(model, found.hls_config)["dsp"] == found.resources["dsp"] <= 100


def test_a_budget_no_choice_can_keep_is_refused():
    model = network(7, (12, 10, 4))
    with pytest.raises(kp.BudgetError, match=r"budget\['latency'\] = 5 \(a count\): at least 8 \(today 8\)"):
        kp.select(model, config(), {"latency": 5, "dsp": 1}, choose=LEGAL)
    memories = {"reuse_factor": [2, 3, 4, 5, 6, 10, 12, 20]}  # at 1 weights are constants, and can be pruned
    with pytest.raises(kp.BudgetError, match="no choice keeps all of these"):
        kp.select(model, config("Resource", 2), {"latency": 12, "dsp": 39}, choose=memories)
    with pytest.raises(kp.BudgetError, match="latency follows from the reuse factors"):
        kp.select(model, config(), {"latency": 100})


def test_the_widest_weights_to_choose_are_taken():
    found = kp.select(network(6, (12, 10, 4)), config(), {"bram18": 10_000}, choose={"bits": [60]})
    assert {layer.weight_bits for layer in found.resources.layers} == {60}


@pytest.mark.parametrize(
    ("choose", "message"),
    [
        ({}, "choose: got {}, expected a mapping of some of 'reuse_factor', 'bits'"),
        ("legal", "choose: got 'legal'"),
        ({"reuse": "legal"}, "choose: got {'reuse': 'legal'}, expected"),
        ({"reuse_factor": "all"}, r"choose\['reuse_factor'\]: got 'all', expected 'legal' or a list"),
        ({"reuse_factor": []}, "expected a list of whole numbers, 1 or more"),
        ({"reuse_factor": [2, 5]}, r"\[5\] are legal for no layer here(?s:.*)fc0: 2, 3, 6, 12\n  fc1: 2, 4"),
        ({"reuse_factor": [3]}, r"none of \[3\] is legal for \['fc1'\]"),
        ({"reuse_factor": {"fc0": [2, 4]}}, r"choose\['reuse_factor'\]\['fc0'\]: \[4\] are legal for no layer here"),
        ({"reuse_factor": {"fc9": [2]}}, r"choose\['reuse_factor'\]: no layers \['fc9'\], expected some of"),
        ({"bits": 8}, r"choose\['bits'\]: got 8, expected a list of whole numbers, 2 to 60"),
        ({"bits": [1]}, "2 to 60"),
        ({"bits": [200]}, r"choose\['bits'\]: got \[200\], expected a list of whole numbers, 2 to 60"),
        ({"bits": {"fc1": [8, 61]}}, r"choose\['bits'\]\['fc1'\]: got \[8, 61\], expected .* 2 to 60"),
        ({"bits": {"fc0": ["8"]}}, r"choose\['bits'\]\['fc0'\]"),
    ],
)
def test_what_cannot_be_chosen_is_named(choose, message):
    with pytest.raises(ValueError, match=message):
        kp.select(network(), config(), {"dsp": 4}, choose=choose)


class DenseOnly(Hls4mlHardware):
    """Hardware that knows dense layers, and fails when it is asked of another kind."""

    def covers(self, layer):
        return layer.kind == "dense"

    def use(self, layer, kernel):
        assert self.covers(layer), f"asked of {layer.kind}"
        return super().use(layer, kernel)

    def costs(self, layer, labels, kernel):
        assert self.covers(layer), f"asked of {layer.kind}"
        return super().costs(layer, labels, kernel)


def test_layers_that_the_hardware_does_not_cover_are_left_as_they_are():
    model = keras.Sequential(
        [
            keras.Input((5, 4, 3)),
            keras.layers.DepthwiseConv2D(2, name="depthwise"),
            keras.layers.Flatten(),
            keras.layers.Dense(5, name="fc"),
        ]
    )
    given = config(depthwise={"Strategy": "latency", "ReuseFactor": 1})
    hardware = DenseOnly("xcvu13p-flga2577-2-e")
    found = kp.select(model, given, {"dsp": 0.5}, choose={"bits": [12, 16]}, hardware=hardware)
    assert [layer.name for layer in found.resources.layers] == ["fc"]
    assert found.resources.uncounted == ("depthwise",)
    assert found.hls_config["LayerName"]["depthwise"] == given["LayerName"]["depthwise"]
    assert found.resources["dsp"] <= found.before["dsp"] // 2
    with pytest.raises(ValueError, match=r"choose\['bits'\]: no layers \['depthwise'\], expected some of \['fc'\]"):
        kp.select(model, given, {"dsp": 0.5}, choose={"bits": {"depthwise": [12]}}, hardware=hardware)


def test_a_structure_for_a_layer_that_is_not_there_is_refused_with_a_choice_too():
    with pytest.raises(
        ValueError, match=r"structure: no layers \['no-such-layer'\], expected some of \['fc0', 'fc1'\]"
    ):
        kp.select(network(), config(), {"dsp": 4}, structure={"no-such-layer": "neuron"}, choose=LEGAL)


def test_fetch_groups_are_refused_where_something_else_is_chosen():
    message = r"structure: layers \['fc0', 'fc1'\] have fetch groups, expected another structure together with choose"
    with pytest.raises(ValueError, match=message):
        kp.select(network(), config(), {"dsp": 4}, structure=kp.FetchGroup(2), choose=LEGAL)


def test_a_solver_without_choices_gets_whole_runs_with_a_choice_too():
    model, budget = network(1, (12, 10, 4)), {"dsp": 0.5, "bram18": 0.5}
    plain = kp.select(model, config(), budget, solver="few-types")
    joint = kp.select(model, config(), budget, solver="few-types", choose={"reuse_factor": [2]})
    assert joint.structures == plain.structures == {"fc0": "bram-run", "fc1": "bram-run"}
    assert joint.solution.value == pytest.approx(plain.solution.value, rel=1e-9)
    with pytest.raises(ValueError, match="'few-types' cannot handle choices"):
        kp.select(model, config(), budget, solver="few-types", structure="row-and-word", choose=LEGAL)


def test_a_narrow_weight_is_worth_what_its_error_leaves():
    kernel = np.array([[0.75, -0.75], [0.1, 0.0]])
    kind = fitting_type(kernel, 3)
    assert (kind.width, kind.integer) == (3, 1)  # -1 to 0.75 in quarters
    layer = layer_of((2, 2), reuse_factor=2, bits=3)
    assert Variant(layer, kind).worth(kernel).tolist() == [[1, 1], [0, 1]]
    assert Variant(layer).worth(kernel).tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize(("largest", "integer"), [(0.0, 1), (0.5, 1), (0.99, 1), (1.0, 2), (3.5, 3), (4.0, 4)])
def test_the_fitting_type_holds_the_largest_weight(largest, integer):
    assert fitting_type(np.array([largest, -largest / 2]), 12).integer == integer


def test_latency_grows_with_the_reuse_factor_and_the_groups_of_pixels():
    def layer(reuse_factor, pixels=1, copies=1):
        return layer_of((2, 4, 6), "resource", reuse_factor, copies=copies, pixels=pixels)

    assert latency(layer(8)) - latency(layer(2)) == 6
    assert latency(layer(2)) > latency(layer(1))
    assert interval(layer(8, pixels=7, copies=2)) == 32
    assert valid_reuse_factors(8, 6)[-1] == 48


@pytest.mark.slow
def test_the_wide_jets_network_is_proved(data_folder):
    model = jet_network(data_folder, "KERAS_dense_16x500x500x500x500x500x5")
    with pytest.warns(HardwareWarning, match="replaces reuse factor 50 by 64"):
        found = kp.select(
            model, config(reuse_factor=50), {"dsp": 0.25, "bram18": 0.25, "latency": 1.0}, choose=LEGAL, time_limit=60
        )
    assert found.solution.status == "OPTIMAL"
    assert found.resources["latency"] <= 326


def test_the_committed_table_is_made_from_the_committed_rows():
    bench = runpy.run_path(str(Path(__file__).parents[3] / "bench" / "networks" / "joint_choice.py"))
    rows = json.loads((DOCS / "joint-choice.json").read_text())
    assert bench["page"](rows) == (DOCS / "joint-choice.md").read_text()
    case = bench["case"]("KERAS_3layer", {"dsp": 1, "bram": 1, "latency": 1}, lambda network: object())
    failed = row_of(bench["STUDY"], case)
    assert "failed: TypeError" in bench["table"]([failed])


@pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning")
def test_ctrl_c_in_the_middle_of_a_choice_selects_the_best_so_far(monkeypatch):
    model, budget = network(1, (16, 12, 10, 5)), {"dsp": 20, "bram18": 8, "latency": 40}
    whole = kp.select(model, config(), budget, choose=LEGAL)
    assert whole.solution.status == "OPTIMAL"

    def split(*arguments):
        signal.raise_signal(signal.SIGINT)
        return kept(*arguments)

    kept = search.split
    monkeypatch.setattr(search, "split", split)
    stopped = kp.select(model, config(), budget, choose=LEGAL)
    assert stopped.solution.status == "FEASIBLE"
    assert stopped.solution.value <= whole.solution.value <= stopped.solution.bound
    assert all(stopped.resources[name] <= limit for name, limit in budget.items())
    assert "stopped by Ctrl-C" in stopped.solution.trace
