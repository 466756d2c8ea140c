"""The top function of a generated project: which function computes each layer, and what HLS will name its modules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from knapprune.generated import GeneratedProjectError

# ``nnet::dense<input_t, layer2_t, config2>(in, out, w2, b2); // name``
_CALL = re.compile(r"^\s*nnet::(\w+)<(.*)>\([^)]*\);\s*//\s*(\S+)\s*$", re.MULTILINE)
_TYPE = re.compile(r"^typedef (?P<type>.+) (?P<name>\w+);", re.MULTILINE)
_NUMBER = re.compile(r"\bap_(u?)(fixed|int)<\s*(\d+)(?:\s*,\s*(-?\d+))?")
_ARGUMENT = re.compile(r"(\w+)(?:\[[^\]]*\])?\s*$")
_INDEX = re.compile(r"config(\d+)\w*$")
_SETTING = re.compile(r'^set (\w+) "?([^"\n]*)"?$', re.MULTILINE)


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
    """

    name: str
    function: str
    index: int | None
    result: str | None


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
        In nanoseconds.
    arguments
        Names of the top function's inputs and outputs.
    calls
        Its layers in order.
    """

    top: str
    part: str
    clock_period: float
    arguments: tuple[str, ...]
    calls: tuple[Call, ...]


def read_design(project: Path) -> Design:
    """Read the top function of a project that hls4ml wrote for Vivado or Vitis.

    Parameters
    ----------
    project
        The project's folder.

    Returns
    -------
    Design
        Its layers, arguments and settings.

    Raises
    ------
    GeneratedProjectError
        If a file is missing, or there is no top function.
    """
    settings = dict(_SETTING.findall(_read(project / "project.tcl")))
    top = settings.get("project_name", "")
    source = _read(project / "firmware" / f"{top}.cpp")
    head = re.search(rf"^void {re.escape(top)}\((.*?)\)\s*\{{", source, re.MULTILINE | re.DOTALL)
    if head is None:
        raise GeneratedProjectError(f"{project}: no function {top!r} in firmware/{top}.cpp")
    types = {match["name"]: match["type"] for match in _TYPE.finditer(_read(project / "firmware" / "defines.h"))}
    calls = []
    for function, template, name in _CALL.findall(source):
        names = [part.strip() for part in template.split(",")]
        index = _INDEX.search(names[-1])
        result = types.get(names[-2], "") if len(names) > 1 else ""
        calls.append(Call(name, function, int(index[1]) if index else None, _spelled(result)))
    arguments = [_ARGUMENT.search(part.strip()) for part in head[1].split(",")]
    return Design(
        top=top,
        part=settings.get("part", ""),
        clock_period=float(settings.get("clock_period", "0")),
        arguments=tuple(found[1] for found in arguments if found),
        calls=tuple(calls),
    )


def _read(path: Path) -> str:
    if not path.is_file():
        raise GeneratedProjectError(f"expected a Vivado or Vitis project of hls4ml, {path} is missing")
    return path.read_text(encoding="utf-8")


def _spelled(type_text: str) -> str | None:
    number = _NUMBER.search(type_text)
    if number is None or (number[4] or "0").startswith("-"):
        return None
    integer = f"_{number[4]}" if number[2] == "fixed" else ""
    return f"ap_{number[1]}{number[2]}_{number[3]}{integer}"
