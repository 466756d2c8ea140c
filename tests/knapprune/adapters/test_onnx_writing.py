"""A pruned ONNX file is the file it was made of, with zeros where the masks have them and nowhere else."""

import numpy as np
import pytest

import knapprune as kp
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("hls4ml", "qonnx", "onnxruntime")

CONFIG = hls_settings("latency", 1) | {"IOType": "io_stream"}
SQUARE, LINE = ({"strides": [1] * size, "dilations": [1] * size} for size in (2, 1))
WIDTHS = {"scale": np.float32(0.25), "zero": np.float32(0), "bits": np.float32(5)}


def quant(weights, name):
    """QONNX: scale, zero point and width of the weights' quantiser."""
    more = {"domain": "qonnx.custom_op.general", "signed": 1, "narrow": 1, "rounding_mode": "ROUND"}
    return ("Quant", [weights, "scale", "zero", "bits"], [name], more)


def random(*shape):
    return np.random.default_rng(7).normal(size=shape).astype("f")


# Each network: its nodes, its constants, the shapes of input and output, and by layer of the graph the tensor of its
# weights and how the tensor's axes are brought to the kernel's.
NETWORKS = {
    "matmul": (
        [("MatMul", ["x", "w"], ["y"], {})],
        {"w": random(8, 4)},
        ((1, 8), (1, 4)),
        {"Dense_MatMul_0": ("w", lambda w: w)},
    ),
    "gemm": (
        [
            ("Gemm", ["x", "w", "b"], ["h"], {"transB": 1}),
            ("Relu", ["h"], ["r"], {}),
            ("MatMul", ["r", "v"], ["y"], {}),
        ],
        {"w": random(6, 8), "b": np.ones(6, "f"), "v": random(6, 4)},
        ((1, 8), (1, 4)),
        {"Dense_MatMul_0": ("w", lambda w: w.T), "Dense_MatMul_1": ("v", lambda v: v)},
    ),
    "transposed": (
        [("Transpose", ["w"], ["t"], {"perm": [1, 0]}), ("MatMul", ["x", "t"], ["y"], {})],
        {"w": random(4, 8)},
        ((1, 8), (1, 4)),
        {"Dense_MatMul_0": ("w", lambda w: w.T)},
    ),
    "quantised": (
        [
            ("Transpose", ["w"], ["t"], {"perm": [1, 0]}),
            quant("t", "q"),
            ("MatMul", ["x", "q"], ["h"], {}),
            ("Relu", ["h"], ["r"], {}),
            quant("v", "p"),
            ("MatMul", ["r", "p"], ["y"], {}),
        ],
        {"w": random(6, 8), "v": random(6, 4), **WIDTHS},
        ((1, 8), (1, 4)),
        {"Dense_MatMul_0": ("w", lambda w: w.T), "Dense_MatMul_1": ("v", lambda v: v)},
    ),
    "convolution": (
        [
            ("Conv", ["x", "w", "b"], ["h"], {"kernel_shape": [3, 3], "pads": [1] * 4, "group": 1, **SQUARE}),
            ("Relu", ["h"], ["r"], {}),
            quant("v", "q"),
            ("Conv", ["r", "q"], ["y"], {"kernel_shape": [1, 1], "pads": [0] * 4, "group": 1, **SQUARE}),
        ],
        {"w": random(4, 2, 3, 3), "b": np.ones(4, "f"), "v": random(5, 4, 1, 1), **WIDTHS},
        ((1, 2, 6, 6), (1, 5, 6, 6)),
        {
            "Conv2D_Conv_0": ("w", lambda w: w.transpose(2, 3, 1, 0)),
            "Conv2D_Conv_1": ("v", lambda v: v.transpose(2, 3, 1, 0)),
        },
    ),
    "depthwise": (
        [("Conv", ["x", "w"], ["y"], {"kernel_shape": [3], "pads": [1, 1], "group": 4, **LINE})],
        {"w": random(4, 1, 3)},
        ((1, 4, 6), (1, 4, 6)),
        {"DepthwiseConv1D_Conv_0": ("w", lambda w: w.transpose(2, 0, 1))},
    ),
}


def onnx_model(name, masks=None, floats=False):
    """Make one of the networks; its weights masked by what is known of its axes here."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, (inputs, outputs), layers = NETWORKS[name]
    values = {key: np.array(value) for key, value in constants.items()}
    for layer, mask in (masks or {}).items():
        tensor, turn = layers[layer]
        turn(values[tensor])[~mask] = 0  # a view
    tensors = [numpy_helper.from_array(value, key) for key, value in values.items()]
    if floats:
        tensors = [helper.make_tensor(key, TensorProto.FLOAT, v.shape, v.ravel()) for key, v in values.items()]
    graph = helper.make_graph(
        [helper.make_node(kind, takes, gives, **more) for kind, takes, gives, more in nodes],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, inputs)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, outputs)],
        tensors,
        doc_string="a network",
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("qonnx.custom_op.general", 1)]
    model = helper.make_model(graph, ir_version=8, opset_imports=opsets, producer_name="a test")
    helper.set_model_props(model, {"trained": "long"})
    return model


def saved(model, path):
    path.write_bytes(model.SerializeToString())
    return path


def drawn_masks(graph, seed=1):
    from knapprune.adapters.hls4ml.nodes import graph_kernels

    rng = np.random.default_rng(seed)
    return {name: rng.random(own.shape) < 0.6 for name, own in graph_kernels(graph).items() if own.size}


@pytest.mark.parametrize("floats", [False, True], ids=["bytes", "floats"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_byte_is_that_of_the_network_with_masked_weights(name, floats, tmp_path):
    source = saved(onnx_model(name, floats=floats), tmp_path / "net.onnx")
    graph = kp.load(source, hls_config=CONFIG)
    masks = drawn_masks(graph)
    assert set(masks) == set(NETWORKS[name][3])
    written = kp.write_onnx(str(tmp_path / "pruned.onnx"), source, graph, masks)
    assert written == tmp_path / "pruned.onnx"
    expected = onnx_model(name, masks, floats)
    assert (tmp_path / "pruned.onnx").read_bytes() == expected.SerializeToString()
    assert source.read_bytes() == onnx_model(name, floats=floats).SerializeToString()


# Qonnx says so of every Gemm of an opset above 9; what it makes of them is compared here.
@pytest.mark.filterwarnings("ignore:The GemmToMatMul transformation only offers explicit support")
@pytest.mark.parametrize("name", NETWORKS)
def test_what_runs_it_gives_the_outputs_of_the_masked_graph(name, tmp_path, monkeypatch):
    import onnx
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    from knapprune.adapters.hls4ml.nodes import graph_kernels
    from knapprune.adapters.onnx_files import load_onnx_model

    source = saved(onnx_model(name), tmp_path / "net.onnx")
    graph = kp.load(source, hls_config=CONFIG)
    masks = drawn_masks(graph)
    kp.write_onnx(tmp_path / "pruned.onnx", source, graph, masks)
    again = kp.load(tmp_path / "pruned.onnx", hls_config=CONFIG)
    for layer, mask in masks.items():
        expected = np.where(mask, graph_kernels(graph)[layer], 0)
        np.testing.assert_array_equal(graph_kernels(again)[layer], expected)
    data = np.random.default_rng(2).normal(size=NETWORKS[name][2][0]).astype("f")
    # Onnxruntime through qonnx, which knows the nodes of QONNX; once as it is, once as hls4ml takes it.
    monkeypatch.setattr(onnx, "IR_VERSION", 10)
    whole = ModelWrapper(str(tmp_path / "pruned.onnx")).transform(InferShapes())
    outputs = execute_onnx(whole, {"x": data})["y"]
    wrapped = load_onnx_model(tmp_path / "pruned.onnx")
    (entry,), (way_out,) = wrapped.graph.input, wrapped.graph.output
    (taken,) = execute_onnx(wrapped, {entry.name: _shaped(data, wrapped, entry)}).values()
    np.testing.assert_allclose(_shaped(taken, wrapped, way_out).ravel(), _turned(outputs, taken).ravel(), atol=1e-5)
    assert np.ptp(outputs) > 0.1


def _shaped(data, wrapped, value):
    """Channels to the last axis, where the prepared model has them there."""
    shape = tuple(wrapped.get_tensor_shape(value.name))
    return data if data.shape == shape else np.moveaxis(data, 1, -1)


def _turned(outputs, like):
    return outputs if outputs.shape == like.shape else np.moveaxis(outputs, 1, -1)


def test_the_file_of_a_selection_counts_what_was_predicted(tmp_path):
    source = saved(onnx_model("gemm"), tmp_path / "net.onnx")
    graph = kp.load(source, hls_config=CONFIG)
    selection = kp.select(graph, budget={"dsp": 0.4}, structure="unstructured")
    kp.write_onnx(tmp_path / "pruned.onnx", source, graph, selection.masks)
    again = kp.load(tmp_path / "pruned.onnx", hls_config=CONFIG)
    assert kp.verify(again).counted == selection.resources.total
    assert selection.resources.total["dsp"] < 0.5 * selection.before.total["dsp"]


def test_a_constant_node_can_hold_the_weights(tmp_path):
    from onnx import helper

    def model(masks=None):
        made = onnx_model("matmul", masks)
        made.graph.node.insert(0, helper.make_node("Constant", [], ["w"], value=made.graph.initializer[0]))
        del made.graph.initializer[0]
        return made

    source = saved(model(), tmp_path / "net.onnx")
    graph = kp.load(source, hls_config=CONFIG)
    masks = drawn_masks(graph)
    kp.write_onnx(tmp_path / "pruned.onnx", source, graph, masks)
    assert (tmp_path / "pruned.onnx").read_bytes() == model(masks).SerializeToString()


def refused(model, tmp_path, message):
    """Say that the file is not written, and why."""
    source = saved(model, tmp_path / "net.onnx")
    graph = kp.load(source, hls_config=CONFIG)
    with pytest.raises(ValueError, match=message):
        kp.write_onnx(tmp_path / "pruned.onnx", source, graph, drawn_masks(graph))
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]
    return source, graph


def test_weights_that_two_layers_read_are_refused_where_they_are_masked(tmp_path):
    from onnx import TensorProto, helper, numpy_helper

    nodes = [("MatMul", ["x", "w"], ["h"]), ("Relu", ["h"], ["r"]), ("MatMul", ["r", "w"], ["s"])]
    nodes.append(("MatMul", ["s", "v"], ["y"]))
    graph = helper.make_graph(
        [helper.make_node(*node) for node in nodes],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 6))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4))],
        [numpy_helper.from_array(random(6, 6), "w"), numpy_helper.from_array(random(6, 4), "v")],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)])
    source, graph = refused(model, tmp_path, r"layer 'Dense_MatMul_0' are 'w' of net\.onnx, which something else reads")
    masks = {"Dense_MatMul_2": drawn_masks(graph)["Dense_MatMul_2"]}
    kp.write_onnx(tmp_path / "pruned.onnx", source, graph, masks)
    assert kp.load(tmp_path / "pruned.onnx", hls_config=CONFIG) is not None


def test_weights_that_are_computed_are_refused(tmp_path):
    from onnx import helper

    model = onnx_model("matmul")
    model.graph.node[0].input[1] = "twice"
    model.graph.node.insert(0, helper.make_node("Add", ["w", "w"], ["twice"]))
    refused(model, tmp_path, r"in net\.onnx no tensor has just the weights of layer 'Dense_MatMul_0'")


def test_tensors_in_other_files_are_refused(tmp_path):
    import onnx

    (tmp_path / "kept").mkdir()
    source = tmp_path / "kept" / "net.onnx"
    onnx.save(onnx_model("matmul"), source, save_as_external_data=True, location="w.bin", size_threshold=0)
    graph = kp.load(source, hls_config=CONFIG)
    with pytest.raises(ValueError, match=r"net\.onnx keeps tensor 'w' in a file beside it, expected all in one"):
        kp.write_onnx(tmp_path / "pruned.onnx", source, graph, drawn_masks(graph))


def test_the_file_of_another_graph_is_refused(tmp_path):
    graph = kp.load(saved(onnx_model("matmul"), tmp_path / "net.onnx"), hls_config=CONFIG)
    other = onnx_model("matmul")
    other.graph.initializer[0].raw_data = (2 * random(8, 4)).tobytes()
    source = saved(other, tmp_path / "other.onnx")
    with pytest.raises(ValueError, match=r"zeros in other\.onnx do not make of layer 'Dense_MatMul_0' what its mask"):
        kp.write_onnx(tmp_path / "pruned.onnx", source, graph, drawn_masks(graph))
    with pytest.raises(TypeError, match="graph: got a dict, expected the hls4ml graph of the file"):
        kp.write_onnx(tmp_path / "pruned.onnx", source, {}, {})
    with pytest.raises(ValueError, match="masks: the graph has no layer 'fc' to mask"):
        kp.write_onnx(tmp_path / "pruned.onnx", source, graph, {"fc": np.ones((8, 4), bool)})
    assert not (tmp_path / "pruned.onnx").exists()


FILES = [
    "conv1d_small_keras",
    "conv2d_small_keras",
    "conv2d_small_mp_keras",
    "dense_big_keras",
    "three_layer_keras",
    "three_layer_pytorch",
    "two_layer_keras",
    "two_layer_pytorch",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_published_files_lose_what_their_masks_leave_out_and_nothing_else(name, data_folder, tmp_path):
    import onnx
    from onnx import numpy_helper

    source = data_folder / "models" / "onnx" / f"{name}.onnx"
    graph = kp.load(source, hls_config=CONFIG)
    masks = drawn_masks(graph)
    kp.write_onnx(tmp_path / "pruned.onnx", source, graph, masks)
    was, now = onnx.load(source), onnx.load(tmp_path / "pruned.onnx")
    zeroed = 0
    for own, pruned in zip(was.graph.initializer, now.graph.initializer, strict=True):
        before, after = numpy_helper.to_array(own), numpy_helper.to_array(pruned)
        changed = before != after
        zeroed += int(changed.sum())
        assert not after[changed].any()
        pruned.CopyFrom(own)
    assert was.SerializeToString() == now.SerializeToString()
    # A weight that was zero, or that is masked in a layer of which some were, changes nothing.
    assert 0.9 * sum((~mask).sum() for mask in masks.values()) < zeroed <= sum((~mask).sum() for mask in masks.values())
