"""Reports against the model: refused where they are another model's, and split by layer where they are its own.

HLS names a module after the C++ function and its template arguments, cut at 80 characters: the call
``nnet::dense<input_t, layer2_t, config2>`` becomes, with the functions it calls,
``dense_latency_ap_fixed_16_6_5_3_0_ap_fixed_16_6_5_3_0_config2_s``. The number behind ``config`` is the layer's. Vivado
HLS hides it behind zeros where a module has many constant arguments; those modules belong to no layer for certain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from knapprune.generated import GeneratedLayer, read_project
from knapprune.vendor.csynth import Module
from knapprune.vendor.design import Call, Design
from knapprune.vendor.folder import ReportError
from knapprune.vendor.utilisation import Utilisation

_INDEX = re.compile(r"config(\d+)(?=_|$)")
# The type right before the configuration is the function's result; a type that is known from before is cut to its name.
_RESULT = re.compile(
    r"(ap_u?fixed_\d+_\d+)_\d+_\d+_\d+(?:_\d+u)?_(?:\w+_)?config\d+|(ap_u?int_\d+)(?:_\d+u)?_config\d+"
)
_KIND = re.compile(
    r"^(?:pointwise_|depthwise_|separable_)?"
    r"(dense|conv_1d|conv_2d|compute_output_buffer|relu|softmax|sigmoid|tanh|normalize|pooling1d|pooling2d|zeropad)"
)
# What a convolution is made of, beside functions of its own kind.
_IN_CONVOLUTIONS = ("dense", "compute_output_buffer", "conv_1d", "conv_2d")


def index_of(module: str) -> int | None:
    """Read the number of the layer that a module was made for.

    Parameters
    ----------
    module
        The module's name.

    Returns
    -------
    int or None
        None where the name does not say.

    Examples
    --------
    >>> index_of("dense_latency_ap_ufixed_6_0_4_0_0_ap_fixed_22_11_5_3_0_config8_mult_s")
    8
    """
    found = _INDEX.search(module)
    return None if found is None else int(found[1])


def check_run(design: Design, modules: Mapping[str, Module], utilisation: Utilisation | None) -> None:
    """Refuse reports for another device, another interface, or with layers that the model has not.

    Parameters
    ----------
    design
        The model's own project.
    modules, utilisation
        The reports.

    Raises
    ------
    ReportError
        The message names the first thing, or layer, that does not match.
    """
    for module in modules.values():
        if module.part and not _same_part(module.part, design.part):
            raise ReportError(f"reports: made for part {module.part!r}, expected {design.part!r} as in hls_config")
    if utilisation is not None and utilisation.part and not _same_part(utilisation.part, design.part):
        raise ReportError(f"reports: vivado_synth.rpt is for {utilisation.part!r}, expected {design.part!r}")
    by_index = {call.index: call for call in design.calls if call.index is not None}
    numbered = sorted((index, name) for name in modules if (index := index_of(name)) is not None)
    for index, name in numbered:
        if index not in by_index:
            raise ReportError(f"reports: of another model: module {name!r} is of a layer {index}, this model has none")
        problem = _difference(by_index[index], name)
        if problem:
            raise ReportError(f"reports: of another model: layer {by_index[index].name!r} {problem}")
    for module in modules.values():
        missing = [name for name in design.arguments if not any(port.startswith(name) for port in module.ports)]
        if module.top == module.name and module.ports and missing:
            listed = ", ".join(module.ports)
            raise ReportError(f"reports: of another model: the top function has no port {missing[0]!r}, only {listed}")


def check_project(own: Path, other: Path) -> list[str]:
    """Refuse the hls4ml project of another model, where the reports stand in one.

    Parameters
    ----------
    own
        The model's own project.
    other
        The one with the reports.

    Returns
    -------
    list of str
        What differs but changes nothing that is counted.

    Raises
    ------
    ReportError
        The message names the first layer that does not match.
    """
    ours, theirs = read_project(own).layers, read_project(other).layers
    notes = []
    for mine, reported in zip(ours, theirs, strict=False):
        for what, expected, got in _settings(mine, reported):
            if expected != got:
                raise ReportError(
                    f"reports: of another model: layer {mine.name!r} has {what} {expected}, in {other} it is {got}"
                )
        if not np.array_equal(mine.weights != 0, reported.weights != 0):
            zeros = (int(np.count_nonzero(layer.weights == 0)) for layer in (mine, reported))
            raise ReportError(
                f"reports: of another model: layer {mine.name!r} has other zero weights than in {other} "
                f"({' against '.join(map(str, zeros))} zeros)"
            )
        if not np.array_equal(mine.weights, reported.weights):
            notes.append(f"layer {mine.name!r} has other values of its weights, and the same zeros")
    if len(ours) != len(theirs):
        extra = (ours if len(ours) > len(theirs) else theirs)[min(len(ours), len(theirs))]
        where = "this model" if len(ours) > len(theirs) else str(other)
        raise ReportError(f"reports: of another model: layer {extra.name!r} is only in {where}")
    return notes


def _settings(mine: GeneratedLayer, other: GeneratedLayer) -> Iterator[tuple[str, object, object]]:
    names = ("name", "strategy", "reuse_factor", "n_in", "n_out", "copies", "weight_bits", "data_bits")
    for name in names:
        yield name.replace("_", " "), getattr(mine, name), getattr(other, name)


def _difference(call: Call, module: str) -> str | None:
    theirs, ours = _KIND.match(module), _KIND.match(call.function)
    inside = _IN_CONVOLUTIONS if ours and ours[1].startswith("conv") else ()
    if theirs and ours and theirs[1] not in (ours[1], *inside):
        return f"is a {call.function}, in the reports it is module {module!r}"
    result = _RESULT.search(module)
    if result and theirs and call.result is not None:
        got = result[1] or result[2]
        if got != call.result:
            return f"has results of {call.result}, in the reports of {got} (module {module!r})"
    return None


def _same_part(one: str, other: str) -> bool:
    """Compare two spellings: reports leave out dashes, the grade's end, and sometimes the leading letters."""
    bare = [re.sub(r"[^a-z0-9]", "", part.lower()).removeprefix("xc") for part in (one, other)]
    return bare[0].startswith(bare[1]) or bare[1].startswith(bare[0])
