"""Run a generated project bit by bit on the CPU: compile it with g++ and predict with what it compiled to."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapprune.export import MissingToolError, Project, quiet


class CompilationError(RuntimeError):
    """g++ did not accept a generated project; the message ends with what it said."""


QUICK_SAMPLES = 10_000
"""Up to here compiling without optimisation pays: measured, it saves 8 ms and costs 0.4 us a sample, per product."""


def build(project: Project, samples: int = QUICK_SAMPLES + 1) -> None:
    """Compile a project with g++, where it stands. Do not move it afterwards: the library knows the weights' path.

    Parameters
    ----------
    project
        A written project.
    samples
        How many will be predicted. For few, g++ is told not to optimise: the bits are the same, and unrolled layers
        compile in a quarter of the time.

    Raises
    ------
    MissingToolError
        If g++ is not on the path.
    CompilationError
        If the compiler fails.
    """
    require_compiler()
    said = io.StringIO()
    try:
        with quiet(said), _optimisation(project, samples > QUICK_SAMPLES):
            # Not `compile`, which writes the whole project once more.
            project.graph._compile()
    except Exception as error:
        tail = "\n".join(said.getvalue().splitlines()[-20:])
        raise CompilationError(f"{project.folder}: g++ failed to compile the project:\n{tail}") from error


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
    """Check that g++ is there.

    Raises
    ------
    MissingToolError
        If it is not on the path.
    """
    if shutil.which("g++") is None:
        raise MissingToolError("g++ is not on the path; install it with: apt-get install g++ (or dnf install gcc-c++)")


def predict(
    project: Project, inputs: Any, output_shapes: Sequence[tuple[int, ...]], *, batch_size: int = 1024
) -> list[NDArray[np.float32]]:
    """Predict with a compiled project, bit for bit as the hardware would.

    Parameters
    ----------
    project
        A project that `build` compiled.
    inputs
        An array of shape ``(samples, ...)``, or a list of them for a model with several inputs.
    output_shapes
        The shape of each output without the sample axis.
    batch_size
        Samples converted to float32 at a time.

    Returns
    -------
    list of ndarray
        One array for each output, shape ``(samples, *output_shape)``.
    """
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
