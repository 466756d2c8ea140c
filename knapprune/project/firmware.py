"""The C++ of a generated project: the calls of its top function, and the structs and types that they name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from knapprune.project.files import GeneratedProjectError, read, top_source, without_macros

# ``nnet::dense<input_t, layer2_t, config2>(in, out, w2, b2); // name``: one line a layer, in the top function.
_CALL = re.compile(
    r"^\s*\w+::(?P<function>\w+)<(?P<template>[^()\n]+)>\((?P<arguments>[^;]*)\);\s*//\s*(?P<name>\S+)\s*$",
    re.MULTILINE,
)
_STRUCT = re.compile(r"^struct (?P<name>\w+)(?: : nnet::\w+)? \{(?P<body>.*?)^\};", re.MULTILINE | re.DOTALL)
_TYPE = re.compile(r"^typedef (?P<type>.+) (?P<name>\w+);", re.MULTILINE)


@dataclass(frozen=True)
class LayerCall:
    """One call in the top function.

    Parameters
    ----------
    function, name
        The library's function, and the layer's name, from the comment behind the call.
    template, arguments
        What stands in angle and in round brackets.
    """

    function: str
    name: str
    template: tuple[str, ...]
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Firmware:
    """What the files in ``firmware/`` say.

    Parameters
    ----------
    top
        The source of the top function, macros for sizes resolved.
    structs, types
        Bodies of the structs in ``parameters.h`` and right sides of the types in ``defines.h``, by name.
    generated
        The code beside the top function; empty before hls4ml 0.7, which generated none.
    """

    top: str
    structs: dict[str, str]
    types: dict[str, str]
    generated: str = ""

    @property
    def calls(self) -> tuple[LayerCall, ...]:
        """The calls of the top function, in order."""
        return tuple(
            LayerCall(match["function"], match["name"], _listed(match["template"]), _listed(match["arguments"]))
            for match in _CALL.finditer(self.top)
        )

    @property
    def streamed(self) -> bool:
        """Whether layers are connected by streams."""
        return "hls::stream<" in self.top

    def parameters_of(self, function: str) -> tuple[str, ...]:
        """List the parameters that a function is declared with."""
        head = re.search(rf"^void {re.escape(function)}\((.*?)\)\s*\{{", self.top, re.MULTILINE | re.DOTALL)
        if head is None:
            raise GeneratedProjectError(f"folder: no function {function!r} in the source of the top function")
        return _listed(head[1])


def parse(top: str, parameters: str, defines: str, generated: str = "") -> Firmware:
    """Take the texts of the files apart."""
    top, parameters, resolved = (without_macros(text, defines) for text in (top, parameters, defines))
    return Firmware(
        top=top,
        structs={match["name"]: match["body"] for match in _STRUCT.finditer(parameters)},
        types={match["name"]: match["type"] for match in _TYPE.finditer(resolved)},
        generated=generated,
    )


def read_firmware(firmware: Path) -> Firmware:
    """Read the files that hls4ml wrote for the Vivado or Vitis backend."""
    code = firmware / "nnet_utils" / "nnet_code_gen.h"
    return parse(
        top=read(top_source(firmware)),
        parameters=read(firmware / "parameters.h"),
        defines=read(firmware / "defines.h"),
        generated=read(code) if code.is_file() else "",
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
