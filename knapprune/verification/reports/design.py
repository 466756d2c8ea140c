"""The top function of a generated project: which function computes each layer, and what HLS will name its modules."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path

from knapprune.project.files import read_settings, top_source
from knapprune.project.firmware import LayerCall, read_firmware
from knapprune.project.layer import aliases, numbers

_NUMBER = re.compile(r"\bap_(u?)(fixed|int)<\s*(\d+)(?:\s*,\s*(-?\d+))?")
# ``input_t input_layer[16]`` or ``hls::stream<input_t> &input_layer``; the sizes that old versions hand back are none.
_ARGUMENT = re.compile(r"^(?:hls::stream<\w+>\s*&\s*|(?P<type>\w+)\s+)(?P<name>\w+)(?:\[(?P<size>[\d* ]+)\])?$")
_OUTPUT = re.compile(r"layer\d+_out")
_INDEX = re.compile(r"config(\d+)\w*$")


@dataclass(frozen=True)
class Argument:
    """One input or output of the top function.

    Parameters
    ----------
    name
        As in the C++.
    output
        Whether it is one.
    values, bits
        How many values it has and how wide one is; None for a stream.
    """

    name: str
    output: bool
    values: int | None
    bits: int | None


@dataclass(frozen=True)
class Call:
    """One layer in the top function.

    Parameters
    ----------
    name
        The layer's name, from the comment behind the call.
    function
        Such as ``"dense"`` or ``"conv_2d_cl"``.
    index
        The layer's number, at the end of its configuration's name; None where that has none.
    result
        Its result type in the spelling of module names, such as ``"ap_fixed_16_6"``; None where there is none.
    shape
        Values in and out of a Dense layer that takes them all at once; None for every other.
    bits
        Width of a value in and of one out; None where there is none.
    step
        What the last bit of a weight stands for; 0 where it is not known.
    """

    name: str
    function: str
    index: int | None
    result: str | None
    shape: tuple[int, int] | None = None
    bits: tuple[int | None, int | None] = (None, None)
    step: float = 0.0


@dataclass(frozen=True)
class Design:
    """What the reports of a project must agree with.

    Parameters
    ----------
    top
        The top function.
    part
        The device.
    clock_period
        In nanoseconds; 0 where it is not said.
    arguments
        Inputs and outputs of the top function.
    calls
        Its layers in order.
    """

    top: str
    part: str
    clock_period: float
    arguments: tuple[Argument, ...]
    calls: tuple[Call, ...]


def read_design(project: Path) -> Design:
    """Read the top function of a project that hls4ml wrote for Vivado or Vitis."""
    settings = read_settings(project)
    firmware = project / "firmware"
    texts = read_firmware(firmware)
    top = settings.get("project_name", top_source(firmware).stem)
    structs = {} if texts.streamed else texts.structs
    return Design(
        top=top,
        part=settings.get("part", ""),
        clock_period=float(settings.get("clock_period", "0")),
        arguments=tuple(_arguments(texts.parameters_of(top), texts.types)),
        calls=tuple(_call(call, texts.types, structs) for call in texts.calls),
    )


def _arguments(declared: Iterable[str], types: dict[str, str]) -> list[Argument]:
    return [
        Argument(
            name=match["name"],
            output=_OUTPUT.match(match["name"]) is not None,
            values=prod(map(int, match["size"].split("*"))) if match["size"] else None,
            bits=_bits(types.get(match["type"] or "", "")),
        )
        for match in map(_ARGUMENT.match, declared)
        if match
    ]


def _call(written: LayerCall, types: dict[str, str], structs: dict[str, str]) -> Call:
    *names, config = written.template
    index = _INDEX.search(config)
    data, result = (types.get(names[position], "") for position in (0, -1)) if names else ("", "")
    body = structs.get(config, "")
    sizes = numbers(body)
    known = written.function == "dense" and sizes.keys() >= {"n_in", "n_out"}
    return Call(
        name=written.name,
        function=written.function,
        index=int(index[1]) if index else None,
        result=_spelled(result),
        shape=(sizes["n_in"], sizes["n_out"]) if known else None,
        bits=(_bits(data), _bits(result)),
        step=_step(types.get(aliases(body).get("weight_t", ""), "")),
    )


def _bits(type_text: str) -> int | None:
    number = _NUMBER.search(type_text)
    return None if number is None else int(number[3])


def _step(type_text: str) -> float:
    number = _NUMBER.search(type_text)
    return 0.0 if number is None or number[2] != "fixed" else 2.0 ** (int(number[4] or 0) - int(number[3]))


def _spelled(type_text: str) -> str | None:
    number = _NUMBER.search(type_text)
    if number is None or (number[4] or "0").startswith("-"):
        return None
    integer = f"_{number[4]}" if number[2] == "fixed" else ""
    return f"ap_{number[1]}{number[2]}_{number[3]}{integer}"
