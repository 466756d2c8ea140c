"""What a frontier of a network is: points, their table and picture, and the selection of each when it is asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from knapprune.hardware.resources import Resources
from knapprune.hardware.units import in_one_unit
from knapprune.selection.budget import Cap
from knapprune.selection.result import Selection
from knapprune.tables import plain_table
from knapsolve.contents import as_html
from knapsolve.plugins import require

if TYPE_CHECKING:
    import knapsolve
    from knapprune.selection.labelled import Labelled
    from knapprune.selection.request import Outcome

_SHOWN = 7
"""Points that a representation lists."""
_WIDTH = 80


@dataclass(frozen=True)
class FrontierPoint:
    """The best selection under one budget.

    Parameters
    ----------
    budget
        Of the frontier's resource, an absolute count.
    value
        What is kept is worth so much.
    share
        The same as a share of what all is worth that can be pruned.
    bound
        No selection is worth more within that budget.
    status
        What is known of the selection: OPTIMAL is a proof.
    price
        What one more unit of the resource would bring, in values, by the linear relaxation; None where it is not known.
    resources
        What the masked model uses, counted as `select` counts it.
    outputs_first
        Whether the best structure of each output was ranked before others of the last layer, as `select` does where an
        output would lose all of its weights. The status holds for that ranking, and the value may be below the bound.
    solver
        Who found it.
    """

    budget: int
    value: float
    share: float
    bound: float
    status: str
    price: float | None
    resources: Mapping[str, int]
    outputs_first: bool
    solver: str


@dataclass(frozen=True)
class Source:
    """Where the selection of a point comes from: a knapsack, its frontier, and the point's place on that."""

    asked: Labelled
    solved: knapsolve.Frontier
    place: int

    @property
    def point(self) -> knapsolve.FrontierPoint:
        """What the solver knows."""
        return self.solved.points[self.place]

    def outcome(self) -> Outcome:
        """What the point comes to."""
        return self.asked.outcome(self.solved.solution(self.place))


@dataclass(frozen=True, repr=False)
class Frontier:
    """The best selection at each budget of one resource.

    Parameters
    ----------
    points
        By ascending budget.
    resource
        The resource.
    before
        What the model used.
    budget
        The caps on other resources, the same for all points.
    total
        What all is worth that can be pruned.
    seconds
        Wall-clock time of the whole call.
    sources
        Where the selection of each point comes from.
    """

    points: tuple[FrontierPoint, ...]
    resource: str
    before: Resources
    budget: tuple[Cap, ...]
    total: float
    seconds: float
    sources: tuple[Source, ...] = field(repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.points)

    def select(self, point: int) -> Selection:
        """Return the selection of a point, as `knapprune.select` returns it.

        Parameters
        ----------
        point
            Which, counted from 0; negative numbers count from the largest budget.

        Returns
        -------
        Selection
            Masks and all that is known of them.

        Raises
        ------
        IndexError
            If there is no such point.

        Warns
        -----
        SelectionWarning
            As from `knapprune.select`.
        """
        from knapprune.selection.selecting import selection_of

        if not -len(self) <= point < len(self):
            raise IndexError(f"point: got {point}, expected one of 0 to {len(self) - 1}")
        source, known = self.sources[point], self.points[point]
        request = source.asked.request
        caps = (*request.budget[:-1], replace(request.budget[-1], limit=known.budget))
        return selection_of(replace(request, budget=caps), source.outcome())

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with a row a point.

        Returns
        -------
        pandas.DataFrame
            Columns `budget`, `value`, `share`, `bound`, `status`, `price`, `outputs_first`, and the resources in use.

        Raises
        ------
        MissingPackageError
            If pandas is not installed.
        """
        require("pandas", "Frontier.to_frame", "pip install pandas")
        import pandas

        return pandas.DataFrame(self._records())

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON.

        Returns
        -------
        dict
            `resource`, `before`, `budget` (of the others), `total`, `seconds` and `points`, a dict each.
        """
        return {
            "resource": self.resource,
            "before": dict(self.before.total),
            "budget": [{"resource": cap.resource, "layer": cap.layer, "limit": cap.limit} for cap in self.budget],
            "total": self.total,
            "seconds": self.seconds,
            "points": [
                {
                    **{key: own for key, own in vars(point).items() if key != "resources"},
                    "resources": dict(point.resources),
                }
                for point in self.points
            ],
        }

    def to_csv(self) -> str:
        """Return the points as CSV, with the columns of `to_frame`.

        Returns
        -------
        str
            A header, and a line a point.
        """
        import csv
        import io

        text = io.StringIO()
        records = self._records()
        writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: "" if own is None else own for key, own in record.items()} for record in records)
        return text.getvalue()

    def plot(self, path: str | Path) -> None:
        """Draw what is kept, and the price of one more unit, against the budget.

        Parameters
        ----------
        path
            A file that ends in .png, .svg or .pdf.

        Raises
        ------
        ValueError
            If it ends otherwise.
        MissingToolError
            If Matplotlib is not installed.
        """
        from knapprune.report.files import write_bytes
        from knapprune.report.frontier_plot import frontier_plot

        kind = Path(path).suffix.lower().removeprefix(".")
        if kind not in ("png", "svg", "pdf"):
            raise ValueError(f"path: got {str(path)!r}, expected a name that ends in .png, .svg or .pdf")
        write_bytes(Path(path), frontier_plot(self.to_dict(), kind))

    def summary(self) -> str:
        """Describe the frontier as a table of at most 80 columns, a line a point.

        Returns
        -------
        str
            Plain text. Resources beyond what the width holds are left out.
        """
        names = in_one_unit(self.before.total, {self.resource})
        while True:
            text = plain_table(*self._table(names))
            if len(text.splitlines()[0]) <= _WIDTH or not names:
                break
            names = names[:-1]
        caps = [f"beside {', '.join(map(str, self.budget))}"] if self.budget else []
        ranked = [place for place, point in enumerate(self.points) if point.outputs_first]
        notes = ["* the best structure of each output ranked first, so that none is lost"] if ranked else []
        last = f"{self.proved} of {len(self)} points proved, {self.seconds:.2f} s"
        return "\n".join([text, *caps, *notes, f"kept: value, % of all; price: % for one more {self.resource}", last])

    @property
    def proved(self) -> int:
        """How many points are proved."""
        return sum(point.status == "OPTIMAL" for point in self.points)

    def __repr__(self) -> str:
        header = f"Frontier({self.resource!r}, {len(self)} points, {self.proved} proved, {self.seconds:.3g} s)"
        places = np.unique(np.linspace(0, len(self) - 1, _SHOWN).astype(int)).tolist()
        lines = [f"  {key}: {text}" for key, text in self._lines() if key]
        shown = [lines[place] for place in places]
        left = len(lines) - len(shown)
        return "\n".join([header, *shown, *([f"  {left} more points between them"] if left else [])])

    def _repr_html_(self) -> str:
        return as_html(self._lines(), f"Value kept at each budget of {self.resource}")

    def _lines(self) -> list[tuple[str, str]]:
        return [(f"{p.budget}", f"{100 * p.share:.2f} % kept, {p.status}") for p in self.points]

    def _records(self) -> list[dict[str, Any]]:
        keys = ("budget", "value", "share", "bound", "status", "price", "outputs_first")
        return [{**{key: getattr(point, key) for key in keys}, **point.resources} for point in self.points]

    def _table(self, names: list[str]) -> tuple[list[str], list[list[object]]]:
        rows: list[list[object]] = []
        for point in self.points:
            price = "-" if point.price is None else f"{100 * point.price / (self.total or 1.0):.3g}"
            status = point.status + ("*" if point.outputs_first else "")
            used = [point.resources[name] for name in names]
            rows.append([point.budget, f"{100 * point.share:6.2f}", price, status, *used])
        return [self.resource, "kept %", "price %", "status", *(f"uses {name}" for name in names)], rows


def share_of(value: float, total: float) -> float:
    """Return a share; all of nothing is all."""
    return value / total if total and math.isfinite(value) else 1.0
