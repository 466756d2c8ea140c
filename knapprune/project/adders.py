"""Which layers of a generated project are adder graphs, and which function each of them calls.

hls4ml writes the call of such a function in four ways: straight into the top function (Dense, io_parallel), into the
layer's struct (convolutions in io_parallel, Dense in io_stream, EinsumDense), or into that of its multiplier
(convolutions in io_stream). The layer's number in the function's name is what they have in common.
"""

from __future__ import annotations

import re

from knapprune.hardware.adder_graph import AdderGraph, AdderGraphError, LayerAdders, read_adder_graphs
from knapprune.project.firmware import Firmware

_TYPE = re.compile(r"ap_u?(?:fixed|int)<[^<>]*>")
_MULTIPLIER = re.compile(r"typedef (\w+) mult_config;")
_FUNCTION = re.compile(r"\b(?:dense_da_(?:wrapper_)?|einsum_dense)(\d+)(?=_da_kernel|<|$)", re.MULTILINE)
_PARALLEL = re.compile(r"static const unsigned (?:n_pixels|parallelization_factor) = (\d+);")


def layer_adders(texts: Firmware) -> dict[str, LayerAdders]:
    """Find the layers that are adder graphs."""
    types = {name: word[0] for name, text in texts.types.items() if (word := _TYPE.search(text))}
    graphs = read_adder_graphs(texts.generated)
    layers: dict[str, LayerAdders] = {}
    for call in texts.calls:
        body = next((texts.structs[name] for name in call.template if name in texts.structs), "")
        multiplier = _MULTIPLIER.search(body)
        whole = "\n".join([call.function, body, texts.structs.get(multiplier[1], "") if multiplier else ""])
        number = _FUNCTION.search(whole)
        if number is None:
            continue
        mine = _of_layer(graphs, number[1], call.name)
        # The first type is that of the data, the second that of the result. An einsum cuts its sums later.
        result = [types[name] for name in call.template if name in types][1]
        if call.function != "einsum_dense":
            mine = tuple(graph.with_result(result) for graph in mine)
        parallel = _PARALLEL.search(body)
        layers[call.name] = LayerAdders(call.name, mine, int(parallel[1]) if parallel else 1)
    return layers


def _of_layer(graphs: dict[str, AdderGraph], number: str, layer: str) -> tuple[AdderGraph, ...]:
    own = tuple(
        graph
        for name, graph in graphs.items()
        if name == f"dense_da_{number}" or name.startswith(f"einsum_{number}_da_")
    )
    if not own:
        raise AdderGraphError(f"layer {layer!r}: its adder graph dense_da_{number} is not in nnet_code_gen.h")
    return own
