"""What the command line is given: models, budgets, choices and data, read into what the library takes."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from knapprune.cli.screen import import_keras_quietly
from knapprune.report.run_folder import alone, claimed, mark, written

CHECKPOINT = "checkpoint"
#: The file that a run keeps its settings in.
RECORD = "run.toml"


def load(model: Path, weights: Path | None, config: Path) -> Any:
    """Read a model; this loads its framework, so that it comes after all that can be checked without."""
    import knapprune as kp

    import_keras_quietly()
    return kp.load(model, weights, config)


def require_files(**paths: Path | None) -> None:
    """Refuse files that are not there, by the names that the command line has for them; before anything is loaded."""
    for name, path in paths.items():
        if path is None or path.is_file():
            continue
        called = name.upper() if name in ("model", "config") else f"--{name.replace('_', '-')}"
        kind = "is a folder, expected a file" if path.is_dir() else "there is no such file"
        raise FileNotFoundError(f"{called}: {path}: {kind}")


def read_budget(entries: list[str] | None) -> dict[str, Any] | None:
    """Read a budget."""
    budget: dict[str, Any] = {}
    for entry in entries or []:
        name, equals, amount = entry.partition("=")
        if name.strip() == "part" and amount.strip():
            if "part" in budget:
                raise ValueError(f"--budget: got part twice, in {entry!r} for the second time, expected it once")
            budget["part"] = amount.strip()
            continue
        try:
            value = int(amount) if amount.strip().isdigit() else float(amount)
        except ValueError:
            equals = ""
        if not equals:
            raise ValueError(f"--budget: got {entry!r}, expected a form like dsp=0.25, bram=40 or fc1.dsp=8")
        layer, dot, resource = name.strip().rpartition(".")
        target = budget.setdefault(layer, {}) if dot else budget
        if not isinstance(target, dict) or resource in target:
            raise ValueError(f"--budget: got {name.strip()} twice, in {entry!r} for the second time, expected it once")
        target[resource] = value
    return budget or None


def read_structure(entries: list[str] | None) -> Any:
    """Read which weights live and die together."""
    if not entries:
        return "auto"
    if len(entries) == 1 and "=" not in entries[0]:
        return entries[0]
    structures = {}
    for entry in entries:
        layer, equals, name = (part.strip() for part in entry.partition("="))
        if not (layer and equals and name) or layer in structures:
            raise ValueError(f"--structure: got {entries}, expected one name, or one for each layer like fc1=neuron")
        structures[layer] = name
    return structures


def read_choose(entries: list[str]) -> Any:
    """Read what is to be chosen for each layer."""
    choose: dict[str, Any] = {}
    for entry in entries:
        name, equals, listed = entry.partition("=")
        texts = [text.strip() for text in listed.split(",")]
        if not equals or not all(texts):
            raise ValueError(
                f"--choose: got {entry!r}, expected a form like reuse_factor=legal, bits=8,16, digits=2 or fc1.bits=8"
            )
        values = [_number_or_text(text) for text in texts]
        layer, dot, key = name.strip().rpartition(".")
        if (not dot and key in choose) or (dot and not isinstance(choose.get(key, {}), dict)):
            raise ValueError(f"--choose: got {entry!r} and another {key}, expected one for all layers or one for each")
        target, at = (choose.setdefault(key, {}), layer) if dot else (choose, key)
        alone = len(values) == 1 and (isinstance(values[0], str) or key == "digits")
        target[at] = values[0] if alone else values
    return choose or None


def _number_or_text(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:
        return text


def read_data(path: Path | None) -> Any:
    """Read inputs and targets."""
    if path is None:
        return None
    import numpy as np

    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path}: not an .npz file; save arrays x and y with numpy.savez")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            missing = [name for name in ("x", "y") if name not in arrays]
            if missing:
                raise ValueError(f"{path}: no array {missing[0]!r}, expected x and y; it holds {list(arrays)}")
            return arrays["x"], arrays["y"]
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: not a readable .npz file ({error})") from error


def check_run_folder(out: Path | None, resume: Path | None, params: bool) -> None:
    """Refuse what is no folder of a run, before anything else is looked at."""
    if (out is None) == (resume is None):
        raise ValueError("--out: expected it for a new run, or --resume for one that was interrupted, and not both")
    if resume is not None and not (resume / CHECKPOINT).is_dir():
        raise FileNotFoundError(f"--resume: {resume} holds no run that was interrupted: no folder {CHECKPOINT}")
    if resume is not None and not params and not (resume / RECORD).is_file():
        raise FileNotFoundError(
            f"--resume: {resume} has no {RECORD}, which says how the run was started; give --params with such a file"
        )


@contextmanager
def run_folder(out: Path | None, resume: Path | None, names: Collection[str], force: bool) -> Iterator[Path]:
    """Have the folder of a run alone: a new one without the state of an earlier run, or one to go on with."""
    from knapprune.pruning.checkpoint import discard

    if out is not None:
        with claimed(out, names, force=force) as folder:
            discard(folder / CHECKPOINT)
            yield folder
        return
    folder = cast(Path, resume)
    with alone(folder, "--resume"):
        mark(folder, written(folder) | set(names))
        yield folder


def read_hardware(hardware: str, multipliers: Path | None, config: Path, backend: str | None = None) -> Any:
    """Read which resource model is asked for; `backend` is one in place of the configuration's own."""
    if multipliers is None:
        return hardware
    from knapprune.hardware.hls4ml import Hls4mlHardware
    from knapprune.hardware.multiplier_file import read_multipliers
    from knapprune.network.hls_config import COUNTED_BACKENDS
    from knapprune.network.hls_config_file import read_hls_config

    if hardware != "hls4ml":
        raise ValueError(f"--multipliers: got --hardware {hardware}, expected hls4ml with such a file")
    if (wanted := read_hls_config(config, backend=backend).backend) not in COUNTED_BACKENDS:
        raise ValueError(f"--multipliers: got a Backend {wanted}, expected one of {list(COUNTED_BACKENDS)}")
    return Hls4mlHardware(multipliers=read_multipliers(multipliers))
