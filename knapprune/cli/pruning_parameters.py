"""The settings of a pruning, from options and a file: read into what the library takes, and kept with the run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from knapprune.cli.inputs import CHECKPOINT, RECORD, read_budget, read_choose, read_data, read_hardware, read_structure
from knapprune.report.files import write_bytes

if TYPE_CHECKING:
    from knapprune.adapters.objective import Distillation
    from knapprune.pruning.parameters import Parameters
    from knapprune.pruning.regularization import Regularization

#: Options that the library takes as they are, under the same names.
_AS_GIVEN = (
    "tolerance", "schedule", "steps", "epochs", "final_epochs", "batch_size", "learning_rate", "quantise", "saliency",
    "normalise", "solver", "time_limit", "hardware", "seed", "metric", "check_conversion",
)  # fmt: skip


#: Files that no run goes without, as the command line calls them.
_NEEDED = {"model": "MODEL", "config": "CONFIG", "train": "--train", "validation": "--validation"}


def parameters_of(given: Mapping[str, Any], said: Collection[str]) -> Parameters:
    """Put together what options and a file say; of an option that was not given, the file's word counts."""
    from knapprune.pruning.parameter_kinds import in_order
    from knapprune.pruning.parameters import Parameters

    file = Parameters() if given["params"] is None else Parameters.read(given["params"])
    if file.grid:
        raise ValueError(f"{given['params']}: grid: expected no such table: knapprune sweep takes it")
    budget = read_budget(given["budget"])
    settings = {name: given[name] for name in _AS_GIVEN} | {
        "budget": None if budget is None else in_order(budget),
        "structure": read_structure(given["structure"]),
        "choose": read_choose(given["choose"] or []),
        "regrow": given["regrow"] or None,
    }
    if "patience" in given:
        settings["patience"] = given["patience"] or None
    settings |= {name: value for name, value in file.settings.items() if name not in said}
    settings["distill"] = _distillation(*_pair(("distill", "temperature"), given, said, file))
    if "regularization" in given:
        settings["regularization"] = _regularization(*_pair(("regularization", "form"), given, said, file))
    files = _files(given, said, file.files)
    require_needed(files, "--params")
    return Parameters(settings, files)


def library_arguments(parameters: Parameters) -> dict[str, Any]:
    """Read the data that parameters name; with their settings it is what `knapprune.prune` takes."""
    settings, files = parameters.settings, parameters.files
    return {
        **settings,
        "train": read_data(files["train"]),
        "validation": read_data(files["validation"]),
        "saliency_data": read_data(files.get("saliency_data")),
        "hardware": read_hardware(
            settings["hardware"], files.get("multipliers"), files["config"], settings.get("backend")
        ),
    }


@contextmanager
def recorded(parameters: Parameters, folder: Path) -> Iterator[None]:
    """Keep the settings of a run in its folder; one that was refused, or had not begun to train, leaves none.

    So the same command can be given again, and a folder that --force had to overwrite still tells of what is in it.
    """
    record = folder / RECORD
    earlier = record.read_bytes() if record.is_file() else None
    parameters.write(record)
    try:
        yield
    except BaseException:
        if not (folder / CHECKPOINT).exists():
            record.unlink() if earlier is None else write_bytes(record, earlier)
        raise


def _files(given: Mapping[str, Any], said: Collection[str], of_file: Mapping[str, Path]) -> dict[str, Path]:
    from knapprune.pruning.parameters import FILES

    files = dict(of_file)
    if "model" in said:
        files.pop("weights", None)  # they are those of the file's own model
    if "hardware" in said:
        files.pop("multipliers", None)
    return files | {name: given[name] for name in FILES if name in said}


def require_needed(files: Mapping[str, Path], where: str) -> None:
    """Refuse to go on without the files that no run goes without."""
    for name, written in _NEEDED.items():
        if name not in files:
            raise ValueError(f"{written}: got none, expected a file, or {name} in the table [files] of {where}")


def _pair(
    names: tuple[str, str], given: Mapping[str, Any], said: Collection[str], file: Parameters
) -> tuple[float, Any]:
    """Say a strength and the detail that goes with it, each from where it was given."""
    of_file = file.settings.get(names[0])
    known = (given[name] for name in names) if of_file is None else _parts(of_file)
    first, second = (given[name] if name in said else own for name, own in zip(names, known, strict=True))
    # A strength of 0 sets that of the file aside, and so the detail that went with it.
    return first, second if first or names[1] in said else None


def _parts(value: Any) -> tuple[Any, ...]:
    return (value, None) if isinstance(value, int | float) else astuple(value)


def _distillation(weight: float, temperature: float | None) -> Distillation | None:
    from knapprune.adapters.objective import Distillation

    if weight == 0:
        if temperature is not None:
            raise ValueError(f"--temperature: got {temperature} without a weight, expected --distill with it")
        return None
    return Distillation(weight) if temperature is None else Distillation(weight, temperature)


def _regularization(strength: float, form: str | None) -> Regularization | None:
    from knapprune.pruning.regularization import Regularization

    if strength == 0:
        if form is not None:
            raise ValueError(f"--form: got {form!r} without a strength, expected --regularization with it")
        return None
    return Regularization(strength) if form is None else Regularization(strength, cast(Any, form))
