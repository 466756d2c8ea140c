"""Models as each front end of hls4ml makes them: Keras, a Keras model as a ModelGraph, PyTorch, ONNX, HGQ2."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np

from bench.networks.generated_models import keras_networks
from bench.networks.generated_models.cases import Case

Config = dict[str, Any]


def build(case: Case, rng: np.random.Generator) -> tuple[Any, Config | None]:
    """Build the model and its configuration; a ModelGraph carries its own, so there is none beside it."""
    return _FRONT_ENDS[case.front_end](case, rng)


def _keras(case: Case, rng: np.random.Generator) -> tuple[Any, Config]:
    return keras_networks.build(case.network, rng), case.config


def _graph(case: Case, rng: np.random.Generator) -> tuple[Any, None]:
    return _convert("convert_from_keras_model", keras_networks.build(case.network, rng), case), None


def _torch(case: Case, rng: np.random.Generator) -> tuple[Any, Config]:
    from torch import manual_seed, nn

    manual_seed(case.seed)
    wide, units = (int(rng.choice((4, 6, 8, 12))) for _ in range(2))
    if case.network == "mlp":
        shape: tuple[int, ...] = (wide,)
        modules = [nn.Linear(wide, units), nn.ReLU(), nn.Linear(units, 4, bias=bool(rng.random() < 0.5))]
    elif case.network == "conv1d":
        channels, shape = int(rng.choice((2, 3, 4))), (0,)
        shape = (channels, 10)
        modules = [nn.Conv1d(channels, units, 3), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(4 * units, 3)]
    else:
        channels = int(rng.choice((1, 2, 3)))
        shape = (channels, 6, 6)
        modules = [nn.Conv2d(channels, units, 3), nn.ReLU(), nn.Conv2d(units, 4, 1), nn.Flatten(), nn.Linear(64, 3)]
    return nn.Sequential(*modules), {**case.config, "InputShape": (None, *shape)}


def _onnx(case: Case, rng: np.random.Generator) -> tuple[Any, None]:
    from onnx import TensorProto, helper, numpy_helper
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.util.cleanup import cleanup_model

    wide, units, out = (int(rng.choice((3, 4, 6, 8))) for _ in range(3))
    hidden = 2 if case.network == "residual" else 1
    nodes, constants = [], []

    def dense(name: str, source: str, n_in: int, n_out: int, relu: bool) -> str:
        weights = rng.uniform(0.25, 1, (n_in, n_out)).astype(np.float32)
        constants.append(numpy_helper.from_array(weights, f"{name}_w"))
        constants.append(numpy_helper.from_array(rng.uniform(-1, 1, n_out).astype(np.float32), f"{name}_b"))
        nodes.append(helper.make_node("MatMul", [source, f"{name}_w"], [f"{name}_m"], name=name))
        nodes.append(helper.make_node("Add", [f"{name}_m", f"{name}_b"], [f"{name}_s"], name=f"{name}_add"))
        if relu:
            nodes.append(helper.make_node("Relu", [f"{name}_s"], [f"{name}_r"], name=f"{name}_relu"))
        return f"{name}_{'r' if relu else 's'}"

    last = dense("fc0", "x", wide, units, relu=True)
    if hidden == 2:
        nodes.append(helper.make_node("Add", [last, dense("fc1", last, units, units, relu=True)], ["sum"], name="sum"))
        last = "sum"
    last = dense("out", last, units, out, relu=False)
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size]) for name, size in (("x", wide), (last, out))
    ]
    graph = helper.make_graph(nodes, case.network, ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    return _convert("convert_from_onnx_model", cleanup_model(ModelWrapper(model)), case), None


def _hgq2(case: Case, rng: np.random.Generator) -> tuple[Any, None]:
    import keras
    from hgq.config import QuantizerConfigScope
    from hgq.layers import QConv2D, QDense

    keras.utils.set_random_seed(case.seed)
    units = int(rng.choice((4, 6, 8)))
    with QuantizerConfigScope(place="all", default_q_type="kbi", overflow_mode="SAT_SYM"):
        if case.network == "mlp":
            shape: tuple[int, ...] = (int(rng.choice((4, 8))),)
            layers = [QDense(units, activation="relu", name="fc"), QDense(3, name="out")]
        else:
            shape = (6, 6, int(rng.choice((1, 2))))
            layers = [QConv2D(units, 3, activation="relu", name="conv"), keras.layers.Flatten(), QDense(3, name="out")]
        model = keras.Sequential([keras.Input(shape), *layers])
    model(rng.normal(size=(8, *shape)).astype(np.float32))
    return _convert("convert_from_keras_model", model, case), None


def _convert(converter: str, model: Any, case: Case) -> Any:
    import hls4ml

    settings = {key: case.config[key] for key in ("Model",)}
    with redirect_stdout(StringIO()), tempfile.TemporaryDirectory(prefix="knapprune-") as folder:
        return getattr(hls4ml.converters, converter)(
            model,
            output_dir=folder,
            hls_config=settings,
            backend=case.backend,
            io_type=case.io_type,
            part=case.part,
        )


_FRONT_ENDS: dict[str, Callable[[Case, np.random.Generator], tuple[Any, Config | None]]] = {
    "keras": _keras,
    "keras-graph": _graph,
    "torch": _torch,
    "onnx": _onnx,
    "hgq2": _hgq2,
}
