"""Which bits of an adder graph are computed, and by how many look-up tables.

On Xilinx devices a sum is a carry chain. Each of its bits takes one look-up table, which gives the carry chain the
exclusive or of the two operands' bits; the chain does the rest. So not every bit of a sum costs one:

- where only one operand has bits (below a shifted operand, or above an unsigned one), an addition passes them on;
- sign extension repeats a bit, and its look-up table with it;
- a subtraction inverts the bits it has no partner for: a look-up table of one input, shared by all that need it;
- bits above the type of the layer's result are dropped, and so are those of earlier sums that only lead there.

Shifts are wires. What an add of constants costs follows in the same way: nothing for a 0, an inverter for a 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from knapprune.hardware.adder_graph import AdderGraph, Output, Value

# One bit of a signal, by the index of its value and its place above the binary point; None stands for a constant 0.
Bit = tuple[int, int] | None


@dataclass(frozen=True)
class Span:
    """The places of a value's bits: ``low`` is the lowest, ``high`` is above the highest.

    Parameters
    ----------
    low, high
        Exponents of two.
    signed
        Whether the highest bit repeats above.
    """

    low: int
    high: int
    signed: bool

    def bit(self, index: int, place: int) -> Bit:
        """Find the bit of value `index` that stands at a place."""
        if self.low <= place < self.high:
            return index, place
        return (index, self.high - 1) if place >= self.high and self.signed and self.high > self.low else None


def spans(graph: AdderGraph) -> list[Span]:
    """List the places of the bits that are computed of each value."""
    highest = _highest_needed(graph)
    return [
        Span(-kept.fraction, max(-kept.fraction, min(kept.integer, high)), kept.signed)
        for kept, high in zip((value.type for value in graph.values), highest, strict=True)
    ]


def output_high(graph: AdderGraph, output: Output) -> int:
    """Find how far up an output is kept."""
    return output.type.integer if graph.result is None else min(output.type.integer, graph.result.integer)


def look_up_tables(graph: AdderGraph) -> int:
    """Predict the look-up tables of an adder graph."""
    known = spans(graph)
    inverters: set[Bit] = set()
    tables = 0
    for index, value in enumerate(graph.values):
        if value.kind in ("add", "subtract"):
            pairs = [_operand_bits(value, place, known) for place in range(known[index].low, known[index].high)]
            tables += _chain(pairs, value.kind == "subtract", inverters)
    for output in graph.outputs:
        if output.negated and output.value is not None:
            span = known[output.value]
            high = output_high(graph, output) - output.shift
            pairs = [(None, span.bit(output.value, place)) for place in range(span.low, high)]
            tables += _chain(pairs, True, inverters)
    return tables + len(inverters)


def _highest_needed(graph: AdderGraph) -> list[int]:
    nothing = -(1 << 30)
    highest = [nothing] * len(graph.values)
    for output in graph.outputs:
        if output.value is not None:
            highest[output.value] = max(highest[output.value], output_high(graph, output) - output.shift)
    for index in range(len(graph.values) - 1, -1, -1):
        value = graph.values[index]
        if value.kind not in ("add", "subtract"):
            continue
        high = min(highest[index], value.type.integer)
        highest[value.first] = max(highest[value.first], high)
        if value.second is not None:
            highest[value.second] = max(highest[value.second], high - value.shift)
    return highest


def _operand_bits(value: Value, place: int, known: list[Span]) -> tuple[Bit, Bit | bool]:
    left = known[value.first].bit(value.first, place)
    if value.second is None:
        return left, bool(int(value.constant * 2.0**-place) & 1)
    return left, known[value.second].bit(value.second, place - value.shift)


def _chain(pairs: list[tuple[Bit, Bit | bool]], subtracts: bool, inverters: set[Bit]) -> int:
    """Count the tables of one carry chain, lowest bit first; its inverters go to those of the whole graph."""
    both: set[tuple[Bit, Bit | bool]] = set()
    # Below the right operand's lowest bit nothing happens.
    start = next((place for place, (_, right) in enumerate(pairs) if right), len(pairs))
    for left, right in pairs[start:]:
        if isinstance(right, tuple):
            if left is not None:
                both.add((left, right))
            elif subtracts:
                inverters.add(right)
        elif left is not None and subtracts is not bool(right):
            inverters.add(left)
    return len(both)
