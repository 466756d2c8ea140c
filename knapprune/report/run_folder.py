"""The folder of a run: files of others in it are never touched, and no two runs write to it at once.

A marker names what this program wrote there. With ``--force`` those files are replaced, and no others: a folder without
a marker, or a file that the marker does not name, is somebody else's.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from knapprune.writing import write_text

MARKER = ".knapprune.json"
LOCK = ".knapprune.lock"
_OURS = (MARKER, LOCK)


def check_claim(folder: str | Path, names: Collection[str], force: bool, argument: str = "--out") -> Path:
    """Refuse a folder whose files are not to be overwritten; nothing is written."""
    path = Path(folder)
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"{argument}: {path} is a file, expected a folder")
    there = {entry.name for entry in path.iterdir() if entry.name not in _OURS} if path.is_dir() else set()
    if there and not force:
        raise FileExistsError(
            f"{argument}: {path} exists and is not empty; give another folder, or --force to overwrite what an earlier "
            "run wrote there"
        )
    if there and (foreign := sorted(there & set(names) - written(path))):
        raise FileExistsError(
            f"{argument}: {path / foreign[0]} was not written by knapprune, so it stays; give another folder"
        )
    return path


@contextmanager
def claimed(folder: str | Path, names: Collection[str], *, force: bool, argument: str = "--out") -> Iterator[Path]:
    """Have a folder alone, to write files of these names; it is made where it is not there.

    What is refused meanwhile, and has written nothing, leaves everything as it was.
    """
    path = check_claim(folder, names, force, argument)
    with alone(path, argument):
        check_claim(path, names, force, argument)
        mark(path, written(path) | set(names))
        yield path


@contextmanager
def alone(path: Path, argument: str) -> Iterator[None]:
    """Keep other runs out of a folder, which is made; the system lets go of the lock of a process that is killed."""
    from filelock import FileLock, Timeout

    new = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RuntimeError(
            f"{argument}: another run is at work in {path}; wait for its end, or give another folder"
        ) from None
    try:
        yield
    finally:
        _leave(path, new)
        lock.release()


def mark(path: Path, names: Collection[str]) -> None:
    """Write into the marker that files of these names are this program's."""
    if set(names) != written(path):
        write_text(path / MARKER, json.dumps({"written by": "knapprune", "files": sorted(names)}) + "\n")


def written(path: Path) -> set[str]:
    """Name the files that a marker says this program wrote; none where there is no marker."""
    try:
        return set(json.loads((path / MARKER).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _leave(path: Path, new: bool) -> None:
    """Name in the marker what was written indeed; nothing is left of a run that wrote nothing."""
    there = {entry.name for entry in path.iterdir()}
    if own := written(path) & there:
        mark(path, own)
        return
    for name in _OURS:
        (path / name).unlink(missing_ok=True)
    if new and there <= set(_OURS):
        path.rmdir()
