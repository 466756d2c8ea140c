"""A selection as one file: an .npz with its arrays, and with all else as JSON in the entry `RECORD`."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.file_notes import DAMAGED
from knapprune.hardware.resources import Resources
from knapprune.network.precision import FixedPoint
from knapprune.report.files import write_bytes
from knapprune.report.records import plain, revived
from knapprune.selection.budget import Cap
from knapsolve.solution import Solution, Status

RECORD = "record"
FORMAT = 1
_ARRAYS = ("selected", "usage", "slack", "prices")
#: What NumPy raises where a file is no archive, a damaged one, or one of arrays that are none.
_DAMAGED = (*DAMAGED, MemoryError)


@dataclass(frozen=True)
class Found:
    """The solver's answer without its arrays; see `knapsolve.Solution`."""

    value: int | float
    bound: int | float
    status: str
    solver: str
    seconds: float
    tolerance: float
    trace: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """A selection without its arrays; see `knapprune.Selection`."""

    solution: Found
    resources: Resources
    before: Resources
    budget: tuple[Cap, ...]
    structures: Mapping[str, str]
    hls_config: Mapping[str, Any]
    data_types: Mapping[str, FixedPoint]


def write_selection(path: str | os.PathLike[str], held: Mapping[str, Any]) -> None:
    """Write the fields of a selection, completely or not at all."""
    target = Path(path)
    if target.suffix.lower() != ".npz":
        raise ValueError(f"path: got {str(path)!r}, expected a name that ends in .npz")
    answer: Solution = held["solution"]
    record = {field.name: held[field.name] for field in fields(Record)}
    record["solution"] = {field.name: getattr(answer, field.name) for field in fields(Found)}
    text = json.dumps({"format": FORMAT, "selection": plain(record)})
    arrays: dict[str, npt.NDArray[Any]] = {RECORD: np.frombuffer(text.encode(), np.uint8)}
    arrays |= {f"mask/{name}": mask for name, mask in held["masks"].items()}
    arrays |= {f"values/{name}": np.asarray(kernel) for name, kernel in held["values"].items()}
    arrays |= {f"solution/{name}": getattr(answer, name) for name in _ARRAYS if getattr(answer, name) is not None}
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]
    write_bytes(target, packed.getvalue())


def read_selection(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the fields of a selection."""
    file = Path(path)
    if not file.is_file():
        what = "is a folder, expected a file" if file.is_dir() else "there is no such file"
        raise FileNotFoundError(f"path: {file}: {what}")
    expected = "expected the .npz that Selection.save writes"
    if not zipfile.is_zipfile(file):
        raise ValueError(f"path: {file} is no selection, or not all of one: it is no .npz archive; {expected}")
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as held:
            if RECORD not in held:
                raise ValueError(f"it has no {RECORD}")
            text = json.loads(held[RECORD].tobytes().decode("utf-8"))
            if not isinstance(text, dict) or text.get("format") != FORMAT:
                raise ValueError(f"it is of another format than {FORMAT}, the one of this version of knapprune")
            record = revived(Record, text.get("selection"), "selection")
            return _fields(record, {name: held[name] for name in held if name != RECORD})
    except _DAMAGED as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"path: {file} cannot be read as a selection: {said}; {expected}") from error


def _fields(record: Record, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    found = record.solution
    missing = [name for name in _ARRAYS[:3] if f"solution/{name}" not in arrays]
    if missing:
        raise ValueError(f"it has no array solution/{missing[0]}")
    masks, values = _named(arrays, "mask/"), _named(arrays, "values/")
    answer = _named(arrays, "solution/")
    checked = (
        ("mask", masks, "b"),
        ("values", values, "fiu"),
        ("solution", {"selected": answer.pop("selected")}, "b"),
        ("solution", answer, "fiu"),
    )
    for kind, held, of in checked:
        for name, array in held.items():
            if array.dtype.kind not in of:
                raise ValueError(f"{kind} of {name!r} holds {array.dtype}")
    solution = Solution(
        selected=arrays["solution/selected"],
        value=found.value,
        bound=found.bound,
        status=Status(found.status),
        usage=arrays["solution/usage"],
        slack=arrays["solution/slack"],
        prices=arrays.get("solution/prices"),
        solver=found.solver,
        seconds=found.seconds,
        tolerance=found.tolerance,
        trace=found.trace,
    )
    rest = {field.name: getattr(record, field.name) for field in fields(Record)}
    return {**rest, "masks": masks, "values": values, "solution": solution}


def _named(arrays: Mapping[str, npt.NDArray[Any]], start: str) -> dict[str, npt.NDArray[Any]]:
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
