"""The settings of a pruning in a TOML file: read into the arguments of `knapprune.prune`, and written again.

Each table holds the settings of one group, under the names of the arguments. What cannot be written down as plain data
(the model, arrays, functions) is no setting; the command takes models and data from files that the file names.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

from knapprune.adapters.objective import Distillation
from knapprune.hardware.hls4ml import Hls4mlHardware
from knapprune.hardware.multiplier_file import read_multipliers
from knapprune.pruning import parameter_kinds as kinds
from knapprune.pruning.parameter_kinds import NUMBER, SWITCH, TEXT, WHOLE, Key, Kind
from knapprune.pruning.regularization import Regularization
from knapprune.writing import write_text
from knapsolve.files.text import read_text

#: The settings of each table, and what stands behind each.
SETTINGS: Mapping[str, Mapping[str, Kind]] = {
    "train": {
        "epochs": WHOLE,
        "final_epochs": WHOLE,
        "batch_size": WHOLE,
        "learning_rate": TEXT,
        "regrow": NUMBER,
        "distill": kinds.number_or(Distillation, weight=NUMBER, temperature=NUMBER),
        "regularization": kinds.number_or(Regularization, strength=NUMBER, form=TEXT),
        "seed": WHOLE,
        "class_weight": kinds.read_class_weight,
    },
    "select": {
        "budget": kinds.read_budget,
        "structure": kinds.read_structure,
        "choose": kinds.read_choose,
        "saliency": TEXT,
        "normalise": TEXT,
        "solver": TEXT,
        "time_limit": NUMBER,
        "hardware": TEXT,
        "schedule": TEXT,
        "steps": WHOLE,
        "tolerance": NUMBER,
        "patience": WHOLE,
        "quantise": SWITCH,
        "metric": TEXT,
    },
    "keep": {"checkpoint": TEXT, "progress": SWITCH, "check_conversion": SWITCH},
    "config": {"backend": TEXT, "io_type": TEXT, "part": TEXT, "clock_period": NUMBER},
}

#: What the command reads from files of their own, by the names of its options.
FILES = ("model", "config", "weights", "train", "validation", "saliency_data", "multipliers")

#: What a sweep varies, each a list of values.
GRID: Mapping[str, Kind] = {
    **{name: kinds.listed(kind) for table in ("train", "select") for name, kind in SETTINGS[table].items()},
    **{name: kinds.listed(kind) for name, kind in {"reuse_factor": WHOLE, "precision": TEXT, "strategy": TEXT}.items()},
}

_TABLES: Mapping[str, Mapping[str, Kind]] = {**SETTINGS, "files": dict.fromkeys(FILES, TEXT), "grid": GRID}


@dataclass(frozen=True)
class Parameters:
    """What a file of settings says.

    Parameters
    ----------
    settings
        Arguments of `knapprune.prune` by name.
    files
        Where the command finds its models and data.
    grid
        Of a sweep, the values to combine, by name.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    grid: Mapping[str, list[Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Parameters:
        """Read a file."""
        file = Path(path)
        tables = _read_tables(file)
        settings = {name: value for table in SETTINGS for name, value in tables.get(table, {}).items()}
        # Paths are meant from where the file lies, so that it can be used from elsewhere.
        files = {name: file.parent / value for name, value in tables.get("files", {}).items()}
        if "checkpoint" in settings:
            settings["checkpoint"] = file.parent / settings["checkpoint"]
        return cls(settings, files, tables.get("grid", {}))

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a file that is read as the same; what is None stays out, since TOML has no word for it."""
        import tomli_w

        tables = {
            table: {name: _plain(self.settings[name]) for name in names if self.settings.get(name) is not None}
            for table, names in SETTINGS.items()
        }
        tables["files"] = {name: os.path.abspath(self.files[name]) for name in FILES if name in self.files}
        write_text(path, tomli_w.dumps({name: table for name, table in tables.items() if table}))


def read_params(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read settings from a TOML file: ``knapprune.prune(model, config, ..., **read_params("run.toml"))``.

    The tables are ``[train]`` (``epochs``, ``final_epochs``, ``batch_size``, ``learning_rate``, ``regrow``,
    ``distill``, ``regularization``, ``seed``, ``class_weight``), ``[select]`` (``budget``, ``structure``,
    ``choose``, ``saliency``, ``normalise``, ``solver``, ``time_limit``, ``hardware``, ``schedule``, ``steps``,
    ``tolerance``, ``patience``, ``quantise``, ``metric``), ``[keep]`` (``checkpoint``, ``progress``,
    ``check_conversion``) and ``[config]`` (``backend``, ``io_type``, ``part``, ``clock_period``).
    Of ``[files]``, which the command reads its model and data from, only ``multipliers`` counts here.

    Parameters
    ----------
    path
        The file. A run of the command ``knapprune prune`` writes its own, ``run.toml``.

    Returns
    -------
    dict
        Keyword arguments of `knapprune.prune`: those that stand in the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no TOML, has a key that is not known, or something else behind a key than expected; the message names
        the file and the key.
    """
    parameters = Parameters.read(path)
    if parameters.grid:
        raise Key(Path(path), "grid").wrong(dict(parameters.grid), "no such table: knapprune sweep takes it")
    settings = dict(parameters.settings)
    if "multipliers" in parameters.files:
        hardware = settings.get("hardware", "hls4ml")
        if hardware != "hls4ml":
            raise Key(Path(path), "select.hardware").wrong(hardware, "'hls4ml' with a file of multipliers")
        settings["hardware"] = Hls4mlHardware(multipliers=read_multipliers(parameters.files["multipliers"]))
    return settings


def _read_tables(file: Path) -> dict[str, dict[str, Any]]:
    if not file.is_file():
        raise FileNotFoundError(f"params: no file {file}")
    try:
        given = tomllib.loads(read_text(file, "params"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"params: {file} is not valid TOML: {error}") from None
    top = Key(file)
    settings = {table: names for table, names in _TABLES.items() if table != "grid"}
    known = {name: f"{table}.{name}" for table, names in settings.items() for name in names if name not in _TABLES}
    for table in given:
        if table not in _TABLES:
            raise top.unknown(table, _TABLES, known)
    return {table: kinds.read_table(top.below(table), own, _TABLES[table], known) for table, own in given.items()}


def _plain(value: Any) -> Any:
    """Write a penalty, a distillation or weights of classes as a table."""
    if isinstance(value, Mapping) and all(isinstance(key, int) for key in value):
        return {str(key): weight for key, weight in value.items()}
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
