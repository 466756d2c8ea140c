"""Verilog of an adder graph: the same sums as in the generated C++, for a synthesis tool that reads no C++."""

from __future__ import annotations

from knapprune.hardware.adder_bits import Span, output_high, spans
from knapprune.hardware.adder_graph import AdderGraph, Value

#: The module of one sum.
SUM = """module sum #(parameter WIDTH = 1, parameter SUBTRACT = 0) (
  input [WIDTH-1:0] a, input [WIDTH-1:0] b, output [WIDTH-1:0] y
);
  generate
    if (SUBTRACT) assign y = a - b;
    else assign y = a + b;
  endgenerate
endmodule

"""


def verilog(graph: AdderGraph, module: str | None = None) -> str:
    """Write an adder graph as a Verilog module without a clock.

    Each sum is an instance of a module of its own, so that a synthesis tool can be told to leave it one: Yosys fuses a
    sum that only one other reads into a sum of many operands, without a carry chain.
    """
    known = spans(graph)
    inputs = {value.first: index for index, value in enumerate(graph.values) if value.kind == "input"}
    ports = [f"input [{_width(known[index]) - 1}:0] i{name}" for name, index in inputs.items() if _width(known[index])]
    lines = []
    for index, value in enumerate(graph.values):
        if _width(known[index]):
            lines.append(f"wire [{_width(known[index]) - 1}:0] v{index};")
            lines += _assignments(index, value, known)
    for place, output in enumerate(graph.outputs):
        if output.value is None:
            continue
        span = known[output.value]
        high = output_high(graph, output) - output.shift
        if high <= span.low:
            continue
        ports.append(f"output [{high - span.low - 1}:0] o{place}")
        whole = _bits(output.value, span, span.low, high)
        if output.negated:
            width = high - span.low
            lines.append(_sum(f"negative{place}", "subtract", width, f"{width}'d0", whole, f"o{place}"))
        else:
            lines.append(f"assign o{place} = {whole};")
    body = "\n".join(f"  {line}" for line in lines)
    return SUM + f"module {module or graph.name} (\n  {(',' + chr(10) + '  ').join(ports)}\n);\n{body}\nendmodule\n"


def _assignments(index: int, value: Value, known: list[Span]) -> list[str]:
    own = known[index]
    if value.kind == "input":
        return [f"assign v{index} = i{value.first};"]
    if value.kind == "constant":
        return [f"assign v{index} = {_constant(value.constant, own.low, _width(own))};"]
    if value.second is None:
        start = own.low + _trailing_zeros(value.constant, own.low)
    else:
        start = known[value.second].low + value.shift
    start = max(own.low, min(start, own.high))
    lines = []
    if start > own.low:
        lines.append(
            f"assign v{index}[{start - own.low - 1}:0] = {_bits(value.first, known[value.first], own.low, start)};"
        )
    if own.high > start:
        left = _bits(value.first, known[value.first], start, own.high)
        if value.second is None:
            right = _constant(value.constant, start, own.high - start)
        else:
            right = _bits(value.second, known[value.second], start - value.shift, own.high - value.shift)
        target = f"v{index}[{_width(own) - 1}:{start - own.low}]"
        lines.append(_sum(f"sum{index}", value.kind, own.high - start, left, right, target))
    return lines


def _bits(index: int, span: Span, low: int, high: int) -> str:
    """The bits of a value from place `low` up to `high`, zeros below it and its sign above it."""
    parts = []
    inside_low, inside_high = max(low, span.low), min(high, span.high)
    if high > max(low, span.high):
        filler = f"v{index}[{_width(span) - 1}]" if span.signed and _width(span) else "1'b0"
        parts.append(f"{{{high - max(low, span.high)}{{{filler}}}}}")
    if inside_high > inside_low:
        parts.append(f"v{index}[{inside_high - span.low - 1}:{inside_low - span.low}]")
    if min(high, span.low) > low:
        parts.append(f"{{{min(high, span.low) - low}{{1'b0}}}}")
    return f"{{{', '.join(parts)}}}"


def _sum(name: str, kind: str, width: int, left: str, right: str, target: str) -> str:
    return f"sum #({width}, {int(kind == 'subtract')}) {name} ({left}, {right}, {target});"


def _constant(number: float, low: int, width: int) -> str:
    return f"{width}'d{int(number * 2.0**-low) & ((1 << width) - 1)}"


def _trailing_zeros(number: float, low: int) -> int:
    whole = int(number * 2.0**-low)
    return (whole & -whole).bit_length() - 1 if whole else 0


def _width(span: Span) -> int:
    return span.high - span.low
