"""The numbers of layers in reports, where another version of hls4ml has counted otherwise.

hls4ml numbers layers in the order in which it makes them. Reading a model of Keras 2 it makes a linear activation for a
layer that has none, and removes it again: ``config5`` there is ``config4`` where Keras 3 is read. The order is the
same. Padding in front of a convolution is a layer that hls4ml adds at the end, and gets another number in each version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from knapprune.vendor.csynth import Module
from knapprune.vendor.design import Argument, Call, Design
from knapprune.vendor.names import hides_its_layer, index_of, kind_of, may_be_in, result_of
from knapprune.vendor.sizes import fits

_OUTPUT = re.compile(r"layer(\d+)_out")
_MULTIPLYING = ("dense", "conv_1d", "conv_2d")


def as_numbered(design: Design, modules: Mapping[str, Module], top: Module, dead: int) -> Design:
    """Number a model's layers as its reports do.

    Parameters
    ----------
    design
        The model's own project.
    modules
        The reports.
    top
        The top function among them.
    dead
        How many values may lack a port.

    Returns
    -------
    Design
        The same with the numbers of the reports, None for layers that have none there for certain. The design as it is
        where its outputs have their numbers, and where no order of its layers fits them: they are of another model.
    """
    theirs = {int(found[1]) for port in top.ports if (found := _OUTPUT.match(port.argument))}
    ours = {int(found[1]) for argument in design.arguments if (found := _OUTPUT.match(argument.name))}
    design = _without_doubtful_padding(design, modules)
    if not theirs or theirs == ours:
        return design
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
    first, last = _first(possible), _first([row[::-1] for row in possible[::-1]])
    if first is None or last is None:
        return design
    latest = [len(calls) - 1 - position for position in last[::-1]]
    certain = {
        calls[position].index: number
        for number, position, other in zip(numbers, first, latest, strict=True)
        if position == other
    }
    open_calls = [call for call in calls if call.index not in certain and kind_of(call.function) in _MULTIPLYING]
    hidden = [name for name in modules if hides_its_layer(name)]
    if len(open_calls) != len(hidden):
        return design
    return replace(
        design,
        arguments=tuple(_renamed(argument, certain) for argument in design.arguments),
        calls=tuple(replace(call, index=certain.get(call.index)) for call in design.calls),
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


def _first(possible: Sequence[Sequence[bool]]) -> list[int] | None:
    """Give each row the first position that is possible for it and behind that of the row before."""
    positions: list[int] = []
    for row in possible:
        start = positions[-1] + 1 if positions else 0
        position = next((i for i in range(start, len(row)) if row[i]), None)
        if position is None:
            return None
        positions.append(position)
    return positions


def _renamed(argument: Argument, numbers: Mapping[int | None, int]) -> Argument:
    found = _OUTPUT.match(argument.name)
    number = numbers.get(int(found[1])) if found else None
    return argument if number is None else replace(argument, name=f"layer{number}_out")
