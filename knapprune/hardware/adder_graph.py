"""Adder graphs: what ``distributed_arithmetic`` makes of a kernel, read from the C++ function that hls4ml generates.

Such a function is a list of values, each the sum or difference of two earlier ones, one of them shifted, in a type wide
enough that nothing is lost::

    ap_fixed<10,4> v9 = v5 + bit_shift<-1>(v8); // 1.0

Nothing is multiplied. Only the outputs are cut to the type of the layer's result.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from knapprune.network.precision import FixedPoint, parse_precision

_FUNCTION = re.compile(
    r"^void (?P<name>\w+)\(inp_t model_inp\[(?P<inputs>\d+)\], out_t model_out\[(?P<outputs>\d+)\]\) \{"
    r"(?P<body>.*?)^\}",
    re.MULTILINE | re.DOTALL,
)
_VALUE = re.compile(r"^\s*(?P<type>ap_u?fixed<[^>]*>) v(?P<index>\d+) = (?P<expression>.*?);", re.MULTILINE)
_OUTPUT = re.compile(r"^\s*model_out\[(?P<index>\d+)\] = (?P<expression>.*?);", re.MULTILINE)
_OPERAND = r"(?:bit_shift<(?P<shift>-?\d+)>\(v(?P<shifted>\d+)\)|v(?P<plain>\d+))"
_INPUT = re.compile(r"model_inp(?:_q_(\d+)|\[(\d+)\])")
_SUM = re.compile(rf"v(?P<first>\d+) (?P<sign>[+-]) {_OPERAND}")
_CONSTANT_SUM = re.compile(r"v(?P<first>\d+) (?P<sign>[+-]) ap_u?fixed<[^>]*>\((?P<constant>[^)]*)\)")
_CAST = re.compile(rf"(?P<type>ap_u?fixed<[^>]*>)\((?P<minus>-?){_OPERAND}\)")


class AdderGraphError(ValueError):
    """A generated function that is no adder graph."""


@dataclass(frozen=True)
class Value:
    """One value of an adder graph.

    Parameters
    ----------
    kind
        ``"input"``, ``"constant"``, or ``"add"`` and ``"subtract"``.
    type
        Its type; it holds every value that can occur.
    first
        The input's index, or that of the value on the left of the sign.
    second
        Index of the value on the right; None where a constant is added.
    shift
        Binary places that the value on the right is shifted up.
    constant
        What is added or subtracted in place of a value, or is the value.
    """

    kind: Literal["input", "constant", "add", "subtract"]
    type: FixedPoint
    first: int = -1
    second: int | None = None
    shift: int = 0
    constant: float = 0.0


@dataclass(frozen=True)
class Output:
    """One output of an adder graph.

    Parameters
    ----------
    value
        Index of the value it is taken from; None for a constant zero.
    type
        The type that holds every value that can occur.
    shift
        Binary places that the value is shifted up.
    negated
        Whether its negative is taken.
    """

    value: int | None
    type: FixedPoint
    shift: int = 0
    negated: bool = False


@dataclass(frozen=True)
class AdderGraph:
    """The function that computes one layer's products and sums.

    Parameters
    ----------
    name
        Of the C++ function.
    inputs
        How many numbers go in.
    values
        In an order in which each needs only earlier ones.
    outputs
        What comes out.
    result
        The type that the layer keeps of each output; None keeps all, as where it rounds or saturates.
    """

    name: str
    inputs: int
    values: tuple[Value, ...]
    outputs: tuple[Output, ...]
    result: FixedPoint | None = None

    @property
    def adders(self) -> int:
        """Additions, subtractions and negations."""
        return sum(value.kind in ("add", "subtract") for value in self.values) + sum(
            output.negated for output in self.outputs
        )

    def __call__(self, data: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Compute the outputs as the hardware does before it cuts them to the result's type."""
        given = np.asarray(data, dtype=np.float64)
        known = np.zeros(len(self.values))
        for place, value in enumerate(self.values):
            if value.kind == "input":
                known[place] = given[value.first]
            elif value.kind == "constant":
                known[place] = value.constant
            else:
                right = value.constant if value.second is None else known[value.second] * 2.0**value.shift
                known[place] = known[value.first] + (right if value.kind == "add" else -right)
        signs = (-1.0 if output.negated else 1.0 for output in self.outputs)
        return np.array(
            [
                0.0 if output.value is None else sign * known[output.value] * 2.0**output.shift
                for output, sign in zip(self.outputs, signs, strict=True)
            ]
        )

    @property
    def bias(self) -> npt.NDArray[np.float64]:
        """What comes out where nothing goes in, shape (outputs,)."""
        return self(np.zeros(self.inputs))

    @property
    def kernel(self) -> npt.NDArray[np.float64]:
        """The matrix that the graph multiplies by, shape (inputs, outputs)."""
        bias = self.bias
        return np.array([self(unit) - bias for unit in np.eye(self.inputs)]).reshape(self.inputs, len(self.outputs))

    def with_result(self, precision: object) -> AdderGraph:
        """State the type that the layer keeps of each output."""
        return self.with_type(parse_precision(precision) if _only_cuts(precision) else None)

    def with_type(self, result: FixedPoint | None) -> AdderGraph:
        """State the type that the layer keeps of each output."""
        return replace(self, result=result)


@dataclass(frozen=True)
class LayerAdders:
    """The adder graphs of one layer.

    Parameters
    ----------
    name
        The layer's name.
    graphs
        One, or one for each of the kernels of an einsum.
    copies
        How often they are built: output pixels computed in parallel.
    """

    name: str
    graphs: tuple[AdderGraph, ...]
    copies: int = 1

    @property
    def adders(self) -> int:
        """Additions, subtractions and negations, over all copies."""
        return self.copies * sum(graph.adders for graph in self.graphs)


def read_adder_graphs(code: str) -> dict[str, AdderGraph]:
    """Read the adder graphs in generated C++."""
    return {match["name"]: _read(match) for match in _FUNCTION.finditer(code)}


def _read(function: re.Match[str]) -> AdderGraph:
    name = function["name"]
    place: dict[str, int] = {}
    values: list[Value] = []
    for line in _VALUE.finditer(function["body"]):
        values.append(_value(line["expression"], parse_precision(line["type"]), place, name))
        place[line["index"]] = len(values) - 1
    outputs = [_output(line["expression"], place, name) for line in _OUTPUT.finditer(function["body"])]
    if len(outputs) != int(function["outputs"]):
        raise AdderGraphError(f"function {name}: expected {function['outputs']} outputs, got {len(outputs)}")
    return AdderGraph(name, int(function["inputs"]), tuple(values), tuple(outputs))


def _value(expression: str, kept: FixedPoint, place: dict[str, int], name: str) -> Value:
    if match := _INPUT.fullmatch(expression):
        return Value("input", kept, int(match[1] or match[2]))
    if match := _SUM.fullmatch(expression):
        second = place[match["shifted"] or match["plain"]]
        kind = _kind(match["sign"])
        return Value(kind, kept, place[match["first"]], second, int(match["shift"] or 0))
    if match := _CONSTANT_SUM.fullmatch(expression):
        return Value(_kind(match["sign"]), kept, place[match["first"]], constant=float(match["constant"]))
    try:
        return Value("constant", kept, constant=float(expression))
    except ValueError:
        raise AdderGraphError(f"function {name}: expected a sum or a difference, got {expression!r}") from None


def _output(expression: str, place: dict[str, int], name: str) -> Output:
    if expression == "0":
        return Output(None, FixedPoint(1, 1, signed=False))
    match = _CAST.fullmatch(expression)
    if match is None:
        raise AdderGraphError(f"function {name}: expected a cast of a value, got {expression!r}")
    value = place[match["shifted"] or match["plain"]]
    return Output(value, parse_precision(match["type"]), int(match["shift"] or 0), match["minus"] == "-")


def _kind(sign: str) -> Literal["add", "subtract"]:
    return "add" if sign == "+" else "subtract"


def _only_cuts(precision: object) -> bool:
    """Whether a cast drops bits and does nothing else: neither rounds nor saturates."""
    modes: Sequence[str] = [part.strip(" >") for part in str(precision).split(",")[2:4]]
    return all(mode.removeprefix("AP_") in ("TRN", "WRAP") for mode in modes)
