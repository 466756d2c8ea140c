"""Which number of an ONNX file each weight is that hls4ml reads from it.

Qonnx renames what it prepares for hls4ml, folds transposes, copies and reorders weights. Nothing of that is followed by
rule: a copy of the model whose weights are numbered, each with a number of its own, is prepared in the same way, and
the numbers are read where they come out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.onnx_files import prepared

# Where nodes that multiply with weights take them.
_WEIGHTS = {"MatMul": 1, "Gemm": 1, "Conv": 1}
# What weights pass on their way there, as the first input, each staying what it is or becoming its rounded value.
_PASSED = frozenset(
    {"BipolarQuant", "Flatten", "Identity", "IntQuant", "Quant", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
)


@dataclass(frozen=True)
class Origin:
    """Where the weights of a node stand in the file.

    Parameters
    ----------
    tensor
        The name of the tensor.
    positions
        Of each weight, its place in the tensor as a flat array; in the axes of the kernel.
    shared
        Whether anything else reads the tensor.
    """

    tensor: str
    positions: npt.NDArray[np.int64]
    shared: bool


def constants(model: Any) -> dict[str, Any]:
    """Find the constant tensors of a model, by the name that nodes read them by; they are the model's own."""
    found = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        for own in node.attribute if node.op_type == "Constant" else ():
            if own.name == "value":
                found[node.output[0]] = own.t
    return found


def origins(model: Any) -> dict[str, Origin]:
    """Say for each node of the prepared model where its weights stand in the model; of the others nothing is said."""
    numbered = type(model)()
    numbered.CopyFrom(model)
    shared = _weights(numbered)
    first = _number({name: tensor for name, tensor in constants(numbered).items() if name in shared})
    found = {}
    for node, kernel in _kernels(prepared(numbered)):
        for name, (start, size) in first.items():
            positions = np.rint(kernel).astype(np.int64) - start
            if _numbers(kernel, positions, size):
                found[node] = Origin(name, positions, shared[name])
    return found


def _weights(model: Any) -> dict[str, bool]:
    """Name the tensors that hold weights, and whether anything else reads them or what is made of them."""
    makers = {name: node for node in model.graph.node for name in node.output}
    readers = Counter(name for node in model.graph.node for name in node.input)
    readers.update(output.name for output in model.graph.output)
    known = constants(model)
    shared: dict[str, bool] = {}
    for node in model.graph.node:
        at = _WEIGHTS.get(node.op_type)
        if at is None:
            continue
        name, several = node.input[at], readers[node.input[at]] > 1
        while name not in known and name in makers and makers[name].op_type in _PASSED:
            name = makers[name].input[0]
            several = several or readers[name] > 1
        if name in known:
            shared[name] = several or shared.get(name, False)
    return shared


def _number(tensors: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Put numbers in the place of weights, from 1 on without a gap; say of each tensor its first, and how many."""
    from onnx import numpy_helper

    first, start = {}, 1
    for name, tensor in tensors.items():
        values = numpy_helper.to_array(tensor)
        # A number that the type does not hold would come out as another one.
        if values.dtype not in (np.float32, np.float64) or start + values.size > 2**24:
            continue
        numbers = np.arange(start, start + values.size, dtype=values.dtype).reshape(values.shape)
        own = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(numbers, own))
        first[name] = (start, values.size)
        start += values.size
    return first


def _kernels(wrapped: Any) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Read the kernels of a prepared model in Keras' axes, by the names of their nodes."""
    for node in wrapped.graph.node:
        if node.op_type not in ("MatMul", "Conv"):
            continue
        name = node.input[1]
        while wrapped.get_initializer(name) is None:
            maker = wrapped.find_producer(name)
            if maker is None or maker.op_type not in _PASSED:
                break
            name = maker.input[0]
        else:
            kernel = np.asarray(wrapped.get_initializer(name))
            # Channels last, qonnx has the outputs of a convolution first.
            yield node.name, np.moveaxis(kernel, 0, -1) if node.op_type == "Conv" else kernel


def _numbers(kernel: npt.NDArray[Any], positions: npt.NDArray[np.int64], size: int) -> bool:
    """Say whether a kernel is made of numbers of one tensor, each once."""
    whole = kernel.size and np.array_equal(kernel, np.rint(kernel))
    return bool(whole and positions.min() >= 0 and positions.max() < size and np.unique(positions).size == kernel.size)
