"""Samples that a model cannot take, said before anything is trained or written: which array, which row, and why.

Frameworks find some of it out in the middle of the first epoch, and let the rest pass: a label of 0.5, a NaN in one row
of a million, one-hot rows for a loss of class numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from knapprune.network.batches import is_arrays, parts_of

#: What a loss takes for targets: class numbers, rows of probabilities, either, probabilities of their own, any numbers.
Targets = Literal["class numbers", "one-hot rows", "classes", "probabilities", "numbers"]

#: None stands for any size.
Shape = tuple[int | None, ...]

#: Samples that are looked at at a time: arrays may lie on disk.
_BLOCK = 1 << 16


@dataclass(frozen=True)
class ExpectedData:
    """What a model takes.

    Parameters
    ----------
    inputs, outputs
        The shapes of one sample, without the sample axis; None where they are not known.
    targets
        For each output, what its loss takes; None where that is not known.
    """

    inputs: tuple[Shape, ...] | None
    outputs: tuple[Shape, ...] | None
    targets: tuple[Targets | None, ...] = ()


def check_data(name: str, data: Any, expected_by: Callable[[], ExpectedData | None] = lambda: None) -> None:
    """Refuse arrays that a model cannot take; what yields batches is looked at while it is walked through.

    What the model expects is asked for once there are samples to show it.
    """
    if data is None or not is_arrays(data):
        return
    inputs, targets = _arrays(f"{name}: inputs", data[0]), _arrays(f"{name}: targets", data[1])
    lengths = {where: len(array) for where, array in [*inputs, *targets]}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        told = ", ".join(f"{where.removeprefix(f'{name}: ')} {length}" for where, length in lengths.items())
        raise ValueError(f"{name}: got samples in other numbers, {told}; expected one number above 0")
    if (expected := expected_by()) is not None:
        _check_inputs(name, inputs, expected.inputs)
        _check_targets(name, targets, expected)
    for where, array in [*inputs, *targets]:
        _check_finite(where, array)
    if len(data) == 3 and data[2] is not None:
        _check_weights(name, data[2], next(iter(lengths.values())))


def first_samples(data: Any, number: int) -> Any:
    """Return the inputs of the first samples of arrays, in their own form; None of what yields batches."""
    if not is_arrays(data):
        return None
    inputs = data[0]
    if isinstance(inputs, Mapping):
        return {key: np.asarray(part[:number]) for key, part in inputs.items()}
    several = isinstance(inputs, list | tuple) and any(np.ndim(part) > 0 for part in inputs)
    return [np.asarray(part[:number]) for part in inputs] if several else np.asarray(inputs[:number])


def _arrays(where: str, given: Any) -> list[tuple[str, Any]]:
    """List the arrays of inputs or targets with what to call each."""
    if not isinstance(given, Mapping) and not _is_several(given):
        return [(where, _numeric(where, given))]
    keys: Sequence[Any] = list(given) if isinstance(given, Mapping) else range(len(parts_of(given)))
    named = zip(keys, parts_of(given), strict=True)
    return [(f"{where}[{key!r}]", _numeric(f"{where}[{key!r}]", part)) for key, part in named]


def _is_several(given: Any) -> bool:
    """Say whether a list holds arrays; one of numbers, or of rows of numbers, is an array itself."""
    return isinstance(given, list | tuple) and any(hasattr(part, "shape") and np.ndim(part) > 0 for part in given)


def _numeric(where: str, given: Any) -> Any:
    if hasattr(given, "detach"):
        given = given.detach().cpu().numpy()
    try:
        array = given if hasattr(given, "dtype") and hasattr(given, "__getitem__") else np.asarray(given)
    except ValueError:
        raise ValueError(f"{where}: got rows of different lengths, expected an array") from None
    kind = np.dtype(getattr(array.dtype, "as_numpy_dtype", array.dtype)).kind
    if kind not in "biuf":
        raise ValueError(f"{where}: got an array of {array.dtype}, expected numbers")
    if array.ndim == 0:
        raise ValueError(f"{where}: got a single number, expected an array with the samples on the first axis")
    return array


def _check_inputs(name: str, inputs: list[tuple[str, Any]], shapes: tuple[Shape, ...] | None) -> None:
    if shapes is None:
        return
    if len(inputs) != len(shapes):
        raise ValueError(f"{name}: got {len(inputs)} arrays of inputs, expected {len(shapes)}: the model has as many")
    if len(shapes) > 1 and any("['" in where for where, _ in inputs):
        return  # by name: the framework knows which is which
    for (where, array), shape in zip(inputs, shapes, strict=True):
        if not any(_fits(tuple(array.shape[1:]), form) for form in (shape, *_lenient(shape))):
            raise ValueError(f"{where}: got samples of shape {tuple(array.shape[1:])}, expected {_written(shape)}")


def _check_targets(name: str, targets: list[tuple[str, Any]], expected: ExpectedData) -> None:
    outputs, kinds = expected.outputs, expected.targets
    if outputs is None or (len(outputs) > 1 and any("['" in where for where, _ in targets)):
        return
    if len(targets) != len(outputs):
        raise ValueError(f"{name}: got {len(targets)} arrays of targets, expected {len(outputs)}: one for each output")
    for (where, array), shape, kind in zip(targets, outputs, kinds or (None,) * len(outputs), strict=True):
        if kind == "classes":
            kind = "one-hot rows" if tuple(array.shape[1:]) == shape else "class numbers"
        if kind == "class numbers":
            _check_class_numbers(where, array, shape)
        elif kind is not None:
            _check_form(where, array, shape, kind)


def _check_class_numbers(where: str, array: Any, shape: Shape) -> None:
    own, classes = tuple(array.shape[1:]), shape[-1] if shape else None
    fitting = shape[:-1]
    if not _fits(own, fitting) and not _fits(own, (*fitting, 1)):
        one_hot = (
            "; one-hot rows go with categorical cross entropy, or take their argmax(axis=-1)" if own == shape else ""
        )
        raise ValueError(
            f"{where}: got targets of shape {own} a sample, expected class numbers of shape {_written(fitting)}: the "
            f"loss takes those{one_hot}"
        )
    for start, block in _blocks(array):
        wrong = np.flatnonzero(~_rows(_is_class(block, classes)))
        if wrong.size:
            row = int(wrong[0])
            value = block[row].ravel()[~_is_class(block[row], classes).ravel()][0]
            last = "" if classes is None else f" to {classes - 1}"
            raise ValueError(f"{where}: row {start + row} is {value:g}, expected a class number, 0{last}")


def _check_form(where: str, array: Any, shape: Shape, kind: Targets) -> None:
    own = tuple(array.shape[1:])
    if not any(_fits(own, form) for form in (shape, *_lenient(shape))):
        class_numbers = own in ((), (1,)) and kind == "one-hot rows"
        hint = "; class numbers go with sparse categorical cross entropy" if class_numbers else ""
        raise ValueError(
            f"{where}: got targets of shape {own} a sample, expected {kind} of shape {_written(shape)}, as the model's "
            f"output{hint}"
        )
    if kind == "numbers":
        return
    for start, block in _blocks(array):
        wrong = np.flatnonzero(~_rows((block >= 0) & (block <= 1)))
        if wrong.size:
            row = int(wrong[0])
            value = block[row].ravel()[~((block[row] >= 0) & (block[row] <= 1)).ravel()][0]
            raise ValueError(f"{where}: row {start + row} has {value:g}, expected {kind}, from 0 to 1")


def _check_finite(where: str, array: Any) -> None:
    if np.dtype(getattr(array.dtype, "as_numpy_dtype", array.dtype)).kind != "f":
        return
    for start, block in _blocks(array):
        wrong = np.flatnonzero(~_rows(np.isfinite(block)))
        if wrong.size:
            row = int(wrong[0])
            value = block[row].ravel()[~np.isfinite(block[row]).ravel()][0]
            raise ValueError(f"{where}: row {start + row} has {value}, expected finite numbers")


def _check_weights(name: str, given: Any, samples: int) -> None:
    for where, array in _arrays(f"{name}: sample_weight", given):
        if len(array) != samples:
            raise ValueError(f"{where}: got {len(array)}, expected one for each of {samples} samples")
        _check_finite(where, array)
        for start, block in _blocks(array):
            if (block < 0).any():
                row = int(np.flatnonzero(~_rows(block >= 0))[0])
                raise ValueError(f"{where}: row {start + row} is below 0, expected weights of 0 or more")


def _blocks(array: Any) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    for start in range(0, len(array), _BLOCK):
        yield start, np.asarray(array[start : start + _BLOCK])


def _rows(good: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Say of each row whether all of it is good."""
    rows: npt.NDArray[np.bool_] = np.all(good.reshape(len(good), -1), axis=1)
    return rows


def _is_class(block: npt.NDArray[Any], classes: int | None) -> npt.NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        good: npt.NDArray[np.bool_] = (block >= 0) & (np.floor(block) == block)
    return good if classes is None else good & (block < classes)


def _lenient(shape: Shape) -> list[Shape]:
    """List what frameworks bring into a shape by themselves: a last axis of one more or less."""
    return [(*shape, 1), *([shape[:-1]] if shape and shape[-1] == 1 else [])]


def _fits(own: tuple[int, ...], shape: Shape) -> bool:
    return len(own) == len(shape) and all(size is None or size == at for at, size in zip(own, shape, strict=True))


def _written(shape: Shape) -> str:
    inner = ", ".join("any" if size is None else str(size) for size in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"
