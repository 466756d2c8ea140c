"""The numbers of layers in reports, where another version of hls4ml has counted otherwise.

hls4ml numbers layers in the order in which it makes them. Reading a model of Keras 2 it makes a linear activation for a
layer that has none, and removes it again: ``config5`` there is ``config4`` where Keras 3 is read. The order is the
same. Padding in front of a convolution is a layer that hls4ml adds at the end, and gets another number in each version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from knapprune.verification.reports.csynth import Module
from knapprune.verification.reports.design import Argument, Call, Design
from knapprune.verification.reports.folder import ReportError
from knapprune.verification.reports.names import hides_its_layer, index_of, kind_of, may_be_in, result_of
from knapprune.verification.reports.sizes import fits

_OUTPUT = re.compile(r"layer(\d+)_out")
_MULTIPLYING = ("dense", "conv_1d", "conv_2d")


def as_numbered(design: Design, modules: Mapping[str, Module], top: Module, dead: int) -> tuple[Design, frozenset[int]]:
    """Number a model's layers as its reports do."""
    theirs = {int(match[1]) for port in top.ports if (match := _OUTPUT.match(port.argument))}
    ours = {int(match[1]) for argument in design.arguments if (match := _OUTPUT.match(argument.name))}
    design = _without_doubtful_padding(design, modules)
    if theirs == ours or len(theirs) != len(ours):
        return design, frozenset()
    calls = sorted((call for call in design.calls if call.index is not None), key=lambda call: call.index or 0)
    calls = [call for call in calls if kind_of(call.function) != "zeropad"]
    numbered = [(index_of(name), one) for name, one in modules.items() if kind_of(name) not in (None, "zeropad")]
    numbers = sorted({index for index, _ in numbered if index is not None} | theirs)
    possible = [
        [
            (number in theirs) == (call.index in ours)
            and all(_may_be(call, module, dead) for index, module in numbered if index == number)
            for call in calls
        ]
        for number in numbers
    ]
    first = _first(possible)
    if len(first) < len(numbers):
        names = [module.name for index, module in numbered if index == numbers[len(first)]]
        if not names:
            return design, frozenset()  # an output alone, which is missed as a port
        behind = f" behind {calls[first[-1]].name!r}" if first else ""
        raise ReportError(f"reports: of another model: module {names[0]!r} fits none of its layers{behind}")
    latest = [len(calls) - 1 - position for position in _first([row[::-1] for row in possible[::-1]])[::-1]]
    certain = {
        calls[position].index: number
        for number, position, other in zip(numbers, first, latest, strict=True)
        if position == other
    }
    taken = {calls[position].name for position in first}
    missing = [call.name for call in calls if call.name not in taken and kind_of(call.function) in _MULTIPLYING]
    _check_hidden(missing, modules, top)
    numbered_design = replace(
        design,
        arguments=tuple(_renamed(argument, certain) for argument in design.arguments),
        calls=tuple(replace(call, index=certain.get(call.index)) for call in design.calls),
    )
    return numbered_design, frozenset(numbers) - frozenset(certain.values())


def _check_hidden(missing: Sequence[str], modules: Mapping[str, Module], top: Module) -> None:
    inside = {inner for name, one in modules.items() if index_of(name) is not None for inner in one.instances or ()}
    hidden = [name for name in modules if hides_its_layer(name) and name not in inside]
    # Without the text a hidden module may be inside another, so that there may be more of them than layers.
    if len(missing) > len(hidden) or (len(missing) < len(hidden) and top.instances is not None):
        raise ReportError(
            f"reports: of another model: layers without a module are {', '.join(missing) or 'none'}, and modules that "
            f"hide their layer {', '.join(hidden) or 'none'}, expected one for each"
        )


def _without_doubtful_padding(design: Design, modules: Mapping[str, Module]) -> Design:
    theirs = {index_of(name) for name in modules if kind_of(name) == "zeropad"}
    ours = {call.index for call in design.calls if kind_of(call.function) == "zeropad"}
    if theirs == ours:
        return design
    calls = (replace(call, index=None) if call.index in ours else call for call in design.calls)
    return replace(design, calls=tuple(calls))


def _may_be(call: Call, module: Module, dead: int) -> bool:
    result = result_of(module.name, call.function)
    return may_be_in(module.name, call.function) and result in (None, call.result) and fits(call, module, dead)


def _first(possible: Sequence[Sequence[bool]]) -> list[int]:
    """Give each row the first position that is possible for it and behind that of the row before, if there is one."""
    positions: list[int] = []
    for row in possible:
        start = positions[-1] + 1 if positions else 0
        position = next((i for i in range(start, len(row)) if row[i]), None)
        if position is None:
            break
        positions.append(position)
    return positions


def _renamed(argument: Argument, numbers: Mapping[int | None, int]) -> Argument:
    match = _OUTPUT.match(argument.name)
    number = numbers.get(int(match[1])) if match else None
    return argument if number is None else replace(argument, name=f"layer{number}_out")
