"""Adder graphs of Dense layers with a ReLU between them, as one module of Verilog."""

from __future__ import annotations

from collections.abc import Sequence

from knapprune.hardware.adder_bits import output_high, spans
from knapprune.hardware.adder_graph import LayerAdders
from knapprune.network.precision import FixedPoint
from knapprune.verification.verilog import verilog


def whole_network(layers: Sequence[LayerAdders], data: FixedPoint) -> str:
    """Write Dense layers with a ReLU between them as one module, so that Yosys sees through from end to end."""
    graphs = [layer.graphs[0] for layer in layers]
    # The module of a sum is in front of each; one is enough.
    texts = [verilog(graphs[0])]
    texts += [verilog(graph).partition("endmodule\n\n")[2] for graph in graphs[1:]]
    ports: list[str] = []
    lines: list[str] = []
    signals = [f"x{index}" for index in range(graphs[0].inputs)]
    ports += [f"input [{data.width - 1}:0] {signal}" for signal in signals]
    for place, graph in enumerate(graphs):
        known = spans(graph)
        wires = {value.first: known[index] for index, value in enumerate(graph.values) if value.kind == "input"}
        pins = [f".i{index}({signals[index]}[{span.high - span.low - 1}:0])" for index, span in wires.items()]
        signals = []
        for index, output in enumerate(graph.outputs):
            assert output.value is not None
            assert graph.result is not None
            low = known[output.value].low + output.shift
            high = output_high(graph, output)
            name, last = f"y{place}_{index}", place == len(graphs) - 1
            (ports if last else lines).append(f"{'output' if last else 'wire'} [{high - low - 1}:0] {name}")
            pins.append(f".o{index}({name})")
            signals.append(f"r{place}_{index}")
            if not last:
                lines.append(relu(name, low, high, graph.result, data, signals[-1]))
        lines.append(f"{graph.name} layer{place} ({', '.join(pins)})")
    body = "".join(f"  {line};\n" for line in lines)
    return "\n".join([*texts, f"module network ({', '.join(ports)});\n{body}endmodule\n"])


def relu(name: str, low: int, high: int, kept: FixedPoint, data: FixedPoint, target: str) -> str:
    """Cut an output to its layer's type, and what is not negative to the type of the data; wrap what does not fit."""

    def bit(place: int) -> str:
        return f"{name}[{min(place, high - 1) - low}]" if place >= low else "1'b0"

    bits = [bit(place) for place in range(data.integer - 1, -data.fraction - 1, -1)]
    return f"wire [{data.width - 1}:0] {target} = {{{data.width}{{~{bit(kept.integer - 1)}}}}} & {{{', '.join(bits)}}}"
