"""What the name of a module says: the layer it was made for, the function it is, the type of its result.

HLS names a module after the C++ function and its template arguments, cut at 60 to 80 characters: the call
``nnet::dense<input_t, layer2_t, config2>`` becomes, with the functions it calls,
``dense_latency_ap_fixed_16_6_5_3_0_ap_fixed_16_6_5_3_0_config2_s``. The number behind ``config`` is the layer's, the
type in front of it the result's, where it is whole: a long name keeps ``ap_fixed`` without its numbers. Vivado HLS puts
a zero for each constant argument, and hides everything behind them where they are many: ``dense_latency_0_0_0_0_0_1``.
"""

from __future__ import annotations

import re

_CONFIG = re.compile(r"(?:(?<=_)[A-Za-z]+_)?config(\d+)(?=_|$)")
# Behind the configuration of the layer itself stand the tool's own endings; others are of a part, such as ``_mult_s``.
_OWN_ENDING = re.compile(r"(?:_s|(?:_\d+)*)")
_TYPE = re.compile(r"ap_(?P<sign>u?)(?P<kind>fixed|int)(?P<numbers>(?:_\d+(?=_|$))*)")
_KIND = re.compile(
    r"^(?:pointwise_|depthwise_|separable_)?"
    r"(dense|conv_1d|conv_2d|compute_output_buffer|relu|softmax|sigmoid|tanh|normalize|pooling1d|pooling2d|zeropad)"
)
_HIDDEN = re.compile(r"(?:_0){4,}(?:_\w+)?$")
# What a convolution is made of, beside functions of its own kind.
_IN_CONVOLUTIONS = ("dense", "compute_output_buffer", "conv_1d", "conv_2d")


def index_of(module: str) -> int | None:
    """Read the number of the layer that a module was made for.

    Examples
    --------
    >>> index_of("dense_latency_ap_ufixed_6_0_4_0_0_ap_fixed_22_11_5_3_0_config8_mult_s")
    8
    """
    match = _CONFIG.search(module)
    return None if match is None else int(match[1])


def kind_of(function: str) -> str | None:
    """Read which kind of layer a function or module computes."""
    match = _KIND.match(function)
    return None if match is None else match[1]


def may_be_in(module: str, function: str) -> bool:
    """Say whether a module can be of a layer, by what it computes."""
    theirs, ours = kind_of(module), kind_of(function)
    inside = _IN_CONVOLUTIONS if ours and ours.startswith("conv") else ()
    return theirs is None or ours is None or theirs in (ours, *inside)


def result_of(module: str, function: str) -> str | None:
    """Read the result's type of the module that is a layer's function itself.

    Examples
    --------
    >>> result_of("relu_ap_fixed_16_6_5_3_0_ap_ufixed_6_0_4_0_0_relu_config3_s", "relu")
    'ap_ufixed_6_0'
    """
    config = _CONFIG.search(module)
    if config is None or not _OWN_ENDING.fullmatch(module[config.end() :]):
        return None
    if kind_of(module) is None or kind_of(module) != kind_of(function):
        return None
    types = list(_TYPE.finditer(module[: config.start()]))
    numbers = types[-1]["numbers"].split("_")[1:] if types else []
    fixed = bool(types) and types[-1]["kind"] == "fixed"
    if len(numbers) < (5 if fixed else 1):
        return None
    kept = "_".join(numbers[: 2 if fixed else 1])
    return f"ap_{types[-1]['sign']}{types[-1]['kind']}_{kept}"


def hides_its_layer(module: str) -> bool:
    """Say whether a name is nothing but the function and zeros."""
    return index_of(module) is None and kind_of(module) is not None and _HIDDEN.search(module) is not None
