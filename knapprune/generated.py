"""What hls4ml wrote for each layer, read back from the project's C++ files and from nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knapprune.adders import AdderGraphError, LayerAdders
from knapprune.generated_adders import layer_adders

# ``nnet::dense<input_t, layer2_t, config2>(in, out, w2, b2); // name``: one line a layer, in the top function.
_CALL = re.compile(
    r"^\s*nnet::(?P<function>\w+)<(?P<data>\w+),.*?\b(?P<config>\w+)>\((?P<arguments>[^)]*)\);\s*//\s*(?P<name>\S+)\s*$",
    re.MULTILINE,
)
_STRUCT = re.compile(r"^struct (?P<name>\w+) : nnet::\w+ \{(?P<body>.*?)^\};", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"static const \w+ (\w+) = (\d+);")
_STRATEGY = re.compile(r"strategy = nnet::(\w+);")
_ALIAS = re.compile(r"typedef (\w+) (\w+);")
_KERNEL = re.compile(r"using kernel = (?:\w+::)?(\w+)<")
_TYPE = re.compile(r"^typedef (?P<type>.+) (?P<name>\w+);", re.MULTILINE)
_BITS = re.compile(r"\bap_u?(?:fixed|int)<\s*(\d+)")
_UNROLLED_CLASS = re.compile(r"^class (dense_resource_unrolled_\w+)\b", re.MULTILINE)
_PRODUCT = re.compile(r"\bproduct\(data\[\d+\], weights\[(\d+)\]\)")
_PART = re.compile(r'^set part "([^"]*)"', re.MULTILINE)
_ARRAY = re.compile(r"=\s*\{(.*?)\};", re.DOTALL)

_DENSE = frozenset({"dense"})
_CONVOLUTIONS = frozenset(
    f"{pointwise}conv_{dimensions}d_{order}"
    for pointwise in ("", "pointwise_")
    for dimensions in (1, 2)
    for order in ("cl", "cf")
)


class GeneratedProjectError(ValueError):
    """A generated project that cannot be read, or that contradicts itself."""


@dataclass(frozen=True)
class GeneratedLayer:
    """One multiplying layer of a generated project, as its C++ states it.

    Parameters
    ----------
    name
        The layer's name, from the comment behind its call in the top function.
    strategy, reuse_factor, zeros
        As written in the layer's configuration struct (``parameters.h``).
    n_in, n_out
        Products summed into one output, and outputs.
    copies
        Output pixels computed in parallel: 1 for Dense and whenever the layer reads a stream.
    weight_bits, data_bits
        Widths of a weight and of an input word in bits, from the types in ``defines.h``.
    weights
        Weights in the order of the generated array, shape ``(n_in * n_out,)``, decimals as written.
    products
        Indices into `weights` that the generated code multiplies, or None where it has a loop over all of them.
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


@dataclass(frozen=True)
class GeneratedProject:
    """The multiplying layers of a generated project, and the layers with weights that are of another kind.

    Parameters
    ----------
    layers
        Dense and convolution layers in the order of the top function.
    others
        Names of layers that hold weights and are neither (batch normalisation, recurrent, depthwise, ...).
    part
        The device, from ``project.tcl``.
    adders
        Layers that ``distributed_arithmetic`` made adder graphs of.
    """

    layers: tuple[GeneratedLayer, ...]
    others: tuple[str, ...]
    part: str
    adders: tuple[LayerAdders, ...] = ()


def read_project(folder: Path) -> GeneratedProject:
    """Read a project that hls4ml wrote for the Vivado or Vitis backend.

    Parameters
    ----------
    folder
        The project's folder, the one that holds ``firmware``.

    Returns
    -------
    GeneratedProject
        What the C++ says, layer by layer.

    Raises
    ------
    GeneratedProjectError
        If a file is missing or a layer cannot be read; the message names it.
    """
    firmware = folder / "firmware"
    sources = sorted(firmware.glob("*.cpp"))
    if len(sources) != 1:
        raise GeneratedProjectError(f"folder: expected one top function in {firmware}, got {len(sources)} .cpp files")
    top = _read(sources[0])
    structs = {match["name"]: match["body"] for match in _STRUCT.finditer(_read(firmware / "parameters.h"))}
    types = {match["name"]: match["type"] for match in _TYPE.finditer(_read(firmware / "defines.h"))}
    generated = _read(firmware / "nnet_utils" / "nnet_code_gen.h")
    products = _products_by_class(generated)
    try:
        adders = layer_adders(top, _read(firmware / "parameters.h"), _read(firmware / "defines.h"), generated)
    except AdderGraphError as error:
        raise GeneratedProjectError(f"folder: {firmware}: {error}") from error
    streamed = "hls::stream<" in top
    layers, others = [], []
    for call in _CALL.finditer(top):
        if call["name"] in adders:
            continue
        arrays = [name for name in call["arguments"].split(", ") if (firmware / "weights" / f"{name}.h").is_file()]
        if call["function"] in _DENSE | _CONVOLUTIONS:
            weights = _weights(firmware / "weights" / f"{arrays[0]}.h" if arrays else None, call["name"])
            layers.append(_layer(call, structs, types, products, weights, streamed))
        elif arrays:
            others.append(call["name"])
    part = _PART.search(_read(folder / "project.tcl"))
    return GeneratedProject(tuple(layers), tuple(others), part[1] if part else "", tuple(adders.values()))


def _layer(
    call: re.Match[str],
    structs: dict[str, str],
    types: dict[str, str],
    products: dict[str, NDArray[np.int64]],
    weights: NDArray[np.float64],
    streamed: bool,
) -> GeneratedLayer:
    name = call["name"]
    body = _find(structs, call["config"], name)
    numbers = _numbers(body)
    aliases = {alias: target for target, alias in _ALIAS.findall(body)}
    is_dense = call["function"] in _DENSE
    # A convolution's multiplier has a struct of its own. Its n_in and n_out are those of all pixels together when a
    # pointwise convolution is batched, so the shape comes from the convolution's.
    kernel = _KERNEL.search(body if is_dense else _find(structs, aliases.get("mult_config", ""), name))
    strategy = _STRATEGY.search(body)
    if kernel is None or strategy is None:
        raise GeneratedProjectError(f"layer {name!r}: no kernel or strategy in struct {call['config']}")
    if is_dense:
        n_in, n_out, copies = numbers["n_in"], numbers["n_out"], 1
    else:
        n_in = numbers["n_chan"] * numbers["filt_width"] * numbers.get("filt_height", 1)
        n_out = numbers["n_filt"]
        pixels = prod(numbers.get(side, 1) for side in ("out_height", "out_width"))
        # A stream brings one pixel at a time, whatever n_partitions says.
        copies = 1 if streamed else pixels // numbers["n_partitions"]
    if weights.size != n_in * n_out:
        raise GeneratedProjectError(f"layer {name!r}: expected {n_in * n_out} weights, got {weights.size}")
    if strategy[1] == "resource_unrolled" and kernel[1] not in products:
        raise GeneratedProjectError(f"layer {name!r}: its kernel {kernel[1]} is not in nnet_code_gen.h")
    return GeneratedLayer(
        name=name,
        strategy=strategy[1],
        reuse_factor=numbers["reuse_factor"],
        zeros=numbers["n_zeros"],
        n_in=n_in,
        n_out=n_out,
        copies=copies,
        weight_bits=_bits(_find(types, aliases["weight_t"], name), name),
        data_bits=_bits(_find(types, call["data"], name), name),
        weights=weights,
        products=products.get(kernel[1]),
    )


def _read(path: Path) -> str:
    if not path.is_file():
        raise GeneratedProjectError(f"folder: expected a Vivado or Vitis project of hls4ml, {path} is missing")
    return path.read_text()


def _find(table: dict[str, str], key: str, layer: str) -> str:
    if key not in table:
        raise GeneratedProjectError(f"layer {layer!r}: {key or 'its multiplier'} is not defined in the project")
    return table[key]


def _numbers(body: str) -> dict[str, int]:
    numbers = {name: int(value) for name, value in _NUMBER.findall(body)}
    return {"n_zeros": 0, **numbers}


def _bits(type_text: str, layer: str) -> int:
    match = _BITS.search(type_text)
    if match is None:
        raise GeneratedProjectError(f"layer {layer!r}: expected a fixed-point or integer type, got {type_text!r}")
    return int(match[1])


def _products_by_class(code: str) -> dict[str, NDArray[np.int64]]:
    # Splitting at a pattern with one group gives: what is before, a name, its code, the next name, its code, ...
    pieces = _UNROLLED_CLASS.split(code)[1:]
    return {
        name: np.array(_PRODUCT.findall(body), dtype=np.int64)
        for name, body in zip(pieces[::2], pieces[1::2], strict=True)
    }


def _weights(path: Path | None, layer: str) -> NDArray[np.float64]:
    array = None if path is None else _ARRAY.search(path.read_text())
    if array is None:
        raise GeneratedProjectError(f"layer {layer!r}: expected an array of weights in {path}, found none")
    try:
        return np.array(array[1].split(","), dtype=np.float64)
    except ValueError:
        raise GeneratedProjectError(f"layer {layer!r}: expected plain numbers in {path}, got another format") from None
