"""Reports against the model: refused where they are another model's."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path

import numpy as np

from knapprune.project.read import GeneratedLayer, GeneratedProject, read_project
from knapprune.verification.reports.csynth import Module
from knapprune.verification.reports.design import Design
from knapprune.verification.reports.folder import ReportError
from knapprune.verification.reports.names import index_of, kind_of, may_be_in, result_of
from knapprune.verification.reports.ports import by_argument, values
from knapprune.verification.reports.utilisation import Utilisation

_ACTIVATIONS = ("relu", "softmax", "sigmoid", "tanh")


def check_parts(part: str, modules: Mapping[str, Module], utilisation: Utilisation | None) -> None:
    """Refuse reports for another device."""
    for module in modules.values():
        if module.part and not _same_part(module.part, part):
            raise ReportError(f"reports: made for part {module.part!r}, expected {part!r} as in hls_config")
    if utilisation is not None and utilisation.part and not _same_part(utilisation.part, part):
        raise ReportError(f"reports: vivado_synth.rpt is for {utilisation.part!r}, expected {part!r}")


def check_run(design: Design, modules: Mapping[str, Module], doubtful: Collection[int] = ()) -> None:
    """Refuse reports of another interface, or with layers that the model has not."""
    by_index = {call.index: call for call in design.calls if call.index is not None}
    numbered = sorted((index, name) for name in modules if (index := index_of(name)) is not None)
    for index, name in numbered:
        call = by_index.get(index)
        if call is None:
            if kind_of(name) in (None, "zeropad") or index in doubtful:
                continue
            raise ReportError(f"reports: of another model: module {name!r} is of a layer {index}, this model has none")
        if not may_be_in(name, call.function) and kind_of(name) != "zeropad":
            raise ReportError(
                f"reports: of another model: layer {call.name!r} is a {call.function}, in the reports it is module "
                f"{name!r}"
            )
        result = result_of(name, call.function)
        if None not in (result, call.result) and result != call.result:
            raise ReportError(
                f"reports: of another model: layer {call.name!r} has results of {call.result}, in the reports of "
                f"{result} (module {name!r})"
            )


def check_interface(design: Design, top: Module) -> list[str]:
    """Refuse a top function with other arguments."""
    if not top.ports:
        return []
    ports = by_argument(top.ports, [argument.name for argument in design.arguments])
    missing = [argument for argument in design.arguments if not ports[argument.name]]
    known = [port for own in ports.values() for port in own]
    strange = [port for port in top.ports if port.inward and port not in known]
    inputs = [argument for argument in missing if not argument.output]
    # A model that was saved and loaded may call its input otherwise; what goes in is still as much.
    if len(missing) == len(inputs) == 1 and strange and values(strange, inputs[0].bits) in (None, inputs[0].values):
        return [f"input {inputs[0].name!r} is called {strange[0].argument!r} in the reports"]
    if missing:
        listed = ", ".join(dict.fromkeys(port.argument for port in top.ports))
        raise ReportError(f"reports: of another model: the top function has no port {missing[0].name!r}, only {listed}")
    return []


def check_activations(design: Design, other: Design) -> None:
    """Refuse a project with other activations, which have no kernel to compare."""
    mine, theirs = ([call for call in one.calls if kind_of(call.function) in _ACTIVATIONS] for one in (design, other))
    for call, reported in zip_longest(mine, theirs):
        if call is None or reported is None:
            extra = call or reported
            where = "this model" if reported is None else "the project around the reports"
            raise ReportError(f"reports: of another model: layer {extra.name!r} is only in {where}")
        if kind_of(call.function) != kind_of(reported.function):
            raise ReportError(
                f"reports: of another model: layer {call.name!r} is a {call.function}, in the project around the "
                f"reports it is a {reported.function}"
            )


def check_project(ours: GeneratedProject, other: Path) -> list[str]:
    """Refuse the hls4ml project of another model, where the reports stand in one."""
    theirs = read_project(other)
    # hls4ml up to 0.8 computes a separable convolution in one function, which has no reader.
    whole = tuple(f"{name}_" for name in theirs.others)
    mine = [layer for layer in ours.layers if not layer.name.startswith(whole)]
    notes = [f"layer {name!r} is not compared with {other}" for name in theirs.others if name not in ours.others]
    for layer, reported in zip(mine, theirs.layers, strict=False):
        for what, expected, got in _settings(layer, reported):
            if expected != got:
                raise ReportError(
                    f"reports: of another model: layer {layer.name!r} has {what} {expected}, in {other} it is {got}"
                )
        if not np.array_equal(layer.weights != 0, reported.weights != 0):
            zeros = (int(np.count_nonzero(one.weights == 0)) for one in (layer, reported))
            raise ReportError(
                f"reports: of another model: layer {layer.name!r} has other zero weights than in {other} "
                f"({' against '.join(map(str, zeros))} zeros)"
            )
        if not np.array_equal(layer.weights, reported.weights):
            notes.append(f"layer {layer.name!r} has other values of its weights, and the same zeros")
    if len(mine) != len(theirs.layers):
        longer = mine if len(mine) > len(theirs.layers) else theirs.layers
        extra = longer[min(len(mine), len(theirs.layers))]
        where = "this model" if longer is mine else str(other)
        raise ReportError(f"reports: of another model: layer {extra.name!r} is only in {where}")
    return notes


def _settings(mine: GeneratedLayer, other: GeneratedLayer) -> Iterator[tuple[str, object, object]]:
    names = ("name", "strategy", "reuse_factor", "n_in", "n_out", "copies", "weight_bits", "data_bits")
    for name in names:
        yield name.replace("_", " "), getattr(mine, name), getattr(other, name)


def _same_part(one: str, other: str) -> bool:
    """Compare two spellings: reports leave out dashes, the grade's end, and sometimes the leading letters."""
    bare = [re.sub(r"[^a-z0-9]", "", part.lower()).removeprefix("xc") for part in (one, other)]
    return bare[0].startswith(bare[1]) or bare[1].startswith(bare[0])
