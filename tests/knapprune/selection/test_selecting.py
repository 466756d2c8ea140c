import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knapprune import HardwareWarning
from knapprune.adapters.keras.adapter import KerasAdapter
from knapprune.estimation import estimate
from knapprune.hardware.hls4ml import Hls4mlHardware
from knapprune.hardware.resources import count
from knapprune.selection.budget import BudgetError
from knapprune.selection.selecting import SelectionWarning, select
from shared.frameworks import keras
from shared.hls import hls_settings as config
from shared.networks import jet_network

pytestmark = pytest.mark.needs("keras")


def network(seed=0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((16,)),
            keras.layers.Dense(24, activation="relu", name="fc1"),
            keras.layers.Dense(5, activation="softmax", name="fc2"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@cache
def unpruned():
    return network()


X = np.random.default_rng(0).normal(size=(40, 16))
Y = np.random.default_rng(1).integers(0, 5, 40)


@given(
    st.floats(0.05, 1.0),
    st.floats(0.05, 1.0),
    st.sampled_from(["l1", "l2"]),
    st.sampled_from(["lamp", "sum", "mean", "max", "none"]),
)
@settings(max_examples=25)
@pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning")
def test_no_budget_is_ever_exceeded(dsp, bram18, saliency, normalise):
    budget = {"dsp": dsp, "bram18": bram18}
    found = select(unpruned(), config(), budget, saliency=saliency, normalise=normalise)
    pruned = {name: kernel * found.masks.get(name, True) for name, kernel in KerasAdapter().kernels(unpruned()).items()}
    counted = count(Hls4mlHardware(), list(found.before.layers), pruned)
    assert counted.total == found.resources.total
    for cap in found.budget:
        assert counted[cap.resource] <= cap.limit
    assert [cap.limit for cap in found.budget] == [int(dsp * 126 + 1e-9), int(bram18 * 57 + 1e-9)]


def test_the_selection_is_the_best_of_all():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="a"), keras.layers.Dense(2, name="b")])
    model.get_layer("b").kernel.assign([[1.9, 0.12], [0.23, 1.7], [0.31, 0.43]])  # both outputs keep one
    kernels = KerasAdapter().kernels(model)
    settings_of = config(reuse_factor=2, b={"Strategy": "Latency", "ReuseFactor": 1})
    found = select(model, settings_of, {"dsp": 6}, normalise="none")
    rows = [np.abs(row).sum() for row in kernels["a"].T.reshape(-1, 2)]
    values = np.array([*rows, *np.abs(kernels["b"]).ravel()])
    best = max(values[list(keep)].sum() for keep in itertools.combinations(range(12), 6))
    assert found.solution.value == pytest.approx(best)
    assert found.solution.status == "OPTIMAL"


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning")
def test_constants_are_selected_best_of_all_where_values_repeat(seed):
    """25 kernels each, of seven bits: equal weights of an input live and die together, shifts and sums of two stay."""
    rng = np.random.default_rng(seed)
    settings_of = {"Model": {"Strategy": "latency", "ReuseFactor": 1, "Precision": "fixed<7,2>"}}
    settings_of["LayerName"] = {"data": {"Precision": {"result": "fixed<16,6>"}}}
    for _ in range(25):
        shape = (int(rng.integers(1, 5)), int(rng.integers(2, 9)))
        model = keras.Sequential(
            [
                keras.Input(shape[:1], name="data"),
                keras.layers.Dense(shape[1], name="fc"),
                keras.layers.Dense(1, kernel_initializer="ones", name="sum"),  # of shifts: nothing to prune
            ]
        )
        # 11, 13, 19, 21 and -11 of 32 have three signed digits; 8 and 12 have one and two.
        whole = rng.choice([11, 13, 19, 21, -11, 8, 12, 0], size=shape)
        model.get_layer("fc").kernel.assign(whole / 32)
        costly = np.isin(whole, [11, 13, 19, 21, -11])
        pairs = sorted({(i, value) for (i, j), value in np.ndenumerate(whole) if costly[i, j]})
        if not pairs:
            continue
        worth = [abs(value) / 32 * (whole[i] == value).sum() for i, value in pairs]
        limit = int(rng.integers(0, len(pairs) + 1))
        found = select(model, settings_of, {"dsp": limit}, normalise="none")
        mask = found.masks.get("fc", np.ones(shape, dtype=bool))
        best = max(sum(kept) for kept in itertools.combinations(worth, limit))
        assert found.solution.status == "OPTIMAL"
        assert np.abs(whole[mask & costly]).sum() / 32 == pytest.approx(best)
        assert mask[~costly & (whole != 0)].all()
        assert found.resources["dsp"] <= limit == found.budget[0].limit


def test_auto_takes_the_finest_structure_that_saves_what_is_budgeted():
    assert select(unpruned(), config(), {"dsp": 0.5}).structures == {"fc1": "dsp-row", "fc2": "dsp-row"}
    assert select(unpruned(), config(), {"bram18": 0.5}).structures == {"fc1": "row-and-word", "fc2": "row-and-word"}
    mixed = config(fc2={"Strategy": "Latency", "ReuseFactor": 1})
    assert select(unpruned(), mixed, {"dsp": 0.5}).structures == {"fc1": "dsp-row", "fc2": "constant"}


def test_a_structure_can_be_named_for_one_layer():
    found = select(unpruned(), config(), {"dsp": 0.5}, structure={"fc1": "neuron"})
    assert found.structures == {"fc1": "neuron", "fc2": "dsp-row"}
    columns = found.masks["fc1"].sum(axis=0)
    assert set(columns) <= {0, 16}


def test_a_cap_on_one_layer_holds_for_that_layer():
    found = select(unpruned(), config(), {"dsp": 0.9, "fc1": {"dsp": 8}})
    assert found.resources.by_layer["fc1"]["dsp"] == 8
    assert found.resources.by_layer["fc2"]["dsp"] == 30


def test_masks_are_in_the_kernels_shape_and_apply_leaves_the_model_alone():
    found = select(unpruned(), config(), {"dsp": 0.25})
    before = unpruned().get_weights()
    masked = found.apply(unpruned())
    assert estimate(masked, config()).total == found.resources.total
    kernels = KerasAdapter().kernels(masked)
    for name, mask in found.masks.items():
        assert np.array_equal(kernels[name] != 0, mask)
    assert all(np.array_equal(old, new) for old, new in zip(before, unpruned().get_weights(), strict=True))


def test_a_generous_budget_keeps_everything_and_masks_nothing():
    found = select(unpruned(), config(), {"dsp": 1.0})
    assert found.masks == {}
    assert found.resources.total == found.before.total


@pytest.mark.parametrize("saliency", ["taylor", "fisher", "gauss-newton", "hessian", "movement"])
def test_measures_of_gradients_use_the_data(saliency):
    found = select(unpruned(), config(), {"dsp": 0.5}, saliency=saliency, data=(X, Y), batch_size=8)
    assert found.resources["dsp"] <= 63
    plain = select(unpruned(), config(), {"dsp": 0.5}).masks
    assert any(not np.array_equal(found.masks[name], plain[name]) for name in found.masks)
    with pytest.raises(ValueError, match="data: there are none"):
        select(unpruned(), config(), {"dsp": 0.5}, saliency=saliency)


def test_all_kinds_of_data_select_the_same():
    import tensorflow as tf

    torch = pytest.importorskip("torch")

    class Blocks(keras.utils.PyDataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return X[8 * index : 8 * index + 8], Y[8 * index : 8 * index + 8]

    pairs = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    kinds = [tf.data.Dataset.from_tensor_slices((X, Y)).batch(8), Blocks(), torch.utils.data.DataLoader(pairs, 8)]
    expected = select(unpruned(), config(), {"dsp": 0.5}, saliency="taylor", data=(X, Y), batch_size=8)
    for data in kinds:
        found = select(unpruned(), config(), {"dsp": 0.5}, saliency="taylor", data=data)
        assert found.solution.value == expected.solution.value
        assert all(np.array_equal(found.masks[name], mask) for name, mask in expected.masks.items())


def test_a_measure_of_ones_own_reads_statistics_of_the_gradients():
    def taylor_squared(layer, kernel, gradients):
        return (kernel * gradients.mean_absolute) ** 2

    found = select(
        unpruned(), config("Latency", 1), {"dsp": 0.5}, saliency=taylor_squared, normalise="max", data=(X, Y)
    )
    assert found.resources["dsp"] == found.before["dsp"] // 2
    by_name = select(unpruned(), config("Latency", 1), {"dsp": 0.5}, saliency="taylor", normalise="max", data=(X, Y))
    # Squares over the largest square rank the weights of a layer as they were.
    for name, mask in found.masks.items():
        common = (mask & by_name.masks[name]).sum()
        assert common == min(mask.sum(), by_name.masks[name].sum())


def test_lamp_leaves_no_layer_empty_where_raw_values_do():
    model = network()
    kernel, bias = model.get_layer("fc1").get_weights()
    model.get_layer("fc1").set_weights([kernel * 0.05, bias])  # wide enough still for products of five bits
    assert all(mask.any() for mask in select(model, config(), {"dsp": 0.2}).masks.values())
    with pytest.warns(SelectionWarning, match="no weight of 'fc1' is kept"):
        select(model, config(), {"dsp": 0.2}, normalise="none")


def test_each_output_of_the_network_keeps_its_best_structure():
    model = network()
    kernel, bias = model.get_layer("fc2").get_weights()
    kernel[:, [1, 3]] *= 1e-3
    model.get_layer("fc2").set_weights([kernel, bias])
    found = select(model, config(), {"dsp": 0.5})
    kept = found.masks["fc2"]
    assert kept[:, [1, 3]].any(axis=0).all()
    rows = np.abs(kernel.T.reshape(5, -1, 4)).sum(axis=2)
    assert np.argmax(rows, axis=1)[1] == np.flatnonzero(kept[:, 1])[0] // 4
    # By their values alone they would not be: larger ones of other outputs are cut.
    cut = ~kept.T.reshape(5, -1, 4)[..., 0]
    assert rows[cut].max() > rows[1].max()
    assert found.resources["dsp"] == 63


def test_a_budget_too_small_for_all_outputs_names_those_that_are_lost():
    model = network()
    with pytest.warns(SelectionWarning, match=r"2 of the 5 outputs of 'fc2' is kept \(\d, \d\)"):
        first = select(model, config(), {"fc2": {"dsp": 3}})
    assert np.count_nonzero(first.masks["fc2"].any(axis=0)) == 3
    # What was lost before is not told again, and hidden neurons may go.
    again = select(first.apply(model), config(), {"dsp": 3 + 10, "fc2": {"dsp": 3}})
    assert not again.masks["fc1"].any(axis=0).all()


def test_pruning_goes_on_from_a_model_that_is_pruned_already():
    once = select(unpruned(), config(), {"dsp": 0.5, "bram18": 0.6})
    twice = select(once.apply(unpruned()), config(), {"dsp": 40})
    assert twice.resources["dsp"] == 40
    for name, mask in twice.masks.items():
        assert not (mask & ~once.masks[name]).any()


def test_dead_weights_come_back_only_where_that_costs_nothing():
    model = network()
    kernel, bias = model.get_layer("fc1").get_weights()
    kernel[0] = 0  # one weight in the first row of each neuron
    model.get_layer("fc1").set_weights([kernel, bias])
    assert select(model, config(), {"dsp": 1.0}).masks == {}
    latency = select(model, config("Latency", 1), {"dsp": 1.0})
    assert not latency.masks["fc1"][0].any()
    assert latency.masks["fc1"][1:].all()


def test_a_pruned_model_can_be_asked_to_stay_as_it_is():
    model = network()
    model.set_weights([np.zeros_like(array) for array in model.get_weights()])
    found = select(model, config(), {"dsp": 0})
    assert found.resources["dsp"] == 0
    assert not any(mask.any() for mask in found.masks.values())


def test_plain_resource_cannot_save_and_the_error_names_what_can():
    with pytest.raises(BudgetError, match=r"pruning saves no dsp here(?s:.*)fc1: resource .*'resource_unrolled'"):
        select(unpruned(), config("Resource"), {"dsp": 0.5})


def test_latency_keeps_no_weights_in_memory_and_the_error_names_what_does():
    with pytest.raises(BudgetError, match=r"saves no bram(?s:.*)keeps no weights in BRAM; 'resource_unrolled'"):
        select(unpruned(), config("Latency", 1), {"bram": 0.5})


def test_latency_above_one_is_only_a_cap_and_the_error_names_what_can():
    with pytest.raises(BudgetError, match=r"only caps(?s:.*)'latency' with reuse factor 1"):
        select(unpruned(), config("Latency", 4), {"dsp": 0.5})


def test_an_unrolled_convolution_in_parallel_is_told_to_stream():
    model = keras.Sequential([keras.Input((8, 4)), keras.layers.Conv1D(6, 2, name="conv")])
    with pytest.warns(HardwareWarning), pytest.raises(BudgetError, match="io_stream"):
        select(model, config(reuse_factor=4), {"dsp": 0.5})
    assert select(model, config(reuse_factor=4), {"dsp": 0.5}, io_type="io_stream").resources["dsp"] == 6


def test_rows_cannot_promise_memory_and_the_error_names_the_structure_that_can():
    with pytest.raises(BudgetError, match="structure 'bram-run' can save bram18 here"):
        select(unpruned(), config(), {"bram": 0.5}, structure="dsp-row")


def test_layers_that_cannot_save_are_counted_as_fixed_and_told():
    mixed = config(fc2={"Strategy": "Resource", "ReuseFactor": 4})
    with pytest.warns(HardwareWarning, match="cannot be saved in 'fc2'"):
        found = select(unpruned(), mixed, {"dsp": 0.5})
    assert found.resources.by_layer["fc2"]["dsp"] == 30
    assert found.resources["dsp"] == 63
    with pytest.raises(BudgetError, match=r"at least 30 \(today 126\) stay in use"):
        select(unpruned(), mixed, {"dsp": 29})


def test_an_unknown_structure_layer_or_solver_is_refused():
    with pytest.raises(ValueError, match="structure: got 'rows'"):
        select(unpruned(), config(), {"dsp": 0.5}, structure="rows")
    with pytest.raises(ValueError, match=r"structure: no layers \['fc9'\]"):
        select(unpruned(), config(), {"dsp": 0.5}, structure={"fc9": "dsp-row"})
    with pytest.raises(ValueError, match="few-types"):
        select(unpruned(), config(), {"dsp": 0.5}, solver="simplex")


def test_a_kernel_with_nan_names_its_layer():
    model = network()
    kernel, bias = model.get_layer("fc2").get_weights()
    kernel[3, 1] = np.nan
    model.get_layer("fc2").set_weights([kernel, bias])
    with pytest.raises(ValueError, match="saliency of layer 'fc2' is NaN"):
        select(model, config(), {"dsp": 0.5})


def test_the_summary_shows_every_layer_and_the_proof():
    text = select(unpruned(), config(), {"dsp": 0.25}).summary()
    assert "fc1" in text
    assert "126 -> 31" in text
    assert "budget: dsp 31 (0.25 of 126), uses 31" in text
    assert text.splitlines()[-1].startswith("OPTIMAL by ")


@pytest.mark.parametrize("name", ["KERAS_3layer", "KERAS_conv1d_small"])
@pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")
@pytest.mark.filterwarnings(
    "ignore:no weight of 3 of the 5 outputs:knapprune.selection.selecting.SelectionWarning"
)  # of 8 DSPs
def test_real_networks_fit_a_quarter_of_their_multipliers(data_folder, name):
    model = jet_network(data_folder, name)
    found = select(model, config(), {"dsp": 0.25}, io_type="io_stream")
    assert found.resources["dsp"] == found.before["dsp"] // 4
    assert found.solution.status == "OPTIMAL"
    assert all(mask.any() for mask in found.masks.values())


def test_a_chip_is_a_budget_and_the_answer_says_what_binds():
    chip = {"part": "xc7z007sclg225-1", "bram": 30}  # it has 66 DSPs, and 50 blocks, of which 30 are left
    found = select(unpruned(), config(reuse_factor=2), chip)
    assert found.before.total == {"dsp": 252, "bram18": 113, "bram": 57}
    assert [(cap.resource, cap.limit) for cap in found.budget] == [("dsp", 66), ("bram18", 100), ("bram", 30)]
    assert found.resources.total == {"dsp": 66, "bram18": 60, "bram": 30}
    assert [cap.resource for cap in found.binding] == ["dsp", "bram"]
    assert found.resources.shares == pytest.approx({"dsp": 1.0, "bram18": 60 / 100, "bram": 30 / 50})
    text = found.summary().splitlines()
    assert "binding: dsp=66, bram=30" in text
    assert "in blocks of 36 Kb: bram 57 -> 30" in text
    assert "of xc7z007s: dsp 100.0% of 66, bram18 60.0% of 100, bram 60.0% of 50" in text


@pytest.mark.parametrize("structure", ["auto", "bram-run", "neuron"])
@pytest.mark.parametrize("layers", [{}, {"fc2": {"Strategy": "Resource", "ReuseFactor": 4}}])
@pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning")
@pytest.mark.filterwarnings("ignore:.*cannot be saved in 'fc2':knapprune.HardwareWarning")
def test_a_budget_in_blocks_keeps_what_one_in_twice_as_many_halves_keeps(structure, layers):
    """Also where a layer of its own has one, and an odd half is left over."""
    settings_of = config(**layers)
    for blocks in (20, 25):
        own = {"fc1": {"bram": 16}}
        halves = {"dsp": 110, "bram18": 2 * blocks, "fc1": {"bram18": 32}}
        one, other = (
            select(unpruned(), settings_of, budget, structure=structure)
            for budget in ({"dsp": 110, "bram": blocks, **own}, halves)
        )
        assert one.solution.value == other.solution.value
        assert all(np.array_equal(mask, other.masks[name]) for name, mask in one.masks.items())
        assert one.resources == other.resources
        assert [cap.capacity for cap in one.budget] == [cap.limit for cap in other.budget]
        assert [str(cap).replace("bram", "bram18").partition(" =")[0] for cap in one.binding] == [
            str(cap).partition(" =")[0] for cap in other.binding
        ]


def test_a_fraction_of_blocks_is_of_todays_blocks():
    assert estimate(unpruned(), config()).total == {"dsp": 126, "bram18": 57, "bram": 29}
    (cap,) = select(unpruned(), config(), {"bram": 0.6}).budget
    assert (cap.resource, cap.limit, cap.capacity) == ("bram", 17, 34)


def test_a_resource_that_the_chip_has_enough_of_makes_no_structure_coarser():
    found = select(
        unpruned(), config(), {"part": "xc7z020clg400-1", "share": 0.5}
    )  # 110 of 126 DSPs, 140 halves for 57
    assert found.structures == {"fc1": "dsp-row", "fc2": "dsp-row"}
    assert found.resources["dsp"] == 110
    assert [cap.resource for cap in found.binding] == ["dsp"]


def test_a_cap_that_leaves_room_and_has_no_price_does_not_bind():
    found = select(unpruned(), config(), {"dsp": 0.5, "bram18": 0.5})
    assert (found.resources["dsp"], found.budget[0].limit) == (58, 63)
    assert [cap.resource for cap in found.binding] == ["bram18"]
    assert "binding: bram18=28" in found.summary().splitlines()


def test_nothing_binds_where_the_reuse_factors_save_more_than_is_asked_for():
    found = select(unpruned(), config(), {"dsp": 0.5, "latency": 40}, choose={"reuse_factor": "legal"})
    assert found.masks == {}
    assert found.binding == ()
    assert "binding" not in found.summary()


def test_nothing_binds_where_values_of_few_digits_cost_nothing():
    found = select(unpruned(), config("Latency", 1), {"dsp": 0.3}, choose={"digits": 2})
    assert found.resources["dsp"] == 0
    assert found.binding == ()


def test_a_cap_with_a_price_binds_though_no_item_is_as_small_as_what_is_left():
    found = select(unpruned(), budget={"parameters": 0.5}, structure="channel")
    assert found.resources["parameters"] < found.budget[0].limit
    assert found.solution.prices[0] > 0
    assert [cap.resource for cap in found.binding] == ["parameters"]


def test_without_prices_a_cap_binds_where_it_is_used_up():
    found = select(unpruned(), config(), {"dsp": 0.5, "bram18": 0.95}, solver="highs")
    assert found.solution.prices is None
    assert found.resources["bram18"] < found.budget[1].limit
    assert [cap.resource for cap in found.binding] == ["dsp"]


@pytest.mark.parametrize("settings_of", [config(), config("Resource"), config("Latency", 1)])
def test_a_network_that_fits_its_chip_is_left_whole_and_nothing_binds(settings_of):
    found = select(unpruned(), settings_of, {"part": "xcku115-flvb2104-2-i"})
    assert found.masks == {}
    assert found.binding == ()
    assert "binding" not in found.summary()


def test_a_chip_too_small_for_a_strategy_that_cannot_save_is_told():
    with pytest.raises(
        BudgetError,
        match=r"budget\['xc7z007s'\]\['dsp'\] = 66 \(all of the 66 of xc7z007s\): pruning saves no dsp here",
    ):
        select(unpruned(), config("Resource"), {"part": "xc7z007s"})


def test_the_part_of_the_budget_decides_the_dsp_block():
    wide = {"Model": {"Strategy": "resource_unrolled", "ReuseFactor": 4, "Precision": "fixed<26,0>"}}
    before = {
        part: select(unpruned(), wide, {"part": part, "dsp": 1.0}).before["dsp"] for part in ("xcku040", "xc7k325t")
    }
    assert before == {"xcku040": 252, "xc7k325t": 504}


def test_warnings_name_the_line_that_called_select():
    def lines(told, category):  # Keras and TensorFlow have their own to say
        return {warning.filename for warning in told if warning.category is category}

    stuck = config(fc2={"Strategy": "Resource", "ReuseFactor": 4})
    with pytest.warns(HardwareWarning, match="cannot be saved in 'fc2'") as told:
        select(unpruned(), stuck, {"dsp": 0.5})
    assert lines(told, HardwareWarning) == {__file__}
    for choose in (None, {"reuse_factor": [4]}):
        with pytest.warns(SelectionWarning, match="no weight of") as told:
            select(unpruned(), config(), {"dsp": 2}, choose=choose)
        assert lines(told, SelectionWarning) == {__file__}
