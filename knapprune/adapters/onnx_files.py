"""Read ONNX and QONNX files as hls4ml takes them: cleaned up, without Gemm, channels last."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from knapprune.tools import require

# Operators that hls4ml takes in channels-last order only, as qonnx rewrites them.
_SPATIAL = frozenset({"Conv", "MaxPool", "AveragePool", "GlobalAveragePool"})
# What every onnxruntime of these years runs; onnx itself may be ahead of it.
_IR_VERSION = 10


def check_onnx(path: Path) -> None:
    """Refuse a file that is no ONNX model, or not all of one, before anything is made of it."""
    expected = "expected a whole file, as onnx.save writes models"
    if not path.stat().st_size:
        raise ValueError(f"path: {path.name}: the file is empty, {expected}")
    onnx = require("onnx", extra="onnx")
    require("qonnx", extra="onnx")  # which prepares what is read here
    try:
        model = onnx.load(os.fspath(path), load_external_data=False)
    except OSError:
        raise
    except Exception as error:  # protobuf's own, which is not to be imported for its name alone
        raise ValueError(f"path: {path.name}: the file is no ONNX model, or a damaged one; {expected}") from error
    if not model.graph.node or not model.graph.output:
        raise ValueError(f"path: {path.name}: the file describes no network: its graph has no nodes; {expected}")


def load_onnx_model(path: str | os.PathLike[str]) -> Any:
    """Read an ONNX file and prepare it for hls4ml."""
    return prepared(os.fspath(path))


def prepared(model: Any) -> Any:
    """Prepare an ONNX model, or the file that holds it, for hls4ml."""
    require("qonnx.core.modelwrapper", extra="onnx")
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
    from qonnx.transformation.gemm_to_matmul import GemmToMatMul
    from qonnx.util.cleanup import cleanup_model

    with _ir_version():
        wrapped = cleanup_model(ModelWrapper(model))
        if any(node.op_type == "Gemm" for node in wrapped.graph.node):
            wrapped = cleanup_model(wrapped.transform(GemmToMatMul()))
        # Nodes that are channels last already are of a domain of qonnx's own.
        if any(node.op_type in _SPATIAL and not node.domain for node in wrapped.graph.node):
            wrapped = cleanup_model(wrapped.transform(ConvertToChannelsLastAndClean()))
    return wrapped


@contextmanager
def _ir_version() -> Iterator[None]:
    """Have onnx write models that onnxruntime reads: qonnx folds constants by running small models that it makes."""
    import onnx

    newest: Any = onnx.IR_VERSION
    onnx.IR_VERSION = min(newest, _IR_VERSION)  # type: ignore[assignment, unused-ignore]
    try:
        yield
    finally:
        onnx.IR_VERSION = newest
