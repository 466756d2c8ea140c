"""What an hls4ml graph builds beside its weights, node by node: see :mod:`knapprune.hardware.beside`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from knapprune.hardware.beside import Beside, fifo, line_buffer, table, table_halves
from knapprune.hardware.dsp import table_of_part

# Bits in front of the binary point that the values of a table need, a sign included.
_INTEGER_BITS = {"sigmoid": 0, "tanh": 1, "softsign": 1, "elu": 1, "selu": 2, "softplus": 4}
# Look-up tables for each bit of a value that a rectifier passes, and for each value of a softmax: about what seven and
# five published reports have, half and twice as many among them.
_RELU_PER_BIT, _SOFTMAX_PER_VALUE = 2, 140


def beside_the_weights(graph: Any) -> tuple[Beside, ...]:
    """List what a graph builds that no weight decides."""
    backend = {"vitis": "Vitis"}.get(str(graph.config.get_config_value("Backend")).lower(), "Vivado")
    project = _Project(
        streamed=graph.config.get_config_value("IOType") == "io_stream",
        backend=backend,
        part=str(graph.config.get_config_value("Part")),
        outside={variable.name for variable in (*graph.get_input_variables(), *graph.get_output_variables())},
    )
    things = (thing for node in graph.get_layers() for thing in _of_node(node, project))
    return tuple(thing for thing in things if thing.dsp or thing.bram18 or thing.lut)


class _Project:
    """The settings that all nodes share."""

    def __init__(self, streamed: bool, backend: str, part: str, outside: set[str]) -> None:
        self.streamed = streamed
        self.backend = backend
        self.part = part
        self.outside = outside

    def values_at_once(self, variable: Any) -> int:
        """Values that a layer takes in one step."""
        return int(variable.shape[-1]) if self.streamed else prod(map(int, variable.shape))


def _of_node(node: Any, project: _Project) -> Iterator[Beside]:
    reader = _READERS.get(node.class_name)
    if reader is not None:
        yield from reader(node, project)
    if not project.streamed:
        return
    for variable in node.variables.values():
        pragma = getattr(variable, "pragma", None)
        if isinstance(pragma, tuple) and variable.name not in project.outside:
            yield fifo(node.name, int(pragma[1]), int(variable.type.n_elem), _bits(variable.type), project.backend)


def _activation(node: Any, project: _Project) -> Iterator[Beside]:
    function = str(node.get_attr("activation")).lower()
    variable = node.get_input_variable()
    values = project.values_at_once(variable)
    if function in ("relu", "leakyrelu", "thresholdedrelu"):
        yield Beside(node.name, "rectifier", lut=_RELU_PER_BIT * values * _bits(variable.type))
    else:
        yield from _table(node, node.name, function, values, project)


def _table(node: Any, name: str, function: str, values: int, project: _Project) -> Iterator[Beside]:
    if function in _INTEGER_BITS:
        held = node.get_attr("table_t").precision
        bits = min(held.width, held.width - held.integer + _INTEGER_BITS[function])
        yield table(name, function, int(node.get_attr("table_size")), bits, values, project.backend, project.part)


def _softmax(node: Any, project: _Project) -> Iterator[Beside]:
    how = node.get_attr("implementation")
    if node.get_attr("skip") or how == "argmax":
        return
    inner, outer = int(node.get_attr("n_inner") or 1), int(node.get_attr("n_outer") or 1)
    times = 1 if project.streamed else inner * outer
    if 0 < (limit := int(node.get_attr("parallelization_factor") or -1)) < times:
        times = limit
    variable = node.get_input_variable()
    values = int(node.get_attr("n_in")) // inner // outer
    exponentials, inverses = (node.get_attr(f"{name}_table_t").precision for name in ("exp", "inv"))
    exp_bits, readers, inverted = exponentials.width, values, 1
    size = int(node.get_attr("exp_table_size") or node.get_attr("table_size"))
    if how == "stable":
        # exp(x - max) is at most 1: the bits above are constant. The table is addressed without a sign.
        exp_bits = exponentials.width - exponentials.integer + 1
        size = min(size, 1 << (_bits(variable.type) - int(variable.type.precision.signed)))
    if how == "legacy":
        readers, inverted = values * (values - 1), values
    halves = table_halves(size, exp_bits, readers, project.backend, project.part) + table_halves(
        int(node.get_attr("inv_table_size") or node.get_attr("table_size")),
        inverses.width,
        inverted,
        project.backend,
        project.part,
    )
    # hls4ml limits the multipliers by the reuse factor in io_stream alone; the old way has none.
    turns = int(node.get_attr("reuse_factor")) if project.streamed else 1
    products = 0 if how == "legacy" else -(-values // turns)
    dsp = products * table_of_part(project.part).blocks(exp_bits, inverses.width)
    yield Beside(node.name, "softmax", times * dsp, times * halves, times * values * _SOFTMAX_PER_VALUE)


def _recurrent(node: Any, project: _Project) -> Iterator[Beside]:
    units = int(node.get_output_variable().shape[-1])
    gates = {"LSTM": 3, "GRU": 2}[node.class_name]
    yield from _table(node, node.name, str(node.get_attr("recurrent_activation")).lower(), gates * units, project)
    yield from _table(node, node.name, str(node.get_attr("activation")).lower(), units, project)


def _window(node: Any, project: _Project) -> Iterator[Beside]:
    rows = int(node.get_attr("filt_height") or node.get_attr("pool_height") or 1) - 1
    if project.streamed and rows > 0:
        variable = node.get_input_variable()
        yield line_buffer(node.name, rows, int(variable.shape[1]), int(variable.shape[-1]), _bits(variable.type))


def _merge(node: Any, project: _Project) -> Iterator[Beside]:
    if str(node.get_attr("op")).lower() not in ("multiply", "dot1d"):
        return
    first, second = (node.get_input_variable(name) for name in node.inputs[:2])
    dsp = project.values_at_once(first) * table_of_part(project.part).blocks(_bits(first.type), _bits(second.type))
    yield Beside(node.name, "products", dsp)


def _bits(packed: Any) -> int:
    return int(packed.precision.width)


_READERS: dict[str, Callable[[Any, _Project], Iterator[Beside]]] = {
    "Activation": _activation,
    "ParametrizedActivation": _activation,
    "Softmax": _softmax,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "Conv2D": _window,
    "DepthwiseConv2D": _window,
    "Pooling2D": _window,
    "Merge": _merge,
    "Dot": _merge,
}
