"""What hls4ml wrote for each layer, read back from the project's C++ files and from nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knapprune.hardware.adder_graph import AdderGraphError, LayerAdders
from knapprune.project.adders import layer_adders
from knapprune.project.files import GeneratedProjectError, read_settings
from knapprune.project.firmware import Firmware, LayerCall, read_firmware
from knapprune.project.kinds import READERS, Call
from knapprune.project.layer import GeneratedLayer, Source

_UNROLLED_CLASS = re.compile(r"^class (dense_resource_unrolled_\w+)\b", re.MULTILINE)
_PRODUCT = re.compile(r"\bproduct\(data\[\d+\], weights\[(\d+)\]\)")
_WINDOW = re.compile(r"^class fill_buffer_(\w+)\b", re.MULTILINE)
_ALIAS = re.compile(r"^\s*auto\s*&\s*(?P<name>\w+) = (?P<of>\w+);", re.MULTILINE)
_MAX_POOLING = re.compile(r"pool_op = nnet::Max;")


@dataclass(frozen=True)
class GeneratedProject:
    """The multiplying layers of a generated project, and the layers with weights that are of another kind.

    Parameters
    ----------
    layers
        Layers whose multipliers can be counted, in the order of the top function.
    others
        Names of layers that hold weights and are of other kinds (embeddings, bidirectional layers, ...).
    part, backend
        The device, and hls4ml's backend: ``"Vivado"`` or ``"Vitis"``; from the settings of the run.
    adders
        Layers that ``distributed_arithmetic`` made adder graphs of.
    """

    layers: tuple[GeneratedLayer, ...]
    others: tuple[str, ...]
    part: str
    backend: str = "Vitis"
    adders: tuple[LayerAdders, ...] = ()


def read_project(folder: Path) -> GeneratedProject:
    """Read a project that hls4ml wrote for the Vivado or Vitis backend."""
    firmware = folder / "firmware"
    texts = read_firmware(firmware)
    try:
        adders = layer_adders(texts)
    except AdderGraphError as error:
        raise GeneratedProjectError(f"folder: {firmware}: {error}") from error
    settings = read_settings(folder)
    backend = "Vivado" if settings.get("backend", "").startswith("vivado") else "Vitis"
    source = Source(
        structs=texts.structs,
        types=texts.types,
        products=_products_by_class(texts.generated),
        weights=firmware / "weights",
        streamed=texts.streamed,
        backend=backend,
        windows=dict(_by_class(_WINDOW, texts.generated)),
        positive=_never_negative(texts),
    )
    layers: list[GeneratedLayer] = []
    others: list[str] = []
    for written in texts.calls:
        call = _call(written, source.weights)
        if call.name in adders:
            continue
        shifts = bool(call.arrays) and source.shifts(call.arrays[0])
        if call.function in READERS and not (shifts and call.function != "normalize"):
            try:
                layers.extend(READERS[call.function](call, source))
            except KeyError as error:
                raise GeneratedProjectError(f"layer {call.name!r}: its structs do not say {error}") from error
        elif call.arrays:
            others.append(call.name)
    return GeneratedProject(tuple(layers), tuple(others), settings.get("part", ""), backend, tuple(adders.values()))


def _call(written: LayerCall, weights: Path) -> Call:
    arrays = tuple(name for name in written.arguments if (weights / f"{name}.h").is_file())
    *types, config = written.template
    return Call(written.function, written.name, tuple(types), config, arrays, (*written.arguments, "")[0])


def _never_negative(texts: Firmware) -> frozenset[str]:
    """Follow the top function's variables from each ReLU on."""
    positive: set[str] = set()
    for call in texts.calls:
        source, result = [*call.arguments, ""][:2]
        moves = call.function.startswith(("linear", "transpose", "zeropad")) or (
            call.function.startswith("pooling") and _MAX_POOLING.search(texts.structs.get(call.template[-1], ""))
        )
        if call.function == "relu" or (moves and source in positive):
            positive.add(result)
        for alias in _ALIAS.finditer(texts.top):
            if alias["of"] in positive:
                positive.add(alias["name"])
    return frozenset(positive)


def _products_by_class(code: str) -> dict[str, NDArray[np.int64]]:
    return {name: np.array(_PRODUCT.findall(body), dtype=np.int64) for name, body in _by_class(_UNROLLED_CLASS, code)}


def _by_class(pattern: re.Pattern[str], code: str) -> Iterator[tuple[str, str]]:
    # Splitting at a pattern with one group gives: what is before, a name, its code, the next name, its code, ...
    pieces = pattern.split(code)[1:]
    return zip(pieces[::2], pieces[1::2], strict=True)


__all__ = ["GeneratedLayer", "GeneratedProject", "GeneratedProjectError", "read_project"]
