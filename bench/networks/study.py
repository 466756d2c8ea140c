"""What all studies of networks share: rows that are kept as they come, and the page that is made of them.

A study measures cases, a row each. Rows are written after every case, so that a run that was cut off goes on where it
was: what has a row is not measured again, unless ``--again``. A case that fails is a row with its error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.measuring.machine import ROOT
from bench.solvers import rows as stored
from knapsolve.files import atomic

Row = dict[str, Any]
DOCS = ROOT / "docs" / "benchmarks"


@dataclass(frozen=True)
class Case:
    """What one row is of, and how the rest of it is measured.

    Parameters
    ----------
    about
        What a row of this case says beforehand; a row that says the same is one of this case.
    measure
        Returns what else the row says.
    told
        Hears the row, measured now or before.
    file
        Where the row goes, if not to the first file of the study.
    """

    about: Row
    measure: Callable[[], Row]
    told: Callable[[Row], Any] = field(default=lambda row: None)
    file: str = ""

    def has(self, row: Row) -> bool:
        """Say whether a row is of this case."""
        return all(name in row and row[name] == value for name, value in _plain(self.about).items())


@dataclass(frozen=True)
class Study:
    """A study: its files, what it measures, and how the page says it.

    Parameters
    ----------
    name
        Of its files, ``NAME.json`` and ``NAME.md``.
    about
        For ``--help``.
    page
        Makes the page from the content of the files, and of nothing else.
    cases
        Takes the options, which are its annotated parameters (and ``out``, where it has such a one), and returns the
        cases. A list, or an iterator where the rows decide how many there are.
    record
        In place of `cases`, where all is computed at once: takes the options and returns the content of the file.
    facts
        Returns what each row says of machine and versions.
    order
        Key to sort the rows by; they stay as they came where there is none.
    others
        Names of further files of rows, for `page`.
    more
        Makes what else is made of the content (plots) in a folder.
    """

    name: str
    about: str
    page: Callable[..., str]
    cases: Callable[..., Iterable[Case]] | None = None
    record: Callable[..., Any] | None = None
    facts: Callable[[], Row] = dict
    order: Callable[[Row], Any] | None = None
    others: tuple[str, ...] = ()
    more: Callable[[Any, Path], None] | None = None


def measure(study: Study, cases: Iterable[Case], out: Path, again: bool = False) -> None:
    """Measure the cases that have no row; the file is read and written whole for each, as others may add to it."""

    def path(case: Case) -> Path:
        return out / f"{case.file or study.name}.json"

    if again and isinstance(cases, Sized):  # rows are forgotten first, so that a run that is cut off goes on
        for file in {path(case) for case in cases}:
            stored.save(file, [row for row in stored.load(file) if not any(case.has(row) for case in cases)])
    elif again:
        stored.save(out / f"{study.name}.json", [])
    if isinstance(cases, Sized) and not cases:
        return
    kept = 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as progress:
        task = progress.add_task(study.name, total=len(cases) if isinstance(cases, Sized) else None)
        for case in cases:
            rows = stored.load(path(case))
            row = next((row for row in rows if case.has(row)), None)
            if row is None:
                name = ", ".join(str(value) for value in case.about.values())
                progress.update(task, description=f"{study.name}: {name:.40}")
                row = row_of(study, case)
                progress.console.print(f"{name}: {row.get('error', 'measured')}", markup=False, soft_wrap=True)
                rows = [*stored.load(path(case)), row]
                stored.save(path(case), sorted(rows, key=study.order) if study.order else rows)
            else:
                kept += 1
            case.told(row)
            progress.advance(task)
        progress.update(task, description=study.name)
        if kept:
            progress.console.print(
                f"{study.name}: rows that were there: {kept}; --again measures them anew", soft_wrap=True
            )


def row_of(study: Study, case: Case) -> Row:
    """Measure a case; a failure becomes a row too."""
    row = _plain(case.about | study.facts())
    try:
        return row | _plain(case.measure())
    except Exception as error:
        return row | {"error": f"{type(error).__name__}: {error}"}


def write_page(study: Study, out: Path) -> None:
    """Write the page, and what else is made of the rows."""
    content = json.loads((out / f"{study.name}.json").read_text(encoding="utf-8"))
    others = [stored.load(out / f"{name}.json") for name in study.others]
    atomic.write_text(out / f"{study.name}.md", study.page(content, *others))
    if study.more:
        study.more(content, out)


def versions_of(row: Row) -> str:
    """Write the versions that a row was measured with."""
    return ", ".join(f"{name} {number}" for name, number in row["versions"].items())


def _plain(row: Row) -> Row:
    """Return a row as it reads in its file."""
    plain: Row = json.loads(json.dumps(row))
    return plain
