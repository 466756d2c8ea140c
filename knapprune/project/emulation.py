"""Run a generated project bit by bit on the CPU: compile it with g++ and predict with what it compiled to."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapprune.project.export import Project
from knapprune.tools import quiet, require_program


class CompilationError(RuntimeError):
    """g++ did not accept a generated project; the message ends with what it said."""


OPTIMISED_LINE = 8e-3
"""Seconds that g++ takes longer with optimisation for each product that has a line of its own, as measured."""

UNOPTIMISED_PRODUCT = 4e-7
"""Seconds that each product takes longer without, as measured."""


def build(project: Project, samples: int | None = None) -> None:
    """Compile a project with g++, where it stands. Do not move it afterwards: the library knows the weights' path."""
    require_compiler()
    said = io.StringIO()
    try:
        with quiet(said), _optimisation(project, samples is None or optimising_pays(project.graph, samples)):
            # Not `compile`, which writes the whole project once more.
            project.graph._compile()
    except Exception as error:
        tail = "\n".join(said.getvalue().splitlines()[-20:])
        raise CompilationError(f"{project.folder}: g++ failed to compile the project:\n{tail}") from error


def optimising_pays(graph: Any, samples: int) -> bool:
    """Weigh the time that g++ needs to optimise against the time it saves.

    A convolution computes its products for every pixel, so it soon pays; an unrolled layer has a line a product.
    """
    lines = products = 0
    for layer in graph.get_layers():
        weight = layer.weights.get("weight")
        if weight is None:
            continue
        unrolled = str(layer.get_attr("strategy")).lower() == "resource_unrolled"
        count = int(np.count_nonzero(weight.data) if unrolled else np.size(weight.data))
        lines += count if unrolled else 0
        products += count * (layer.get_attr("out_height") or 1) * (layer.get_attr("out_width") or 1)
    return samples * products * UNOPTIMISED_PRODUCT > lines * OPTIMISED_LINE


@contextmanager
def _optimisation(project: Project, wanted: bool) -> Iterator[None]:
    """Take ``-O3`` out of the project's build script while the block runs."""
    script = project.folder / "build_lib.sh"
    written = script.read_text(encoding="utf-8")
    if wanted or "-O3" not in written:
        yield
        return
    script.write_text(written.replace("-O3", "-O0"), encoding="utf-8")
    try:
        yield
    finally:
        script.write_text(written, encoding="utf-8")


def require_compiler() -> None:
    """Check that g++ is there."""
    require_program("g++", install="apt-get install g++ (or dnf install gcc-c++)")


def in_order(inputs: Mapping[str, Any], graph: Any) -> list[Any]:
    """List inputs that are given by name in the order in which a project takes them."""
    names = [str(name) for name in graph.inputs]
    if inputs.keys() != set(names):
        raise ValueError(f"data: got inputs {sorted(inputs)}, expected {names}, as the model's input layers are named")
    return [inputs[name] for name in names]


def predict(
    project: Project, inputs: Any, output_shapes: Sequence[tuple[int, ...]], *, batch_size: int = 1024
) -> list[NDArray[np.float32]]:
    """Predict with a compiled project, bit for bit as the hardware would."""
    arrays = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    samples = len(arrays[0])
    outputs = [np.empty((samples, *shape), dtype=np.float32) for shape in output_shapes]
    for start in range(0, samples, batch_size):
        stop = min(start + batch_size, samples)
        batch = [np.ascontiguousarray(array[start:stop], dtype=np.float32) for array in arrays]
        predicted = project.graph.predict(batch if len(batch) > 1 else batch[0])
        for output, part in zip(outputs, predicted if len(outputs) > 1 else [predicted], strict=True):
            # hls4ml flattens every sample, and drops the sample axis when there is only one.
            output[start:stop] = np.reshape(part, output[start:stop].shape)
    return outputs
