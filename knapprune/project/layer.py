"""One layer of a generated project, and the text it is read from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knapprune.project.files import GeneratedProjectError

_NUMBER = re.compile(r"static const \w+ (\w+) += ([-\d* ]+);")
_ALIAS = re.compile(r"typedef (.+) (\w+);")
_BITS = re.compile(r"\bap_u?(?:fixed|int)<\s*(\d+)")
_PACKED = re.compile(r"nnet::array<.*,\s*([\d*]+)>$")
_ARRAY = re.compile(r"=\s*\{(.*?)\};", re.DOTALL)
_ELEMENT = re.compile(r"^(\w+) \w+\[", re.MULTILINE)


@dataclass(frozen=True)
class GeneratedLayer:
    """One kernel of a generated project, or one layer that scales, as its C++ states it.

    Parameters
    ----------
    name
        The layer's name, from the comment behind its call in the top function; with ``/recurrent`` for a recurrent
        layer's second kernel.
    strategy, reuse_factor, zeros
        As written in the layer's configuration struct (``parameters.h``); ``"fixed"`` for a layer that scales.
    n_in, n_out
        Products summed into one output, and outputs. For a depthwise convolution all products, and channels.
    copies
        Output pixels computed in parallel: 1 for Dense and whenever the layer reads a stream.
    weight_bits, data_bits
        Widths of a weight and of an input word in bits, from the types in ``defines.h``. Data that come from a ReLU in
        a signed type have a bit less where weights are constants and nothing is streamed: the sign never changes.
    weights
        Weights in the order of the generated array, decimals as written.
    products
        Indices into `weights` that the generated code multiplies, or None where it has a loop over all of them.
    depthwise
        Whether each output sums over one channel.
    limit
        The limit on multipliers that a latency function is given, where it is another than
        ``ceil(weights / reuse_factor) - floor(zeros / reuse_factor)``.
    fixed
        Multipliers that no weight decides, each with the widths of its two operands: ``(multipliers, bits, bits)``.
    weight_type
        The text of the weights' type.
    fan_out
        Weights that one input is multiplied by.
    reads
        Shape (inputs,): in how many of the copies each place of a convolution's window reads data and not padding; None
        where that is all of them.
    """

    name: str
    strategy: str
    reuse_factor: int
    zeros: int
    n_in: int
    n_out: int
    copies: int
    weight_bits: int
    data_bits: int
    weights: NDArray[np.float64]
    products: NDArray[np.int64] | None
    depthwise: bool = False
    limit: int | None = None
    fixed: tuple[tuple[int, int, int], ...] = ()
    weight_type: str = "ap_fixed<16,6>"
    fan_out: int = 1
    reads: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Source:
    """The files of a generated project.

    Parameters
    ----------
    structs, types
        Bodies of the structs in ``parameters.h`` and right sides of the types in ``defines.h``, by name.
    products
        Indices of the weights that each generated function multiplies, by its class in ``nnet_code_gen.h``.
    weights
        The folder of the weights' arrays.
    streamed
        Whether layers are connected by streams.
    backend
        The tool that the project is for: ``"Vivado"`` (Vivado HLS) or ``"Vitis"``.
    windows
        Code by the number of the convolution that it fills the windows of.
    positive
        Variables that come from a ReLU, by nothing but what moves values or takes the largest.
    """

    structs: dict[str, str]
    types: dict[str, str]
    products: dict[str, NDArray[np.int64]]
    weights: Path
    streamed: bool
    backend: str = "Vitis"
    windows: dict[str, str] = field(default_factory=dict)
    positive: frozenset[str] = frozenset()

    def struct(self, name: str, layer: str) -> str:
        """Find the body of a struct."""
        return _find(self.structs, name, layer)

    def bits(self, type_name: str, layer: str) -> int:
        """Say how wide a word of a type is."""
        text = self.text(type_name, layer)
        match = _BITS.search(text)
        if match is None:
            raise GeneratedProjectError(f"layer {layer!r}: expected a fixed-point or integer type, got {text!r}")
        return int(match[1])

    def text(self, type_name: str, layer: str) -> str:
        """Find what a type stands for."""
        return type_name if _BITS.match(type_name) else _find(self.types, type_name, layer)

    def packed(self, type_name: str, layer: str) -> int:
        """Say how many words of a type come together in a stream."""
        match = _PACKED.search(_find(self.types, type_name, layer))
        if match is None:
            raise GeneratedProjectError(f"layer {layer!r}: expected a packed type, got {self.types[type_name]!r}")
        return _product(match[1])

    def array(self, name: str | None, layer: str) -> NDArray[np.float64]:
        """Read an array of weights."""
        path = None if name is None else self.weights / f"{name}.h"
        array = None if path is None else _ARRAY.search(path.read_text())
        if array is None:
            raise GeneratedProjectError(f"layer {layer!r}: expected an array of weights in {path}, found none")
        try:
            return np.array(array[1].split(","), dtype=np.float64)
        except ValueError:
            raise GeneratedProjectError(
                f"layer {layer!r}: expected plain numbers in {path}, got another format"
            ) from None

    def shifts(self, name: str) -> bool:
        """Say whether an array holds powers of two, each by its sign and its exponent: products are shifts then."""
        array = _ARRAY.search((self.weights / f"{name}.h").read_text())
        return array is not None and array[1].lstrip().startswith("{")

    def element(self, name: str, layer: str) -> str:
        """Name the type of an array's values."""
        path = self.weights / f"{name}.h"
        element = _ELEMENT.search(path.read_text())
        if element is None:
            raise GeneratedProjectError(f"layer {layer!r}: expected the type of an array in {path}, found none")
        return element[1]


def numbers(body: str) -> dict[str, int]:
    """Read the constants of a struct."""
    return {"n_zeros": 0} | {name: _product(value) for name, value in _NUMBER.findall(body)}


def aliases(body: str) -> dict[str, str]:
    """Read the types that a struct renames."""
    return {alias: target for target, alias in _ALIAS.findall(body)}


def _find(table: dict[str, str], key: str, layer: str) -> str:
    if key not in table:
        raise GeneratedProjectError(f"layer {layer!r}: {key or 'its multiplier'} is not defined in the project")
    return table[key]


def _product(text: str) -> int:
    return prod(map(int, text.split("*")))
