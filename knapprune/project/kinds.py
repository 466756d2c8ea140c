"""How each function of hls4ml's library is read: which kernels its call has and how many multipliers build them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from knapprune.project.files import GeneratedProjectError
from knapprune.project.layer import GeneratedLayer, Source, aliases, numbers
from knapprune.project.weights import bits, constants_to_multiply, integers

_STRATEGY = re.compile(r"strategy = nnet::(\w+);")
_FILL = re.compile(r"using fill_buffer = (?:\w+::)?fill_buffer_(\w+)<")
_PADDED = re.compile(r"\] = +0;")
_PLACE = re.compile(r"buffer\[(\d+)\]\[(\d+)\] =")
_DATA = re.compile(r"buffer\[(\d+)\]\[(\d+)\] = +data\[")
_KERNEL = re.compile(r"using kernel = (?:\w+::)?(\w+)<")


@dataclass(frozen=True)
class Call:
    """One call in the top function.

    Parameters
    ----------
    function, name
        The library's function, and the layer's name.
    types
        The template's arguments before the last, the input's type first.
    config
        The configuration struct: the template's last argument.
    arrays
        The arrays of weights among the arguments.
    data
        The variable that is read.
    """

    function: str
    name: str
    types: tuple[str, ...]
    config: str
    arrays: tuple[str, ...]
    data: str = ""


Reader = Callable[[Call, Source], tuple[GeneratedLayer, ...]]


def dense(call: Call, source: Source) -> tuple[GeneratedLayer, ...]:
    """Read a Dense layer."""
    body = source.struct(call.config, call.name)
    sizes = numbers(body)
    return (_product_sum(call, source, body, body, (sizes["n_in"], sizes["n_out"]), 1),)


def convolution(call: Call, source: Source) -> tuple[GeneratedLayer, ...]:
    """Read a convolution, depthwise ones too."""
    body = source.struct(call.config, call.name)
    # A convolution's multiplier has a struct of its own. Its n_in and n_out are those of all pixels together when a
    # pointwise convolution is batched, so the shape comes from the convolution's.
    multiplier = source.struct(aliases(body).get("mult_config", ""), call.name)
    sizes = numbers(body)
    n_in = sizes["n_chan"] * sizes["filt_width"] * sizes.get("filt_height", 1)
    pixels = prod(sizes.get(side, 1) for side in ("out_height", "out_width"))
    # A stream brings one pixel at a time, whatever n_partitions says.
    copies = 1 if source.streamed else pixels // sizes["n_partitions"]
    depthwise = call.function.startswith("depthwise")
    shape = (n_in, 1 if depthwise else sizes["n_filt"])
    layer = replace(_product_sum(call, source, body, multiplier, shape, copies), reads=_reads(body, source))
    if not depthwise:
        return (layer,)
    # The limit is that of a kernel in which every filter sees every channel.
    own = numbers(multiplier)
    limit = -(-own["n_in"] * own["n_out"] // own["reuse_factor"]) - own["n_zeros"] // own["reuse_factor"]
    return (replace(layer, n_out=sizes["n_filt"], depthwise=True, limit=limit),)


def einsum_dense(call: Call, source: Source) -> tuple[GeneratedLayer, ...]:
    """Read an EinsumDense: one Dense product for each index in place, at each free position of the data."""
    body = source.struct(call.config, call.name)
    sizes = numbers(body)
    inner = source.struct(aliases(body).get("dense_conf", ""), call.name)
    shape = (sizes["n_contract"], sizes["n_free_kernel"] * sizes["n_inplace"])
    copies = min(sizes["parallelization_factor"], sizes["n_free_data"])
    layer = replace(_product_sum(call, source, inner, inner, shape, copies), fan_out=sizes["n_free_kernel"])
    if layer.zeros < 0:
        # Kernels that switch share one struct, which then states no zeros, and so no limit that means anything.
        written = int(layer.weights.size - (layer.weights != 0).sum())
        layer = replace(layer, zeros=written, limit=layer.weights.size)
    return (layer,)


def recurrent(call: Call, source: Source) -> tuple[GeneratedLayer, ...]:
    """Read an LSTM or a GRU: two kernels, and products of gates by states in the first."""
    body = source.struct(call.config, call.name)
    inputs, state = (source.struct(aliases(body).get(f"mult_config{i}", ""), call.name) for i in (1, 2))
    data, result = call.types[0], call.types[-1]
    accum, state_bits = source.bits(aliases(body)["accum_t"], call.name), source.bits(result, call.name)
    first, second = (
        _product_sum(one, source, struct, struct, (numbers(struct)["n_in"], numbers(struct)["n_out"]), 1)
        for one, struct in (
            (replace(call, types=(data,), arrays=call.arrays[:1]), inputs),
            (replace(call, types=(result,), arrays=call.arrays[1:2], name=f"{call.name}/recurrent", data=""), state),
        )
    )
    units = numbers(body)["n_state"]
    gates: tuple[tuple[int, int, int], ...]
    if call.function.startswith("lstm"):  # i * g and o * act(s); f * s
        gates = ((2 * units, accum, accum), (units, accum, state_bits))
    else:  # r * U h; (1 - z) * g; z * h
        gates = ((units, accum, accum), (units, accum, accum + 1), (units, accum, state_bits))
    return replace(first, fixed=gates), second


def scale(call: Call, source: Source) -> tuple[GeneratedLayer, ...]:
    """Read a batch normalisation or a PReLU: a product for each value, at once or as they come."""
    body = source.struct(call.config, call.name)
    sizes, names = numbers(body), aliases(body)
    at_once = source.packed(call.types[0], call.name) if source.streamed else sizes["n_in"]
    normalises = call.function == "normalize"
    # Structs name the type of a PReLU's weights since hls4ml 1.0.
    parameter = names.get("scale_t" if normalises else "param_t") or source.element(call.arrays[0], call.name)
    shifts, data_bits = source.shifts(call.arrays[0]), source.bits(call.types[0], call.name)
    weight_bits = 0 if shifts else source.bits(parameter, call.name)
    limit = -(-sizes["n_in"] // sizes["reuse_factor"]) if normalises else at_once
    written = np.zeros(0) if shifts else source.array(call.arrays[0], call.name)
    products: list[tuple[int, int]] = []
    if written.size > at_once:  # in a stream, one parameter after the other
        products = [(min(at_once, limit), 0)]
    elif not shifts:
        whole = integers(written, source.text(parameter, call.name))
        products = _of_parameters(whole, at_once // max(whole.size, 1), limit)
    return (
        GeneratedLayer(
            name=call.name,
            strategy="fixed",
            reuse_factor=sizes["reuse_factor"],
            zeros=0,
            n_in=0,
            n_out=0,
            copies=1,
            weight_bits=weight_bits,
            data_bits=data_bits,
            weights=written[:0],
            products=None,
            fixed=tuple((number, width or weight_bits, data_bits) for number, width in products),
        ),
    )


#: By function of the library.
READERS: dict[str, Reader] = {
    "dense": dense,
    "einsum_dense": einsum_dense,
    "lstm_stack": recurrent,
    "gru_stack": recurrent,
    "normalize": scale,
    "prelu": scale,
    **{
        f"{kind}conv_{dimensions}d_{order}": convolution
        for kind in ("", "pointwise_", "depthwise_")
        for dimensions in (1, 2)
        for order in ("cl", "cf")
    },
}


def _of_parameters(whole: NDArray[np.int64], times: int, limit: int) -> list[tuple[int, int]]:
    """List the multipliers of parameters that are constants, by the bits of the constant."""
    widths = Counter(bits(constant) for constant in constants_to_multiply(whole[:, None]) if constant.size)
    if sum(widths.values()) * times > limit:
        return [(limit, max(widths))]
    return [(times * number, width) for width, number in sorted(widths.items())]


def _reads(body: str, source: Source) -> NDArray[np.int64] | None:
    """Count the copies in which each place of a window is ever filled with data."""
    name = _FILL.search(body)
    if source.streamed or name is None or name[1] not in source.windows:
        return None
    # Where no place is padding, it is not worth looking at each.
    filled = source.windows[name[1]]
    if not _PADDED.search(filled):
        return None
    places = np.array(_PLACE.findall(filled), dtype=np.int64)
    used = np.zeros(places.max(axis=0) + 1, dtype=bool)
    read = np.array(_DATA.findall(filled), dtype=np.int64)
    used[read[:, 0], read[:, 1]] = True
    return np.asarray(np.count_nonzero(used, axis=0), dtype=np.int64)


def _product_sum(
    call: Call, source: Source, body: str, multiplier: str, shape: tuple[int, int], copies: int
) -> GeneratedLayer:
    # Structs name their kernel since hls4ml 1.0, which brought kernels that are generated.
    kernel_class, strategy = _KERNEL.search(multiplier), _STRATEGY.search(body)
    kernel = kernel_class[1] if kernel_class else None
    if strategy is None or (kernel is None and strategy[1] == "resource_unrolled"):
        raise GeneratedProjectError(f"layer {call.name!r}: no kernel or strategy in struct {call.config}")
    weights = source.array(call.arrays[0] if call.arrays else None, call.name)
    if weights.size != prod(shape):
        raise GeneratedProjectError(f"layer {call.name!r}: expected {prod(shape)} weights, got {weights.size}")
    if strategy[1] == "resource_unrolled" and kernel not in source.products:
        raise GeneratedProjectError(f"layer {call.name!r}: its kernel {kernel} is not in nnet_code_gen.h")
    sizes = numbers(body)
    weight_type = aliases(body)["weight_t"]
    constant = sizes["reuse_factor"] == 1 and strategy[1] != "distributed_arithmetic" and not source.streamed
    signed = "ap_u" not in source.text(call.types[0], call.name)
    positive = constant and signed and call.data in source.positive
    return GeneratedLayer(
        name=call.name,
        strategy=strategy[1],
        reuse_factor=sizes["reuse_factor"],
        zeros=sizes["n_zeros"],
        n_in=shape[0],
        n_out=shape[1],
        copies=copies,
        weight_bits=source.bits(weight_type, call.name),
        data_bits=source.bits(call.types[0], call.name) - positive,
        weights=weights,
        products=None if kernel is None else source.products.get(kernel),
        weight_type=source.text(weight_type, call.name),
        fan_out=shape[1],
    )
