"""Look-up tables of adder graphs: by the rules of the carry chain, and as Yosys maps them where it is installed."""

from dataclasses import replace

import pytest

from knapprune.hardware.adder_bits import look_up_tables
from knapprune.hardware.adder_graph import AdderGraph, Output, Value
from knapprune.network.precision import FixedPoint
from knapprune.verification.verilog import verilog
from knapprune.verification.yosys import synthesise


def one_sum(kind, left, right, shift=0, constant=0.0, result=None, out=None):
    """A graph of one adder of two inputs; types as (width, integer, signed)."""
    values = [Value("input", FixedPoint(*left), 0)]
    second = None
    if right is not None:
        values.append(Value("input", FixedPoint(*right), 1))
        second = 1
    out = FixedPoint(*out)
    values.append(Value(kind, out, 0, second, shift, constant))
    graph = AdderGraph("one", 2, tuple(values), (Output(len(values) - 1, out),))
    return graph.with_result(result) if result else graph


U8, S8 = (8, 8, False), (8, 8, True)


ONE_SUM = [
    (one_sum("add", U8, U8, out=(9, 9, False)), 8),  # the carry out is a wire
    (one_sum("add", S8, S8, out=(9, 9, True)), 8),  # the sign's table serves both bits
    (one_sum("add", S8, S8, shift=3, out=(12, 12, True)), 8),  # three bits pass below
    (one_sum("add", S8, U8, shift=-3, out=(12, 9, True)), 5),  # below and above, one operand alone is passed on
    (one_sum("subtract", S8, S8, shift=-3, out=(12, 9, True)), 8 + 3),  # three inverters below
    (one_sum("add", U8, None, constant=5.0, out=(9, 9, False)), 2),  # an inverter for each 1
    (one_sum("add", S8, S8, out=(9, 9, True), result="fixed<4,4>"), 4),  # what is above the result is dropped
]


@pytest.mark.parametrize(("graph", "tables"), ONE_SUM)
def test_look_up_tables_of_one_adder(graph, tables):
    assert look_up_tables(graph) == tables


def side_by_side(graphs):
    """One graph of several that share nothing: Yosys starts only once."""
    inputs, values, outputs = 0, [], []
    for graph in graphs:
        first = len(values)
        for value in graph.values:
            if value.kind == "input":
                values.append(replace(value, first=value.first + inputs))
            else:
                second = None if value.second is None else value.second + first
                values.append(replace(value, first=value.first + first, second=second))
        outputs += [replace(output, value=output.value + first) for output in graph.outputs]
        inputs += graph.inputs
    return AdderGraph("several", inputs, tuple(values), tuple(outputs))


@pytest.mark.needs("yosys")
def test_yosys_takes_as_many():
    graphs, tables = zip(*(case for case in ONE_SUM if case[0].result is None), strict=True)
    graph = side_by_side(graphs)
    assert synthesise(verilog(graph), graph.name).lut == look_up_tables(graph) == sum(tables)
