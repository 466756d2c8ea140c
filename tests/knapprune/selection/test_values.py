"""The values that constants hold: what is chosen is the best there is, within the budget as counted by hand."""

from itertools import product

import numpy as np
import pytest

import knapprune as kp
from knapprune.network.digits import signed_digits
from shared.frameworks import keras
from shared.hls import hls_settings
from shared.networks import dense_network

pytestmark = [
    pytest.mark.needs("keras"),
    pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning"),
]
STEP = 2.0**-4


def config(bits=10, strategy="latency"):
    return hls_settings(strategy, 1, bits=bits)


def small_network(random, inputs, outputs, scale):
    model = dense_network(inputs, outputs)
    model.layers[0].set_weights([random.normal(scale=scale, size=(inputs, outputs)), np.zeros(outputs)])
    return model


def every_value_of(weight, digits, low, high):
    """The nearest value of at most each number of digits, all tried one by one."""
    numbers = np.arange(low, high + 1)
    count = signed_digits(numbers)
    best = [
        numbers[count <= most][np.argmin(np.abs(numbers[count <= most] - weight / STEP))] for most in range(digits + 1)
    ]
    return sorted({0, *map(int, best)})


def use(values, bits):
    """DSPs and look-up tables of a kernel, input by input; data and weights of so many bits, 9 or more."""

    def blocks(value):
        width = (value if value >= 0 else -value - 1).bit_length() + 1
        return 0 if width <= 4 or (width <= 8 and bits <= 10) else 1

    dsp, tables = 0, 0.0
    for own in values:
        multiplied = {value for value in own if value and signed_digits(np.array([value]))[0] >= 3}
        alive = sum(value != 0 for value in own)
        dsp += sum(blocks(value) for value in multiplied)
        tables += 13.1 * alive + 10.6 * len(multiplied) + 1.77 * bits * (alive - len(multiplied))
    return dsp, round(tables)


@pytest.mark.parametrize("seed", range(40))
def test_no_choice_of_the_listed_values_is_worth_more_and_an_optimum_is_the_best_of_all(seed):
    random = np.random.default_rng(seed)
    inputs, outputs = [(1, 5), (2, 2), (2, 3), (5, 1)][seed % 4]
    model = small_network(random, inputs, outputs, scale=float(random.choice([1.0, 4.0])))
    weights = model.layers[0].get_weights()[0].astype(np.float64)
    bits, digits = 10, 3
    options = [every_value_of(weight, digits, -512, 511) for weight in weights.ravel()]

    whole = kp.estimate(model, config())["dsp"]
    budgets = [{"dsp": int(random.integers(0, whole + 1))}]
    budgets.append({"lut": float(random.uniform(0.2, 0.9))})
    budgets.append({"dsp": int(random.integers(0, whole + 1)), "lut": float(random.uniform(0.3, 0.9))})
    worth = [
        {value: weight**2 * max(1 - ((value * STEP - weight) / weight) ** 2, 0) for value in own}
        for weight, own in zip(weights.ravel(), options, strict=True)
    ]
    choices = []
    for values in product(*options):
        total = sum(known[value] for known, value in zip(worth, values, strict=True))
        choices.append((total, *use(np.reshape(values, weights.shape).tolist(), bits)))
    choices = np.array(choices)
    for budget in budgets:
        selection = kp.select(model, config(), budget, choose={"digits": digits}, saliency="l2", normalise="none")
        chosen = np.rint(selection.values["fc0"] / STEP).astype(int)
        dsp, tables = use(chosen.tolist(), bits)
        assert selection.resources["dsp"] == dsp
        limits = {cap.resource: cap.limit for cap in selection.budget}
        assert dsp <= limits.get("dsp", dsp)
        assert tables <= limits.get("lut", tables)
        fits = (choices[:, 1] <= limits.get("dsp", np.inf)) & (choices[:, 2] <= limits.get("lut", np.inf))
        best = choices[fits, 0].max()
        assert best <= selection.solution.bound * (1 + 1e-6)  # the saliency squares weights of 32 bits
        assert selection.solution.value == pytest.approx(
            sum(weight**2 * max(1 - ((value * STEP - weight) / weight) ** 2, 0)
                for weight, value in zip(weights.ravel(), chosen.ravel(), strict=True))
        )  # fmt: skip
        if selection.solution.status == "OPTIMAL":
            assert selection.solution.value >= best * (1 - 1e-6)


def test_two_digits_leave_no_multiplier_and_hold_the_nearest_values():
    model = small_network(np.random.default_rng(0), 16, 8, scale=2.0)
    selection = kp.select(model, config(), {"dsp": 0}, choose={"digits": 2})
    assert selection.solution.status == "OPTIMAL"
    assert selection.resources["dsp"] == 0
    values = np.rint(selection.values["fc0"] / STEP).astype(int)
    assert signed_digits(values).max() == 2
    applied = selection.apply(model)
    assert np.array_equal(applied.layers[0].get_weights()[0], selection.values["fc0"].astype(np.float32))
    assert kp.estimate(applied, selection.hls_config)["dsp"] == 0


def test_weights_of_one_input_hold_values_that_are_paid_already():
    """The budget has one multiplier: 56, of two digits, is further from 53.6 than 52, which three others hold."""
    model = dense_network(1, 4)
    model.layers[0].set_weights([np.array([[52, 52, 52, 53.6]]) * STEP, np.zeros(4)])
    settings = {"Model": {"Precision": "fixed<12,8>", "ReuseFactor": 1, "Strategy": "latency"}}
    selection = kp.select(model, settings, {"dsp": 1}, choose={"digits": 3}, saliency="l2", normalise="none")
    assert np.rint(selection.values["fc0"] / STEP).ravel().tolist() == [52, 52, 52, 52]
    assert "with what is shared paid once" in selection.solution.trace[-1]
    assert selection.solution.value <= selection.solution.bound <= selection.solution.value * (1 + 1e-9)


def test_without_digits_no_weight_takes_a_value_of_another():
    """One multiplier again: of the four weights the fourth, which has another value, is dropped and not moved."""
    model = dense_network(1, 4)
    model.layers[0].set_weights([np.array([[52, 52, 52, 53]]) * STEP, np.zeros(4)])
    settings = {"Model": {"Precision": "fixed<12,8>", "ReuseFactor": 1, "Strategy": "latency"}}
    selection = kp.select(model, settings, {"dsp": 1, "lut": 1.0}, saliency="l2", normalise="none")
    assert np.rint(selection.values["fc0"] / STEP).ravel().tolist() == [52, 52, 52, 0]


def test_of_two_layers_one_may_have_multipliers_to_share_and_the_other_none():
    model = dense_network(4, 6, 5)
    for layer, values in zip(model.layers, ([52, 53, 54, 26], [1, 2, 4, 8]), strict=True):
        shape = layer.get_weights()[0].shape
        layer.set_weights([np.resize(values, shape) * STEP, np.zeros(shape[1])])
    settings = {"Model": {"Precision": "fixed<12,8>", "ReuseFactor": 1, "Strategy": "latency"}}
    selection = kp.select(model, settings, {"dsp": 4}, choose={"digits": 3}, saliency="l2", normalise="none")
    assert selection.resources["dsp"] <= 4
    assert selection.resources.by_layer["fc1"]["dsp"] == 0


def test_a_layer_may_be_named_and_the_others_stay():
    model = dense_network(8, 6, 4)
    before = kp.estimate(model, config())
    selection = kp.select(model, config(), {"fc0": {"dsp": 0}}, choose={"digits": {"fc0": 2}})
    assert set(selection.values) == {"fc0"}
    assert selection.resources.by_layer["fc1"] == before.by_layer["fc1"]
    assert selection.resources.by_layer["fc0"]["dsp"] == 0


def test_rows_and_values_are_chosen_under_one_budget():
    model = dense_network(16, 8, 4)
    settings = hls_settings("resource_unrolled", 4, fc1={"ReuseFactor": 1, "Strategy": "latency"})
    before = kp.estimate(model, settings)
    selection = kp.select(model, settings, {"dsp": 0.4}, choose={"digits": 3})
    assert set(selection.values) == {"fc1"}
    assert selection.structures == {"fc0": "dsp-row", "fc1": "values"}
    assert 0.4 * before["dsp"] - 1 <= selection.resources["dsp"] <= 0.4 * before["dsp"]


def test_look_up_tables_alone_leave_values_as_they_are():
    model = small_network(np.random.default_rng(2), 12, 6, scale=2.0)
    selection = kp.select(model, config(), {"lut": 0.5})
    kept = selection.masks["fc0"]
    held = np.floor(model.layers[0].get_weights()[0] / STEP) * STEP
    assert np.array_equal(selection.values["fc0"][kept], held[kept])
    assert not selection.values["fc0"][~kept].any()
    assert 0.45 * selection.before["lut"] < selection.resources["lut"] <= 0.5 * selection.before["lut"]


def test_a_budget_of_nothing_leaves_nothing():
    selection = kp.select(dense_network(4, 3), config(), {"lut": 0}, choose={"digits": 3})
    assert not selection.values["fc0"].any()
    assert selection.resources["lut"] == 0


def test_a_folded_normalisation_is_refused():
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, name="fc"), keras.layers.BatchNormalization()])
    model.layers[1].set_weights([np.full(4, 2.0), np.zeros(4), np.zeros(4), np.ones(4)])
    settings = hls_settings("latency", 1, fc={"Precision": {"result": "auto"}})
    with pytest.raises(ValueError, match="a normalisation is folded into layer 'fc'"):
        kp.select(model, settings, {"dsp": 0}, choose={"digits": 2})


def test_layers_whose_look_up_tables_nobody_knows_cannot_be_budgeted():
    model = keras.Sequential([keras.Input((8, 3)), keras.layers.LSTM(4, name="rnn")])
    with pytest.raises(ValueError, match=r"budget\['lut'\]: the look-up tables of layer 'rnn' \(lstm, latency\)"):
        kp.select(model, config(), {"lut": 0.5})


def on_the_grid(seed, *widths):
    """A network whose weights are multiples of 1/32, as trained for few bits."""
    model = dense_network(*widths, seed=seed, activation="relu")
    for layer in model.layers:
        layer.set_weights([np.round(32 * weights) / 32 for weights in layer.get_weights()])
    return model


OF_ADDERS = {"Precision": {"default": "fixed<10,4>", "weight": "fixed<7,2>"}, "ReuseFactor": 1}


@pytest.mark.slow
@pytest.mark.needs("hls4ml", "da4ml")
def test_adder_graphs_nearly_fill_their_budget_of_look_up_tables_and_never_exceed_it():
    """Twenty budgets over three networks: what the adder graphs that da4ml builds need is within each."""
    random = np.random.default_rng(5)
    settings = {"Model": OF_ADDERS | {"Strategy": "distributed_arithmetic"}}
    filled = []
    for budgets, model in (
        (7, on_the_grid(0, 16, 16, 5)),
        (7, on_the_grid(1, 16, 24, 16, 5)),
        (6, on_the_grid(2, 10, 20, 10)),
    ):
        for share in random.uniform(0.1, 0.9, budgets):
            selection = kp.select(
                model, settings, {"lut": float(share)}, choose={"digits": 4}, saliency="l2", normalise="none"
            )  # fmt: skip
            (cap,) = selection.budget
            applied = selection.apply(model)
            built = kp.estimate(applied, selection.hls_config, explain=True).estimated
            assert sum(known["lut"] for known in built.values()) == selection.resources["lut"] <= cap.limit
            filled.append(selection.resources["lut"] / cap.limit)
            assert selection.solution.value <= selection.solution.bound
    assert len(filled) == 20
    assert sum(share >= 0.95 for share in filled) >= 18


@pytest.mark.needs("hls4ml", "da4ml")
def test_adder_graphs_of_no_look_up_table_are_of_zeros():
    model = on_the_grid(4, 5, 7, 3)
    settings = {"Model": OF_ADDERS | {"Strategy": "distributed_arithmetic"}}
    empty = kp.select(model, settings, {"lut": 0}, choose={"digits": 4})
    assert not any(values.any() for values in empty.values.values())
    assert empty.resources["lut"] == 0


@pytest.mark.needs("hls4ml", "da4ml")
def test_adder_graphs_fill_their_budget_beside_multipliers_that_keep_theirs():
    """Weights of the first layer share multipliers, which half prices would overdraw; the second is adder graphs."""
    model = on_the_grid(5, 6, 8, 4)
    near = np.resize([545, 545, 577, 577, 529], (6, 8)) + np.random.default_rng(0).uniform(-0.4, 0.4, (6, 8))
    model.layers[0].set_weights([near * 2.0**-8, np.zeros(8)])
    multiplied = {"Precision": {"weight": "fixed<12,4>", "result": "fixed<14,6>"}, "ReuseFactor": 1}
    settings = {
        "Model": OF_ADDERS | {"Strategy": "distributed_arithmetic"},
        "LayerName": {"fc0": multiplied | {"Strategy": "latency"}},
    }
    budget = {"dsp": 2, "lut": 0.9}
    selection = kp.select(model, settings, budget, choose={"digits": 4}, saliency="l2", normalise="none")
    tables = next(cap.limit for cap in selection.budget if cap.resource == "lut")
    assert selection.before["dsp"] > selection.resources["dsp"] == 2
    assert 0.95 * tables <= selection.resources["lut"] <= tables


@pytest.mark.needs("hls4ml", "da4ml")
def test_adder_graphs_of_a_budget_of_everything_stay_as_they_are():
    model = on_the_grid(3, 6, 4)
    settings = {"Model": OF_ADDERS | {"Strategy": "distributed_arithmetic"}}
    selection = kp.select(model, settings, {"lut": 1.0}, choose={"digits": 4})
    assert np.array_equal(selection.values["fc0"], model.layers[0].get_weights()[0])
    assert selection.resources["lut"] == selection.before["lut"]
    assert selection.solution.status == "OPTIMAL"


@pytest.mark.needs("torch", "hls4ml")
def test_a_pytorch_module_takes_the_values_too():
    import torch

    torch.manual_seed(0)
    model = kp.TorchModel(torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3)))
    selection = kp.select(model, {**config(), "InputShape": [8]}, {"dsp": 0}, choose={"digits": 2})
    applied = selection.apply(model)
    assert kp.estimate(applied, selection.hls_config)["dsp"] == 0
    for name, values in selection.values.items():
        assert np.isin(values / STEP, np.arange(-512, 512)).all(), name


def test_chosen_values_train_on_to_others_of_no_more_digits():
    random = np.random.default_rng(3)
    model = dense_network(16, 8, 4)
    model.compile(keras.optimizers.Adam(0.02), "mse")
    selection = kp.select(model, config(), {"dsp": 0}, choose={"digits": 2})
    applied = selection.apply(model)
    applied.fit(random.normal(size=(160, 16)), random.normal(size=(160, 4)), batch_size=16, verbose=0)
    moved = 0
    for layer in applied.layers:
        chosen = np.rint(selection.values[layer.name] / STEP).astype(int)
        trained = layer.get_weights()[0] / STEP
        assert np.array_equal(trained, np.rint(trained))
        assert (signed_digits(trained.astype(int)) <= signed_digits(chosen)).all()
        moved += np.count_nonzero(trained != chosen)
    assert moved > 0
    assert kp.estimate(applied, selection.hls_config)["dsp"] == 0


@pytest.mark.parametrize(
    ("kind", "step", "low", "high"),
    [("fixed<7,2>", 2.0**-5, -64, 63), ("ufixed<6,0>", 2.0**-6, 0, 63), ("int<4>", 1.0, -8, 7)],
)
def test_a_grid_of_values_allows_the_digits_that_each_has(kind, step, low, high):
    from knapprune.adapters.keras.adapter import KerasAdapter
    from knapprune.selection.values.grids import grids_of

    precision = {"default": "fixed<10,4>", "weight": kind}
    settings = {"Model": {"Precision": precision, "ReuseFactor": 1, "Strategy": "latency"}}
    layers = KerasAdapter().layers(dense_network(2, 3), kp.read_hls_config(settings))
    values = {"fc0": np.array([[0, 1, 2], [3, 5, 7]]) * step}
    ((name, grid),) = grids_of(values, layers).items()
    assert name == "fc0"
    assert (grid.step, grid.low, grid.high) == (step, low, high)
    assert grid.digits.tolist() == [[0, 1, 1], [2, 2, 2]]


def test_a_framework_that_holds_no_values_is_given_them_alone(monkeypatch):
    from knapprune.adapters.keras.adapter import KerasAdapter

    plain = type("Plain", (), {name: own for name, own in vars(KerasAdapter).items() if name not in ("hold", "grids")})
    monkeypatch.setattr("knapprune.selection.result.find_adapter", lambda _: plain())
    model = small_network(np.random.default_rng(0), 16, 8, scale=2.0)
    selection = kp.select(model, config(), {"dsp": 0}, choose={"digits": 2})
    applied = selection.apply(model)
    assert np.array_equal(applied.layers[0].get_weights()[0], selection.values["fc0"].astype(np.float32))
    assert KerasAdapter().grids(applied) == {}
