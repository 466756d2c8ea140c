"""Prune with every combination of settings: a table that survives whatever happens, and goes on where it was."""

from __future__ import annotations

import difflib
import inspect
import itertools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from knapprune.adapters.configuration import configuration
from knapprune.adapters.data_fit import check_fit
from knapprune.adapters.finding import find_adapter
from knapprune.adapters.training_adapter import training_adapter
from knapprune.network.hls_config import HlsConfigSource, as_dict, check_overrides
from knapprune.pruning.arguments import checked, prune, with_measure
from knapprune.pruning.fingerprint import fingerprint
from knapprune.pruning.settings import Selecting, Training
from knapprune.pruning.sweep_point import OF_CONFIG, Parcel, Row
from knapprune.pruning.sweep_workers import run_points
from knapprune.report.files import write_json
from knapprune.report.run_folder import alone, mark, written
from knapprune.tools import require

#: The folder of the rows, one a file.
ROWS = "rows"

#: What may be varied: plain settings of `knapprune.prune`, and of the configuration.
VARIED = tuple(
    sorted(
        {field.name for group in (Selecting, Training) for field in fields(group)}
        - {"saliency_data", "class_weight", "callbacks", "hardware"}
        | set(OF_CONFIG)
    )
)


@dataclass(frozen=True, eq=False)
class Sweep:
    """What `sweep` found.

    Parameters
    ----------
    rows
        A dict for each combination, in the order of the grid: ``settings``, ``metric``, ``baseline``, ``met``,
        ``resources`` and ``before`` by resource, ``selection`` (the status of the last one), ``stopped``, ``seconds``,
        and ``error``, a sentence where there is nothing else.
    """

    rows: tuple[Row, ...]

    @property
    def best(self) -> Row:
        """The row with the best metric of those that met their budget.

        Raises
        ------
        ValueError
            If none did.
        """
        met = [row for row in self.rows if row["error"] is None and row["met"]]
        if not met:
            raise ValueError("sweep: no combination met its budget")
        return max(met, key=lambda row: float(row["metric"]))

    def to_frame(self) -> Any:
        """Return a ``pandas.DataFrame``: a line for each combination, a column for each setting and resource.

        Raises
        ------
        MissingToolError
            If pandas is not installed.
        """
        pandas = require("pandas", extra="sweep")
        return pandas.DataFrame([flat(row) for row in self.rows])

    def __repr__(self) -> str:
        failed = sum(row["error"] is not None for row in self.rows)
        met = sum(bool(row.get("met")) for row in self.rows)
        return f"<Sweep of {len(self.rows)} combinations: {met} met their budget, {failed} could not be pruned>"


def flat(row: Row) -> dict[str, Any]:
    """Put a row into one line: settings that are tables, such as budgets, as the command line writes them."""
    settings = {name: _in_words(value) for name, value in row["settings"].items()}
    resources = dict(row.get("resources", {}))
    rest = {name: row.get(name) for name in ("metric", "baseline", "met", "selection", "stopped", "seconds", "error")}
    return settings | resources | rest


def sweep(
    model: Any,
    hls_config: HlsConfigSource,
    grid: Mapping[str, Sequence[Any]],
    *,
    folder: str | os.PathLike[str],
    jobs: int = 1,
    scheduler: str | None = None,
    on_row: Callable[[int, int, Row], None] | None = None,
    **pruning: Any,
) -> Sweep:
    """Prune with every combination of settings.

    Parameters
    ----------
    model
        A trained, compiled model; it is not changed.
    hls_config
        hls4ml's configuration, or its YAML file.
    grid
        By name, the values to combine: arguments of `knapprune.prune` that are plain data, such as ``budget``,
        ``seed``, ``saliency``, ``steps``, and ``reuse_factor``, ``precision`` and ``strategy`` of the whole
        configuration.
    folder
        Keeps a file for each row as soon as it is there. Where rows of the same arguments are there already, they are
        not computed again.
    jobs
        Processes on this machine. More than one need joblib.
    scheduler
        The address of a scheduler of Dask's, in place of `jobs`. A combination whose worker dies is given to another
        one; needs ``distributed`` here and this package on the workers.
    on_row
        Called with the number of rows that are there, that of all, and the last one.
    pruning
        Further arguments of `knapprune.prune`, the same for all: ``train``, ``validation``, and so on.

    Returns
    -------
    Sweep
        A row for each combination, those included that could not be pruned.

    Raises
    ------
    ValueError
        If the grid or another argument cannot be used; before anything is trained.
    FileExistsError
        If `folder` holds files of others.
    RuntimeError
        If another sweep is at work there.
    ConnectionError
        If no scheduler answers.
    MissingToolError
        If joblib or distributed is needed and not installed.
    """
    points = _points(grid, pruning)
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise ValueError(f"jobs: got {jobs!r}, expected a whole number, 1 or more")
    framework = training_adapter(find_adapter(model), model)
    config = as_dict(configuration(framework, model, hls_config))
    known = dict(pruning)
    for name in ("train", "validation"):
        if known.get(name) is None:
            raise ValueError(f"{name}: got none, expected data, as knapprune.prune takes them")
    for settings in points:
        _check(model, config, {**pruning, **settings})
    check_fit(framework, model, train=known.get("train"), validation=known.get("validation"))
    common = [framework.describe(model), framework.state(framework.apply(model, {})), config, _arrays(known)]
    names = [f"{fingerprint([common, settings])}.json" for settings in points]
    path = _folder(Path(folder))
    with alone(path, "folder"):
        mark(path, {ROWS})
        (path / ROWS).mkdir(exist_ok=True)
        rows = {number: row for number, name in enumerate(names) if (row := _read(path / ROWS / name)) is not None}
        left = [number for number in range(len(points)) if number not in rows]
        parcel = Parcel.of(framework, model, config, known)
        for place, row in run_points(parcel, [points[number] for number in left], jobs, scheduler):
            rows[left[place]] = row
            write_json(path / ROWS / names[left[place]], row)
            if on_row is not None:
                on_row(len(rows), len(points), row)
    return Sweep(tuple(rows[number] for number in range(len(points))))


def _points(grid: Any, pruning: Mapping[str, Any]) -> list[dict[str, Any]]:
    if not isinstance(grid, Mapping) or not grid:
        raise ValueError(f"grid: got {grid!r}, expected lists of values by name, such as {{'seed': [0, 1, 2]}}")
    for name, values in grid.items():
        if name not in VARIED:
            near = difflib.get_close_matches(str(name), VARIED, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"grid: got {name!r}, expected one of {list(VARIED)}{hint}")
        if name in pruning:
            raise ValueError(f"{name}: got it beside grid[{name!r}], expected one of the two")
        if not isinstance(values, list | tuple) or not values:
            raise ValueError(f"grid[{name!r}]: got {values!r}, expected a list of values")
        try:
            texts = [json.dumps(value, sort_keys=True, allow_nan=False) for value in values]
        except (TypeError, ValueError):
            raise ValueError(f"grid[{name!r}]: got {values!r}, expected plain values, which a file can hold") from None
        if len(set(texts)) < len(texts):
            raise ValueError(f"grid[{name!r}]: got {values!r}, expected each value once")
    if taken := pruning.keys() & {"checkpoint", "progress"}:
        raise ValueError(f"{min(taken)}: expected none, since a sweep keeps and shows rows")
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def _check(model: Any, config: Any, given: dict[str, Any]) -> None:
    """Check the arguments of one pruning that can be checked before it runs."""
    arguments = {name: value for name, value in given.items() if name not in OF_CONFIG}
    bound = inspect.signature(prune).bind(model, config, **{"train": None, "validation": None, **arguments})
    bound.apply_defaults()
    check_overrides(bound.arguments["overrides"])
    checked(with_measure(bound.arguments))


def _arrays(pruning: Mapping[str, Any]) -> dict[str, Any]:
    import numpy as np

    def plain(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [plain(part) for part in value]
        return np.asarray(value) if hasattr(value, "__array__") else value

    return {name: plain(value) for name, value in pruning.items()}


def _folder(path: Path) -> Path:
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"folder: {path} is a file, expected a folder")
    if path.is_dir() and any(path.iterdir()) and ROWS not in written(path):
        raise FileExistsError(
            f"folder: {path} holds files, but none of a sweep; expected a new folder, or an empty one"
        )
    return path


def _read(file: Path) -> Row | None:
    try:
        row: Row = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return row


def _in_words(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return ", ".join(
        f"{name}.{own}={amount}" if isinstance(inner, Mapping) else f"{name}={inner}"
        for name, inner in value.items()
        for own, amount in (inner.items() if isinstance(inner, Mapping) else [("", inner)])
    )
