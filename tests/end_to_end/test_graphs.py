"""hls4ml graphs of every front end: estimated, selected and verified like the models they come from."""

import contextlib
import io
import warnings

import numpy as np
import pytest

import knapprune as kp
from knapprune.adapters.hls4ml.adapter import Hls4mlAdapter
from knapprune.adapters.hls4ml.nodes import graph_kernels
from shared.frameworks import hls4ml
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("hls4ml")


STRATEGIES = [("latency", 1), ("latency", 4), ("resource", 4), ("resource_unrolled", 4)]


def quietly(function, *arguments, **keywords):
    """Call hls4ml, which prints and warns as it goes."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        return function(*arguments, **keywords)


def keras_config(strategy, reuse_factor):
    """A normalisation is folded into a convolution of which no result type is asked."""
    return {**hls_settings(strategy, reuse_factor), "LayerName": {"conv": {"Precision": {"result": "auto"}}}}


def keras_graph(folder, strategy="latency", reuse_factor=1, io_type="io_stream", backend="Vitis", config=keras_config):
    import keras

    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.layers.Input((6, 6, 2)),
            keras.layers.Conv2D(4, 3, padding="same", name="conv"),
            keras.layers.BatchNormalization(gamma_initializer=keras.initializers.Constant(0.3), name="norm"),
            keras.layers.ReLU(),
            keras.layers.Conv2D(8, 1, name="pointwise"),
            keras.layers.Flatten(),
            keras.layers.Dense(8, activation="relu", name="fc"),
            keras.layers.Dense(4, name="out"),
        ]
    )
    return quietly(
        hls4ml.converters.convert_from_keras_model,
        model,
        output_dir=str(folder),
        hls_config=config(strategy, reuse_factor),
        backend=backend,
        io_type=io_type,
    )


def torch_graph(folder, strategy="latency", reuse_factor=1, io_type="io_stream", backend="Vitis"):
    torch = pytest.importorskip("torch")
    torch.manual_seed(4)
    model = torch.nn.Sequential(
        torch.nn.Conv1d(4, 8, 3),
        torch.nn.ReLU(),
        torch.nn.Conv1d(8, 4, 1),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(24, 6),
    ).eval()
    config = quietly(
        hls4ml.utils.config_from_pytorch_model, model, (4, 8), channels_last_conversion="internal", backend=backend
    )
    config["Model"] |= hls_settings(strategy, reuse_factor)["Model"]
    return quietly(
        hls4ml.converters.convert_from_pytorch_model,
        model,
        output_dir=str(folder),
        hls_config=config,
        backend=backend,
        io_type=io_type,
    )


def onnx_graph(folder, strategy="latency", reuse_factor=1, io_type="io_stream", backend="Vitis"):
    pytest.importorskip("qonnx")
    from onnx import TensorProto, helper, numpy_helper
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.util.cleanup import cleanup_model

    rng = np.random.default_rng(5)
    shapes = {"w1": (16, 12), "w2": (12, 5)}
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"], name="relu"),
        # QONNX: scale, zero point and width of the weights' quantiser.
        helper.make_node(
            "Quant",
            ["w2", "scale", "zero", "width"],
            ["q2"],
            domain="qonnx.custom_op.general",
            signed=1,
            narrow=1,
            rounding_mode="ROUND",
        ),
        helper.make_node("MatMul", ["b", "q2"], ["y"], name="second"),
    ]
    constants = {name: rng.normal(size=shape).astype("f") for name, shape in shapes.items()}
    constants |= {"scale": np.float32(0.25), "zero": np.float32(0), "width": np.float32(5)}
    onnx_model = helper.make_model(
        helper.make_graph(
            nodes,
            "net",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 16))],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 5))],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
        )
    )
    model = quietly(cleanup_model, ModelWrapper(onnx_model))
    config = quietly(hls4ml.utils.config_from_onnx_model, model, granularity="model", backend=backend)
    config["Model"] |= hls_settings(strategy, reuse_factor)["Model"]
    return quietly(
        hls4ml.converters.convert_from_onnx_model,
        model,
        output_dir=str(folder),
        hls_config=config,
        backend=backend,
        io_type=io_type,
    )


def hgq_graph(folder, strategy="latency", reuse_factor=1, io_type="io_parallel", backend="Vitis"):
    pytest.importorskip("hgq")
    import keras
    from hgq.config import QuantizerConfigScope
    from hgq.layers import QConv2D, QDense
    from hgq.utils import trace_minmax

    keras.utils.set_random_seed(6)
    with (
        QuantizerConfigScope(place="weight", b0=12, overflow_mode="SAT_SYM"),
        QuantizerConfigScope(place="datalane", f0=9, overflow_mode="WRAP"),
    ):
        model = keras.Sequential(
            [
                keras.layers.Input((6, 6, 2)),
                QConv2D(4, 3, activation="relu", name="conv"),
                keras.layers.Flatten(),
                QDense(8, activation="relu", name="fc"),
                QDense(4, name="out"),
            ]
        )
    quietly(trace_minmax, model, np.random.default_rng(0).normal(size=(50, 6, 6, 2)))
    return quietly(
        hls4ml.converters.convert_from_keras_model,
        model,
        output_dir=str(folder),
        hls_config=hls_settings(strategy, reuse_factor),
        backend=backend,
        io_type=io_type,
    )


def rich_graph(folder, strategy, reuse_factor):
    """Kernels of other kinds: depthwise and recurrent."""
    import keras

    keras.utils.set_random_seed(7)
    model = keras.Sequential(
        [
            keras.layers.Input((8, 8, 2)),
            keras.layers.DepthwiseConv2D(3, name="depthwise"),
            keras.layers.Conv2D(4, 3, name="conv"),
            keras.layers.Reshape((4, 16)),
            keras.layers.GRU(8, return_sequences=True, name="gru"),
            keras.layers.LSTM(8, name="lstm"),
            keras.layers.Dense(4, name="out"),
        ]
    )
    return quietly(
        hls4ml.converters.convert_from_keras_model,
        model,
        output_dir=str(folder),
        hls_config=hls_settings(strategy, reuse_factor),
        backend="Vitis",
        io_type="io_stream",
    )


FRONT_ENDS = {"keras": keras_graph, "torch": torch_graph, "onnx": onnx_graph, "hgq": hgq_graph}
# HGQ2's types need io_parallel, in which no strategy but latency saves products of a convolution.
BUDGETS = {name: {"dsp": 0.5} for name in FRONT_ENDS} | {"hgq": {"fc": {"dsp": 0.5}}}


@pytest.mark.parametrize(("strategy", "reuse_factor"), STRATEGIES)
@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_a_graph_is_estimated_as_it_is_counted(front_end, strategy, reuse_factor, tmp_path):
    graph = FRONT_ENDS[front_end](tmp_path / "own", strategy, reuse_factor)
    check = quietly(kp.verify, graph)
    assert check.predicted == check.counted == kp.estimate(graph).total
    assert check.counted["dsp"] > 0
    assert not (tmp_path / "own").exists()  # the graph's own folder is not written to


@pytest.mark.parametrize(("strategy", "reuse_factor"), STRATEGIES[0::3])
@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_a_selection_applied_to_a_graph_is_what_its_project_multiplies(front_end, strategy, reuse_factor, tmp_path):
    graph = FRONT_ENDS[front_end](tmp_path, strategy, reuse_factor)
    before = graph_kernels(graph)
    selection = kp.select(graph, budget=BUDGETS[front_end])
    masked = selection.apply(graph)
    check = quietly(kp.verify, masked)
    assert check.predicted == check.counted == selection.resources.total
    assert all(cap.use(selection.resources) <= cap.limit < cap.use(selection.before) for cap in selection.budget)
    for name, kernel in graph_kernels(masked).items():
        np.testing.assert_array_equal(kernel, before[name] * selection.masks.get(name, True))
    for name, kernel in graph_kernels(graph).items():
        np.testing.assert_array_equal(kernel, before[name])
    assert kp.estimate(graph).total == selection.before.total


@pytest.mark.parametrize(("strategy", "reuse_factor"), [("latency", 1), ("resource", 8), ("resource_unrolled", 8)])
def test_kernels_of_other_kinds_are_masked_in_a_graph(strategy, reuse_factor, tmp_path):
    graph = rich_graph(tmp_path, strategy, reuse_factor)
    kernels = graph_kernels(graph)
    names = ["depthwise", "conv", "gru", "lstm", "out"]
    assert set(kernels) == {*names, "gru/recurrent", "lstm/recurrent"}
    assert kernels["depthwise"].shape == (3, 3, 2, 1)
    assert kernels["gru/recurrent"].shape == (8, 24)
    rng = np.random.default_rng(8)
    masks = {name: rng.random(kernel.shape) < 0.5 for name, kernel in kernels.items()}
    masked = Hls4mlAdapter().apply(graph, masks)
    for name, kernel in graph_kernels(masked).items():
        np.testing.assert_array_equal(kernel, kernels[name] * masks[name])
    check = quietly(kp.verify, masked)
    assert check.predicted == check.counted
    assert quietly(kp.verify, graph).counted == kp.estimate(graph).total


def test_both_io_types_and_backends_count_the_same_products(tmp_path):
    uses = {
        (io_type, backend): quietly(kp.verify, keras_graph(tmp_path, "latency", 1, io_type, backend)).counted
        for io_type in ("io_parallel", "io_stream")
        for backend in ("Vitis", "Vivado")
    }
    assert uses["io_parallel", "Vitis"] == uses["io_stream", "Vitis"]
    assert uses["io_parallel", "Vivado"] == uses["io_stream", "Vivado"]
    # Vivado HLS leaves the constants 11 and 13 to logic.
    assert 0 < uses["io_stream", "Vitis"]["dsp"] - uses["io_stream", "Vivado"]["dsp"] < 40


def test_a_graph_masked_twice_keeps_both_masks(tmp_path):
    graph = keras_graph(tmp_path, "resource_unrolled", 4)
    once = kp.select(graph, budget={"dsp": 0.6}).apply(graph)
    again = kp.select(once, budget={"dsp": 0.5}).apply(once)
    kernels = graph_kernels(once)
    for name, kernel in graph_kernels(again).items():
        assert not kernel[kernels[name] == 0].any()
    assert quietly(kp.verify, again).counted["dsp"] <= 0.5 * 0.6 * kp.estimate(graph)["dsp"] + 1


def test_a_normalisation_that_stays_is_counted_and_none_of_its_products_is_masked(tmp_path):
    graph = keras_graph(tmp_path, config=hls_settings)
    check = quietly(kp.verify, graph)
    assert check.by_layer["norm"].counted["dsp"] == 4
    assert "norm" not in quietly(kp.select, graph, budget={"dsp": 0.5}).masks
    assert check.uncounted == ()


@pytest.mark.needs("da4ml")
def test_adder_graphs_are_listed_as_layers_without_a_kernel(tmp_path):
    graph = hgq_graph(tmp_path, "distributed_arithmetic", 1)
    check = quietly(kp.verify, graph)
    assert set(check.by_layer) == {"conv", "fc", "out"}
    assert check.counted == {"dsp": 0, "bram18": 0, "bram": 0}
    with pytest.raises(ValueError, match="the graph has no layer 'fc' to mask"):
        Hls4mlAdapter().apply(graph, {"fc": np.ones((64, 8), dtype=bool)})


@pytest.mark.slow
@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_a_masked_graph_compiles_to_what_its_masks_say(front_end, tmp_path):
    """All weights of the last layer are masked but those of its first output: the others do not see the input."""
    graph = FRONT_ENDS[front_end](tmp_path, "resource_unrolled", 4)
    name, kernel = list(graph_kernels(graph).items())[-1]
    masked = Hls4mlAdapter().apply(graph, {name: np.broadcast_to(np.arange(kernel.shape[-1]) == 0, kernel.shape)})
    inputs = np.random.default_rng(1).normal(size=(20, *graph.get_input_variables()[0].shape))
    seen = []
    check = quietly(kp.verify, masked, data=(inputs, np.zeros(20)), metric=lambda _, outputs: seen.append(outputs) or 0)
    assert (check.compiled, check.accuracy, check.model_accuracy) == (True, 0, None)
    spread = np.ptp(seen[0], axis=0)
    assert spread[0] > 0
    assert not spread[1:].any()


def test_hls_config_of_a_graph_is_optional_and_may_be_its_own(tmp_path):
    graph = keras_graph(tmp_path, "resource_unrolled", 4)
    own = keras_config("resource_unrolled", 4)
    assert kp.estimate(graph, own, io_type="io_stream").total == kp.estimate(graph).total
    selection = kp.select(graph, budget={"dsp": 0.5})
    assert kp.estimate(selection.apply(graph), selection.hls_config).total == selection.resources.total


@pytest.mark.parametrize(
    ("given", "overrides", "message"),
    [
        ({"Model": {"ReuseFactor": 8}}, {}, "ReuseFactor of layer 'conv' is 8, but the graph is converted with 4"),
        ({"LayerName": {"out": {"Strategy": "Latency"}}}, {}, "Strategy of layer 'out' is 'latency'"),
        ({"Model": {"Precision": "fixed<8,2>"}}, {}, "weight precision of layer 'conv' is 'fixed<8,2>'"),
        ({"LayerType": {"Conv2D": {"ParallelizationFactor": 2}}}, {}, "ParallelizationFactor of layer 'conv' is 2"),
        (None, {"backend": "Vivado"}, "Backend is 'Vivado', but the model is converted for 'Vitis'"),
        ({"IOType": "io_parallel"}, {}, "IOType is 'io_parallel', but the model is converted for 'io_stream'"),
    ],
)
def test_an_hls_config_that_contradicts_the_graph_is_refused(given, overrides, message, tmp_path):
    graph = keras_graph(tmp_path, "resource_unrolled", 4)
    with pytest.raises(kp.HlsConfigError, match=message):
        kp.estimate(graph, given, **overrides)


def test_an_hls_config_stays_required_for_other_models():
    import keras

    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(kp.HlsConfigError, match="there is none, and a Sequential carries none of its own"):
        kp.estimate(model)


def test_a_graph_is_not_trained_and_the_message_says_what_to_do(tmp_path):
    graph = keras_graph(tmp_path)
    data = (np.zeros((2, 6, 6, 2)), np.zeros(2))
    message = "cannot be trained; give the model that it was made from, or mask it as it is with knapprune.select"
    with pytest.raises(TypeError, match=message):
        kp.prune(graph, train=data, validation=data, budget={"dsp": 0.5})
    with pytest.raises(TypeError, match=message):
        kp.select(graph, budget={"dsp": 0.5}, saliency="taylor", data=data)
    with pytest.raises(ValueError, match="choose: a ModelGraph is configured already"):
        kp.select(graph, budget={"dsp": 0.5}, choose={"bits": [8, 16]})


def test_masks_of_no_layer_or_another_shape_are_refused(tmp_path):
    graph = keras_graph(tmp_path)
    with pytest.raises(ValueError, match=r"the graph has no layer 'fc9' to mask, expected some of .*'conv'"):
        Hls4mlAdapter().apply(graph, {"fc9": np.ones((2, 2), dtype=bool)})
    with pytest.raises(ValueError, match=r"that of layer 'out' is bool of shape \(4, 8\), expected bool of shape"):
        Hls4mlAdapter().apply(graph, {"out": np.ones((4, 8), dtype=bool)})


def test_a_reuse_factor_that_hls4ml_does_not_correct_is_refused(tmp_path):
    graph = keras_graph(tmp_path, "resource_unrolled", 4)
    graph.graph["out"].set_attr("reuse_factor", 3)  # as in a pointwise convolution that is set by layer name
    with pytest.raises(kp.HlsConfigError, match="layer 'out' has reuse factor 3, for which hls4ml writes wrong code"):
        kp.estimate(graph)
