"""Why hardware computes something else than its model: the first result that leaves it, and a type that would do."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Mapping
from math import frexp
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.adapter import Adapter, AxesAdapter, FoldsNormalisations
from knapprune.adapters.types_adapter import RoundsData
from knapprune.network.batches import Batch, parts_of
from knapprune.network.hls_config import HlsConfig, as_dict, own_entry
from knapprune.network.hls_config_file import read_hls_config
from knapprune.network.precision import FixedPoint
from knapprune.project.emulation import in_order
from knapprune.project.export import export
from knapprune.tools import quiet

Array = npt.NDArray[np.floating[Any]]

FAR = 0.25
"""Distance of outputs, as a share of how far the model's own lie from their mean (root mean squares), that is told."""
BEYOND = 0.01
"""Share of the inputs that may lie beyond the ends of their type without being told."""
SAMPLES = 256
"""Samples whose results are compared one by one."""


class CollapseWarning(UserWarning):
    """The hardware's output leaves the model's: a type overflows, or is too coarse."""


def distance(model: Any, hardware: Any) -> float:
    """Say how far the hardware's outputs are from the model's, as a share of how these vary."""
    if isinstance(model, Mapping):
        model, hardware = list(model.values()), [hardware[name] for name in model]
    pairs = zip(parts_of(model), parts_of(hardware), strict=True)
    return max((_distance(np.asarray(own), np.asarray(other)) for own, other in pairs), default=0.0)


def collapse(framework: Adapter, model: Any, config: HlsConfig, inputs: Any, far: float) -> str:
    """Describe a collapse: how far the outputs are apart, and where they part."""
    told = (
        f"the hardware's outputs are {far:.0%} off the model's (root mean square, of the spread of the model's own): a "
        "type overflows or is too coarse"
    )
    place = _first_far(framework, model, config, inputs) if isinstance(framework, RoundsData) else None
    return told if place is None else f"{told}; first {place}"


def _first_far(framework: RoundsData, model: Any, config: HlsConfig, inputs: Any) -> str | None:
    """Find the first result that leaves the model's, by comparing what each layer computes."""
    assert isinstance(framework, Adapter)
    given: Any = inputs
    if isinstance(inputs, Mapping):
        given = {name: part[:SAMPLES] for name, part in inputs.items()}
    else:
        given = [part[:SAMPLES] for part in inputs] if isinstance(inputs, list | tuple) else inputs[:SAMPLES]
    size = len(parts_of(given)[0])
    results = framework.results(model)
    nodes = {name: node.name for name, node in results.items() if not node.given}
    traced, types = _traced(framework, model, config, given, nodes.values())
    values = framework.values(model, Batch(given, None, None, size))
    for name in (name for name, node in results.items() if node.given):
        kind = types.get(results[name].name)
        if kind is not None and not _holds(kind, values[name]):
            return f"at input {name!r}, {_remedy(values[name], kind)}"
    for name in _comparable(framework, model, config, nodes):
        node = nodes[name]
        if node not in traced or traced[node].size != values[name].size:
            continue
        # Axes may stand in another order, so what a sample computes is compared in order of size.
        own, other = (np.sort(array.reshape(size, -1), axis=1) for array in (values[name], traced[node]))
        far = _distance(own, other)
        if far > FAR:
            return f"in layer {name!r}, {far:.0%} off, {_remedy(own, types.get(node))}"
    return None


def _holds(kind: FixedPoint, values: Array) -> bool:
    """Say whether nearly all values lie between the ends of a type."""
    step = 2.0**-kind.fraction
    inside = (values >= kind.low * step) & (values < (kind.high + 1) * step)
    return float(np.mean(inside)) > 1 - BEYOND


def _remedy(values: Array, kind: FixedPoint | None) -> str:
    """Say what the type of a result holds, what comes out, and which type would do."""
    low, high = float(values.min()), float(values.max())
    seen = f"whose values reach from {low:.4g} to {high:.4g}"
    if kind is None:
        return f"{seen}; give it a wider result or accumulator precision"
    step = 2.0**-kind.fraction
    signed = low < 0
    whole = frexp(max(high, -low))[1] + signed
    if high >= (kind.high + 1) * step or low < kind.low * step:
        wide = FixedPoint(whole + max(kind.fraction, 0), whole, signed)
        return (
            f"{seen}, and its type {kind} from {kind.low * step:.4g} to {kind.high * step:.4g}; {wide} would do, with "
            "'auto' for the sums that lead there (accum, and result before an activation)"
        )
    if step > np.sqrt(np.mean(np.square(values))) / 2:
        fine = FixedPoint(kind.width + 6, kind.integer, kind.signed)
        return f"{seen}, and its type {kind} has steps of {step:.4g}; {fine} would do"
    return f"{seen}, which its type {kind} holds; give it a wider accumulator (accum) or weight precision"


def _comparable(framework: Any, model: Any, config: HlsConfig, nodes: Mapping[str, str]) -> Iterator[str]:
    """Leave out layers that hls4ml multiplies a normalisation into: what comes out is the normalisation's result."""
    changed: set[str] = set()
    if isinstance(framework, FoldsNormalisations):
        kernels = framework.kernels(model)
        folded = framework.folded(model, kernels, config)
        changed = {name for name, kernel in kernels.items() if not np.array_equal(kernel, folded[name])}
    return (name for name in nodes if name not in changed)


def _traced(
    framework: Any, model: Any, config: HlsConfig, inputs: Any, nodes: Any
) -> tuple[dict[str, Array], dict[str, FixedPoint]]:
    """Have hls4ml build the project once more, so that it shows what each layer computes."""
    written = as_dict(config)
    for node in nodes:
        # ParallelizationFactor is looked for in no other place once there is an entry.
        first = config.layer_names.get(node) or {"ParallelizationFactor": config.parallelization_factor(node, "")}
        own_entry(written, node, first)["Trace"] = True
    with tempfile.TemporaryDirectory(prefix="knapprune-") as folder:
        project = export(model, as_dict(read_hls_config(written)), Path(folder) / "project")
        arrays = in_order(inputs, project.graph) if isinstance(inputs, Mapping) else inputs
        arrays = framework.to_hls4ml(arrays, config) if isinstance(framework, AxesAdapter) else arrays
        whole = [np.ascontiguousarray(part, np.float32) for part in parts_of(arrays)]
        with quiet(io.StringIO()):  # it compiles anew
            _, traced = project.graph.trace(whole if len(whole) > 1 else whole[0])
        types = {name: _type(layer) for name, layer in project.graph.graph.items()}
    return dict(traced), {name: kind for name, kind in types.items() if kind is not None}


def _type(layer: Any) -> FixedPoint | None:
    precision: Any = getattr(layer.get_output_variable().type, "precision", None)
    if not hasattr(precision, "integer"):
        return None
    return FixedPoint(int(precision.width), int(precision.integer), bool(precision.signed))


def _distance(own: Array, other: Array) -> float:
    spread = float(np.sqrt(np.mean(np.square(own - own.mean(axis=0)))))
    apart = float(np.sqrt(np.mean(np.square(own - other.reshape(own.shape)))))
    if apart == 0:
        return 0.0
    return apart / spread if spread > 0 else np.inf
