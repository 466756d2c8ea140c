"""Walk through data batch by batch, whatever they come as: arrays, a tf.data.Dataset, a PyDataset or a DataLoader.

No framework is imported. What yields batches of its own is iterated as it is; its tensors are turned into NumPy arrays
one batch at a time, so that no more than one batch is held here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

EXPECTED = (
    "(inputs, targets) or (inputs, targets, sample_weight) of arrays, or an object that yields such batches each time "
    "it is iterated: a tf.data.Dataset, a keras.utils.PyDataset or a torch DataLoader"
)


@dataclass(frozen=True)
class Batch:
    """Some samples.

    Parameters
    ----------
    inputs, targets
        NumPy arrays with the samples on the first axis, or lists, tuples and dicts of such arrays.
    sample_weight
        Shape (samples,), or None.
    size
        Number of samples.
    """

    inputs: Any
    targets: Any
    sample_weight: Any
    size: int


def is_arrays(data: Any) -> bool:
    """Say whether data are whole arrays, to be cut into batches, and not an object that yields batches."""
    return isinstance(data, tuple | list) and len(data) in (2, 3)


def parts_of(given: Any) -> list[Any]:
    """List the arrays of inputs or targets: one, or several in a list, a tuple or a dict."""
    if isinstance(given, Mapping):
        return list(given.values())
    return list(given) if isinstance(given, list | tuple) else [given]


def as_arrays(data: Any) -> Any:
    """Make arrays of lists of numbers; leave all else as it is."""
    return tuple(mapped(_sized, part) for part in data) if is_arrays(data) else data


def batches(data: Any, batch_size: int, name: str = "data") -> Iterator[Batch]:
    """Yield the data in their own order, each sample once."""
    if batch_size < 1:
        raise ValueError(f"batch_size: got {batch_size}, expected at least 1")
    if is_arrays(data):
        yield from _slices(data, batch_size, name)
        return
    _check_iterable(data, name)
    empty = True
    for number, element in enumerate(data):
        if not is_arrays(element):
            raise ValueError(
                f"{name}: batch {number} is a {type(element).__name__}, expected (inputs, targets) or "
                "(inputs, targets, sample_weight)"
            )
        parts = [mapped(_array, part) for part in element]
        yield Batch(
            parts[0], parts[1], parts[2] if len(parts) == 3 else None, _length(parts, f"{name}: batch {number}")
        )
        empty = False
    if empty:
        raise ValueError(f"{name}: got a {type(data).__name__} without any batch, expected at least one")


def at_most(samples: int, data: Any) -> Any:
    """Draw so many samples of arrays, the same at each call; leave data alone that have no more, or are no arrays."""
    if not is_arrays(data):
        return data
    parts = [mapped(_sized, part) for part in data]
    length = _length(parts, "data")
    if length <= samples:
        return data
    drawn = np.sort(np.random.default_rng(0).choice(length, samples, replace=False))
    return tuple(mapped(lambda array: _array(array[drawn]), part) for part in parts)


def in_two_or_more(data: Any, batch_size: int) -> int:
    """Lower a batch size that would put all samples of arrays into one batch."""
    if not is_arrays(data):
        return batch_size
    length = _length([mapped(_sized, part) for part in data], "data")
    return batch_size if batch_size < length else max(1, -(-length // 2))


def _slices(data: Any, batch_size: int, name: str) -> Iterator[Batch]:
    parts = [mapped(_sized, part) for part in data]
    samples = _length(parts, name)
    for start in range(0, samples, batch_size):
        stop = min(start + batch_size, samples)

        def cut(array: Any, start: int = start, stop: int = stop) -> npt.NDArray[Any]:
            return _array(array[start:stop])

        own = [mapped(cut, part) for part in parts]
        yield Batch(own[0], own[1], own[2] if len(own) == 3 else None, stop - start)


def _check_iterable(data: Any, name: str) -> None:
    kind = type(data).__name__
    if not hasattr(data, "__iter__") or isinstance(data, str | bytes | Mapping) or hasattr(data, "ndim"):
        raise ValueError(f"{name}: got {kind}, expected {EXPECTED}")
    if hasattr(data, "__next__"):
        raise ValueError(f"{name}: got a {kind}, which can be read only once, expected {EXPECTED}")
    cardinality = getattr(data, "cardinality", None)  # of a tf.data.Dataset: -1 is infinite, -2 unknown
    if (callable(cardinality) and int(cardinality()) == -1) or getattr(data, "num_batches", 0) is None:
        raise ValueError(f"{name}: got a {kind} that never ends, expected a finite one")


def _length(parts: list[Any], where: str) -> int:
    shapes: list[tuple[int, ...]] = []
    for part in parts:
        mapped(lambda array: shapes.append(tuple(array.shape)), part)
    if () in shapes:
        raise ValueError(f"{where}: got a single number, expected arrays with the samples on the first axis")
    lengths = sorted({shape[0] for shape in shapes})
    if len(lengths) != 1 or lengths[0] == 0:
        raise ValueError(f"{where}: inputs and targets have {lengths} samples, expected one number above 0")
    return lengths[0]


def mapped(function: Callable[[Any], Any], structure: Any) -> Any:
    """Call a function on each array in nested lists, tuples and dicts. A list of plain numbers is one array."""
    if structure is None:
        return None
    if isinstance(structure, Mapping):
        return {key: mapped(function, part) for key, part in structure.items()}
    if isinstance(structure, list | tuple) and structure and any(_is_nested(part) for part in structure):
        return [mapped(function, part) for part in structure]
    return function(structure)


def _is_nested(part: Any) -> bool:
    if isinstance(part, list | tuple):
        return any(_is_nested(inner) for inner in part)
    return isinstance(part, Mapping) or len(getattr(part, "shape", ())) > 0


def _sized(array: Any) -> Any:
    """Leave what can be cut as it is, on disk or on a device; make an array of the rest."""
    return array if hasattr(array, "shape") and hasattr(array, "__getitem__") else np.asarray(array)


def _array(tensor: Any) -> npt.NDArray[Any]:
    """Copy a framework's tensor into NumPy's memory, or share it; PyTorch must be told to let go of it first."""
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu()
    return np.asarray(tensor.numpy() if callable(getattr(tensor, "numpy", None)) else tensor)
