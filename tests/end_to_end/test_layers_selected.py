"""What is selected in layers beyond Dense and convolutions is what the generated code then uses; masks hold."""

import numpy as np
import pytest

import knapprune as kp
from shared.frameworks import keras, layers

pytestmark = pytest.mark.needs("keras")


def rows():
    return layers.SeparableConv1D(8, 3, name="x")


BUILDS = {
    "depthwise": ([(6, 5, 4), lambda: layers.DepthwiseConv2D(3, name="x")], "latency", 1, {"x"}),
    "separable": ([(6, 5, 4), lambda: layers.SeparableConv2D(8, 3, name="x")], "latency", 1, {"x_depthwise"}),
    "separable_rows": ([(9, 4), rows], "resource_unrolled", 2, {"x_pointwise"}),
    "einsum": ([(5, 4), lambda: layers.EinsumDense("abc,cd->abd", (5, 6), name="x")], "latency", 1, {"x"}),
    "lstm": ([(5, 8), lambda: layers.LSTM(8, name="x")], "resource_unrolled", 4, {"x", "x/recurrent"}),
    "gru": ([(5, 8), lambda: layers.GRU(8, name="x")], "resource_unrolled", 4, {"x", "x/recurrent"}),
}


def network(name):
    (shape, layer), strategy, reuse_factor, _ = BUILDS[name]
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input(shape), layer(), layers.Flatten(), layers.Dense(3, name="head")])
    settings = {"Precision": "ap_fixed<16,6>", "Strategy": strategy, "ReuseFactor": reuse_factor}
    return model, {"Model": settings, "IOType": "io_parallel" if name == "einsum" else "io_stream"}


@pytest.mark.parametrize(
    ("name", "budget"),
    [(name, {"dsp": 0.7}) for name in BUILDS]
    + [(name, {"dsp": 0.8, "bram18": 0.6}) for name in ("lstm", "gru")]
    + [("separable_rows", {"x_pointwise": {"dsp": 0.5, "bram": 0.6}})]
    + [("lstm", {"x/recurrent": {"dsp": 0.25}}), ("gru", {"x": {"bram": 0.5}})],
)
@pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")
def test_a_selection_uses_in_the_generated_code_what_it_promised(name, budget):
    model, config = network(name)
    selection = kp.select(model, config, budget=budget, time_limit=2)
    check = kp.verify(selection.apply(model), config)
    assert check.counted == check.predicted == selection.resources.total
    assert selection.masks.keys() & BUILDS[name][3]
    for cap in selection.budget:
        assert cap.use(selection.resources) <= cap.limit < cap.use(selection.before)


@pytest.mark.parametrize("name", ["depthwise", "separable", "lstm", "gru", "einsum"])
@pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")
def test_masks_hold_in_fit_and_survive_saving(name, tmp_path):
    model, config = network(name)
    model.compile("adam", "mse")
    selection = kp.select(model, config, budget={"dsp": 0.7})
    masked = selection.apply(model)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(64, *model.input_shape[1:])), rng.normal(size=(64, 3))
    masked.fit(x, y, epochs=2, verbose=0)
    masked.save(tmp_path / "masked.keras")
    loaded = keras.models.load_model(tmp_path / "masked.keras")
    loaded.fit(x, y, epochs=2, verbose=0)
    adapter = kp.adapters.finding.find_adapter(model)
    before, kernels, masks = adapter.kernels(model), adapter.kernels(loaded), adapter.masks(loaded)
    assert masks.keys() == selection.masks.keys()
    for kernel_name, mask in selection.masks.items():
        assert np.array_equal(masks[kernel_name], mask)
        assert not kernels[kernel_name][~mask].any()
        assert not np.array_equal(kernels[kernel_name][mask], before[kernel_name][mask])  # the others were trained


def test_the_gates_of_a_recurrent_layer_cannot_be_pruned_away():
    model, config = network("lstm")
    kernels = {name: np.zeros(shape, bool) for name, shape in (("x", (8, 32)), ("x/recurrent", (8, 32)))}
    adapter = kp.adapters.finding.find_adapter(model)
    empty = kp.estimate(adapter.apply(model, kernels), config)
    assert empty.by_layer["x"] == {"dsp": 3 * 8, "bram18": 0}
    assert empty.by_layer["x/recurrent"] == {"dsp": 0, "bram18": 0}


def test_gradients_know_every_kernel():
    model, config = network("separable")
    model.compile("adam", "mse")
    rng = np.random.default_rng(0)
    data = rng.normal(size=(32, 6, 5, 4)), rng.normal(size=(32, 3))
    selection = kp.select(model, config, budget={"dsp": 0.5}, saliency="taylor", data=data)
    assert set(selection.masks) == {"x_depthwise", "x_pointwise", "head"}
