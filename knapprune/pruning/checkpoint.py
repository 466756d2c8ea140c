"""A pruning on disk: whatever happens to the process, the last state that was saved is whole.

The states are ``.npz`` files that are never changed; ``checkpoint.json`` names those that count. It is written last and
replaced by a rename: before that the old states count, after it the new ones.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from knapprune.hardware.resources import Resources
from knapprune.network.grid import Grid
from knapprune.network.precision import FixedPoint
from knapprune.pruning.history import Answer, Chosen, Step
from knapprune.pruning.progress import Progress, Trial
from knapprune.pruning.snapshot import Snapshot
from knapprune.report import files as output
from knapprune.report.run_folder import LOCK, MARKER, alone, mark, written
from knapprune.selection.budget import Cap
from knapprune.writing import through

MANIFEST = "checkpoint.json"
_FORMAT = 2
_STATE = re.compile(r"state-\d{6,}\.npz")
_HALF_WRITTEN = re.compile(r"\.(state-\d{6,}|checkpoint)-.*")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Have the folder of a pruning alone; one with files of others is refused, and nothing in it touched."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"checkpoint: {folder} is a file, expected a folder")
    if folder.is_dir() and any(folder.iterdir()) and not _is_ours(folder):
        raise FileExistsError(
            f"checkpoint: {folder} holds files, but none of a pruning; expected a new folder, or an empty one"
        )
    with alone(folder, "checkpoint"):
        mark(folder, {MANIFEST})
        try:
            yield
        finally:
            if not (folder / MANIFEST).is_file():
                _remove_states(folder, but=())


def discard(folder: Path) -> None:
    """Remove the state of a pruning; a folder that holds more is left with that."""
    if not folder.is_dir() or not _is_ours(folder):
        return
    (folder / MANIFEST).unlink(missing_ok=True)
    _remove_states(folder, but=())
    for name in (MARKER, LOCK):
        (folder / name).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def _is_ours(folder: Path) -> bool:
    return bool(written(folder)) or (folder / MANIFEST).is_file()


def _remove_states(folder: Path, but: Collection[str]) -> None:
    """Remove states that no longer count, and what a killed run left half written."""
    for path in folder.iterdir():
        if _STATE.fullmatch(path.name) and path.name not in but:
            path.unlink()
        elif _HALF_WRITTEN.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)


class Checkpoint:
    """The folder of one pruning.

    Parameters
    ----------
    folder
        Where; made if it is not there.
    arguments
        Digests of all arguments by name.
    """

    def __init__(self, folder: Path, arguments: Mapping[str, str]) -> None:
        self.folder = folder
        self.arguments = dict(arguments)
        self._files: dict[str, Snapshot] = {}
        self._count = 0

    def load(self, before: Resources) -> tuple[Progress, Snapshot] | None:
        """Read how far an earlier run came."""
        manifest = self.folder / MANIFEST
        if not manifest.is_file():
            return None
        try:
            saved = json.loads(manifest.read_text(encoding="utf-8"))
            if saved["format"] != _FORMAT:
                raise ValueError(
                    f"checkpoint: {manifest} is of format {saved['format']}, expected {_FORMAT}: another version of "
                    "knapprune wrote it; give another folder"
                )
            self._check(saved["arguments"])
            self._count = saved["count"]
            names = dict.fromkeys(name for name in saved["states"].values() if name is not None)
            self._files = {name: _read(self.folder / name) for name in names}
            states = {role: self._files.get(name) for role, name in saved["states"].items()}
            history = [_step(step, before) for step in saved["history"]]
            trial = None if saved["trial"] is None else _trial(saved["trial"], before, states["best"])
        except (KeyError, TypeError, json.JSONDecodeError, zipfile.BadZipFile, FileNotFoundError) as error:
            raise ValueError(f"checkpoint: {manifest} cannot be read ({error}); give another folder") from error
        progress = Progress(history, trial, states["kept"], saved["metric"], saved["seconds"])
        current = states["current"]
        assert current is not None  # every manifest names one
        return progress, current

    def save(self, progress: Progress, current: Snapshot, seconds: float) -> None:
        """Save how far this run is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        best = None if progress.trial is None else progress.trial.best
        states = {"current": current, "best": best, "kept": progress.kept}
        names = {role: None if state is None else self._name(state) for role, state in states.items()}
        content = {
            "format": _FORMAT,
            "arguments": self.arguments,
            "count": self._count,
            "states": names,
            "history": [_plain(step) for step in progress.history],
            "trial": None if progress.trial is None else _plain(replace(progress.trial, best=None)),  # type: ignore[arg-type]
            "metric": progress.metric,
            "seconds": seconds,
        }
        output.write_bytes(self.folder / MANIFEST, json.dumps(content).encode())
        _sync(self.folder)
        self._files = {name: state for name, state in self._files.items() if name in names.values()}
        _remove_states(self.folder, but=self._files)

    def _name(self, state: Snapshot) -> str:
        """Return the name of a state's file, which is written if it is not there yet."""
        for name, known in self._files.items():
            if known is state:
                return name
        self._count += 1
        name = f"state-{self._count:06d}.npz"
        arrays = {f"state/{key}": value for key, value in state.state.items()}
        arrays |= {f"mask/{key}": np.packbits(value) for key, value in state.masks.items()}
        arrays |= {f"shape/{key}": np.array(value.shape) for key, value in state.masks.items()}
        arrays |= {f"digits/{key}": grid.digits for key, grid in state.grids.items()}
        arrays |= {f"type/{key}": np.array([grid.step, grid.low, grid.high]) for key, grid in state.grids.items()}
        arrays |= {
            f"data/{key}": np.array([kind.width, kind.integer, kind.signed]) for key, kind in state.data_types.items()
        }
        # A file object, since NumPy would add an ending to a name.
        through(self.folder / name, lambda path: _savez(path, arrays))
        self._files[name] = state
        return name

    def _check(self, arguments: Mapping[str, str]) -> None:
        for name in {**arguments, **self.arguments}:
            was, now = arguments.get(name), self.arguments.get(name)
            if was != now:
                raise ValueError(
                    f"{name}: the pruning in {self.folder} was started with {was}, got {now}; expected the same to go "
                    "on from there, or another folder to start anew"
                )


def _savez(path: Path, arrays: dict[str, Any]) -> None:
    with path.open("wb") as stream:
        np.savez(stream, **arrays)


def _read(path: Path) -> Snapshot:
    with np.load(path, allow_pickle=False) as saved:
        state, masks, grids, types = {}, {}, {}, {}
        for key in saved:
            kind, _, name = key.partition("/")
            if kind == "state":
                state[name] = saved[key]
            elif kind == "mask":
                shape = tuple(saved[f"shape/{name}"])
                count = int(np.prod(shape))
                masks[name] = np.unpackbits(saved[key], count=count).astype(bool).reshape(shape)
            elif kind == "digits":
                step, low, high = saved[f"type/{name}"].tolist()
                grids[name] = Grid(step, int(low), int(high), saved[key])
            elif kind == "data":
                width, integer, signed = saved[key].tolist()
                types[name] = FixedPoint(width, integer, bool(signed))
    return Snapshot(state, masks, grids, types)


def _plain(thing: Step | Trial) -> dict[str, Any]:
    """Make a step ready for JSON; of what it uses, only the counts."""
    resources = thing.selection.resources.by_layer
    content = asdict(replace(thing, selection=replace(thing.selection, resources=None)))  # type: ignore[arg-type]
    content["selection"]["resources"] = {name: dict(use) for name, use in resources.items()}
    return content


def _step(saved: dict[str, Any], before: Resources) -> Step:
    return Step(**_typed(saved, before) | {"metrics": tuple(saved["metrics"])})


def _trial(saved: dict[str, Any], before: Resources, best: Snapshot | None) -> Trial:
    return Trial(**_typed(saved, before) | {"best": best})


def _typed(saved: dict[str, Any], before: Resources) -> dict[str, Any]:
    chosen = saved["selection"]
    prices = chosen["solution"]["prices"]
    answer = Answer(**chosen["solution"] | {"prices": None if prices is None else tuple(prices)})
    resources = replace(before, by_layer=chosen["resources"], explanations=())
    selection = Chosen(resources, _caps(chosen["caps"]), chosen["structures"], answer)
    return {**saved, "budget": _caps(saved["budget"]), "selection": selection}


def _caps(saved: list[dict[str, Any]]) -> tuple[Cap, ...]:
    return tuple(Cap(**cap) for cap in saved)


def _sync(folder: Path) -> None:
    """Have the renames themselves on the disk, where the system lets a folder be opened."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
