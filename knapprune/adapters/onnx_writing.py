"""Write an ONNX file anew with the weights that were pruned as zeros, and nothing else changed."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.hls4ml.adapter import Hls4mlAdapter
from knapprune.adapters.mask_check import check_masks
from knapprune.adapters.model_files import load
from knapprune.tools import quiet, require
from knapprune.writing import through

# hls4ml puts what a node has become in front of its name.
_NAME = re.compile(r"(?:Dense|Conv1D|Conv2D|DepthwiseConv1D|DepthwiseConv2D)_(?P<node>.+)")


def write_onnx(
    path: str | os.PathLike[str],
    source: str | os.PathLike[str],
    graph: Any,
    masks: Mapping[str, npt.NDArray[np.bool_]],
) -> Path:
    """Write an ONNX or QONNX file anew with masked weights as zeros; nodes, names and all other numbers stay.

    Where a weight stands in the file is found by preparing the file once more with numbers in place of weights. What is
    written is read again before it is put in its place, and has to be the masked graph.

    Parameters
    ----------
    path
        Where to write; replaced if it exists.
    source
        The file that the graph was read from. It is not changed.
    graph
        What `knapprune.load` made of it.
    masks
        True for a weight to keep, by layer name, as in ``masks`` of what `knapprune.select` returns from the graph.

    Returns
    -------
    Path
        Where it was written.

    Raises
    ------
    TypeError
        If the graph is no hls4ml graph.
    ValueError
        If a mask fits no layer, or it cannot be said which numbers of the file a layer's weights are: something else
        reads them too, they are computed from others, or the file keeps tensors outside of it. Then nothing is written.
    MissingToolError
        If qonnx is not installed.
    """
    if not Hls4mlAdapter().matches(graph):
        raise TypeError(f"graph: got a {type(graph).__qualname__}, expected the hls4ml graph of the file")
    from knapprune.adapters.hls4ml.masking import masked_graph
    from knapprune.adapters.hls4ml.nodes import graph_config, graph_kernels, kernels_of

    onnx = require("onnx", extra="onnx")
    shapes = {name: kernel.read().shape for name, kernel in kernels_of(graph).items() if not kernel.binary}
    fitting = {name: mask for name, mask in check_masks(masks, shapes, "the graph").items() if not mask.all()}
    file = Path(source)
    model = onnx.load(os.fspath(file), load_external_data=False)
    _refuse_external(model, file)
    _mask(model, file, fitting)
    expected, config = graph_kernels(masked_graph(graph, fitting)), graph_config(graph)

    def write(temporary: Path) -> None:
        # One read as ONNX by its name, whatever the name asked for is.
        written = temporary.with_suffix(".onnx")
        written.write_bytes(model.SerializeToString())
        _compare(graph_kernels(load(written, hls_config=config)), expected, file)
        written.replace(temporary)

    through(path, write)
    return Path(path)


def _refuse_external(model: Any, file: Path) -> None:
    from onnx.external_data_helper import uses_external_data

    from knapprune.adapters.onnx_weights import constants

    for name, tensor in constants(model).items():
        if uses_external_data(tensor):
            raise ValueError(
                f"source: {file.name} keeps tensor {name!r} in a file beside it, expected all in one; "
                "onnx.save(onnx.load(source), path) writes one"
            )


def _mask(model: Any, file: Path, masks: Mapping[str, npt.NDArray[np.bool_]]) -> None:
    """Set masked weights to zero in the model."""
    from knapprune.adapters.onnx_weights import constants, origins

    with quiet(io.StringIO()):
        known = origins(model)
    tensors = constants(model)
    for name, mask in masks.items():
        named = _NAME.fullmatch(name)
        origin = known.get(named["node"]) if named else None
        if origin is None or origin.positions.size != mask.size:
            raise ValueError(
                f"source: in {file.name} no tensor has just the weights of layer {name!r}: they are computed from "
                "others on the way, or of another type than float or double; write the hls4ml project in its place"
            )
        if origin.shared:
            raise ValueError(
                f"source: the weights of layer {name!r} are {origin.tensor!r} of {file.name}, which something else "
                "reads too, and a zero for one were a zero for both; give each a tensor of its own"
            )
        # A depthwise kernel has the same order, with an axis more or less.
        _zero(tensors[origin.tensor], origin.positions.reshape(mask.shape)[~mask])


def _zero(tensor: Any, positions: npt.NDArray[np.int64]) -> None:
    """Set numbers of a tensor to zero where they stand."""
    if tensor.HasField("raw_data"):
        from onnx import helper

        # Little-endian whatever the machine is; all bits of a zero are zero.
        values = np.frombuffer(tensor.raw_data, dtype=helper.tensor_dtype_to_np_dtype(tensor.data_type)).copy()
        values[positions] = 0
        tensor.raw_data = values.tobytes()
        return
    numbers = tensor.float_data or tensor.double_data
    for position in positions.tolist():
        numbers[position] = 0.0


def _compare(
    read: Mapping[str, npt.NDArray[np.generic]], expected: Mapping[str, npt.NDArray[np.generic]], file: Path
) -> None:
    """Hold what was read against what it has to be."""
    for name, kernel in expected.items():
        if name not in read or not np.array_equal(read[name], kernel):
            raise ValueError(
                f"source: zeros in {file.name} do not make of layer {name!r} what its mask makes of it; is this the "
                "file that the graph was read from?"
            )
