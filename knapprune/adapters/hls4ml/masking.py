"""A masked copy of an hls4ml graph that generates the code of the masked weights."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.hls4ml.nodes import kernels_of
from knapprune.adapters.mask_check import check_masks

# The flows that look at weights: the unrolled code and the configuration structs are attributes of a node, made on
# conversion and only written out by ``write``.
_LOOK_AT_WEIGHTS = ("specific_types", "apply_templates")


def copy_graph(graph: Any) -> Any:
    """Copy a graph with its weights and settings."""
    source = graph.config.config
    shared = [graph.config.backend, *(source[name] for name in source if name.endswith("Model"))]
    known: dict[int, Any] = {id(kept): kept for kept in shared}
    if graph._top_function_lib is not None:
        known[id(graph._top_function_lib)] = None
    return deepcopy(graph, known)


def masked_graph(graph: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> Any:
    """Copy a graph with masked weights set to zero, and generate anew what hls4ml derives from weights."""
    from hls4ml.model.flow import get_flow

    shapes = {name: kernel.read().shape for name, kernel in kernels_of(graph).items() if not kernel.binary}
    fitting = check_masks(masks, shapes, "the graph")
    copy = copy_graph(graph)
    for name, kernel in kernels_of(copy).items():
        if name in fitting:
            kernel.write(np.where(fitting[name], kernel.read(), 0))
    for flow in get_flow(copy.config.backend.get_default_flow()).requires:
        if flow.endswith(_LOOK_AT_WEIGHTS):
            copy.apply_flow(flow)
    return copy
