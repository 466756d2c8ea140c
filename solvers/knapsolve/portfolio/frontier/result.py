"""What a frontier is: points, and the selection of each when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from knapsolve import contents, validation
from knapsolve.plugins import require
from knapsolve.problem import Knapsack
from knapsolve.solution import Solution, Status, relative_gap

SHOWN = 7
"""Points that a representation lists."""


@dataclass(frozen=True, eq=False)
class FrontierPoint:
    """The best selection under one capacity, and what is known of it.

    Parameters
    ----------
    capacity
        The resource's.
    value
        Value of the selection; minus infinity where there is none.
    bound
        No selection under this capacity is worth more.
    status
        What is known, as in `Solution`.
    usage
        What the selection uses of each resource, shape (m,).
    prices
        Price of one more unit of each resource, in the linear relaxation, shape (m,), or None where no solver gives it.
    resource
        The resource that the capacity is of.
    solver
        Name of the solver that found the selection.
    tolerance
        As in `Solution`.
    """

    capacity: int | float
    value: int | float
    bound: int | float
    status: Status
    usage: NDArray[Any]
    prices: NDArray[np.float64] | None
    resource: int
    solver: str
    tolerance: float = 0.0

    @property
    def price(self) -> float | None:
        """Price of one more unit of the frontier's resource, or None."""
        return None if self.prices is None else float(self.prices[self.resource])

    @property
    def gap(self) -> float:
        """Relative distance of value and bound; 0 when proved."""
        return 0.0 if self.status is Status.OPTIMAL else relative_gap(self.value, self.bound)


class Chosen(Protocol):
    """A selection, kept small."""

    def selected(self, problem: Knapsack) -> NDArray[np.bool_]:
        """Return it, bool, shape (n,)."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class Frontier:
    """The best value at each capacity of one resource.

    Parameters
    ----------
    points
        By ascending capacity; no value is below the one before.
    resource
        The resource, as a number.
    problem
        The problem; its own capacity of that resource is not looked at.
    seconds
        Wall-clock time of the whole call.
    chosen
        The selection of each point, kept small; `solution` says what it is.
    trace
        What was done, a line each.
    """

    points: tuple[FrontierPoint, ...]
    resource: int
    problem: Knapsack
    seconds: float
    chosen: tuple[Chosen, ...] = field(default=(), repr=False)
    trace: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.points)

    def problem_at(self, point: int) -> Knapsack:
        """Return the problem under the capacity of a point."""
        return at(self.problem, self.resource, self.points[point].capacity)

    def solution(self, point: int) -> Solution:
        """Return what `solve` returns of one point.

        Parameters
        ----------
        point
            Which, counted from 0.

        Returns
        -------
        Solution
            With the selection; its time is that of the whole frontier.
        """
        known = self.points[point]
        return Solution(
            selected=validation.read_only(self.chosen[point].selected(self.problem)),
            value=known.value,
            bound=known.bound,
            status=known.status,
            usage=known.usage,
            slack=self.problem_at(point).capacities - known.usage,
            prices=known.prices,
            solver=known.solver,
            seconds=self.seconds,
            tolerance=known.tolerance,
            trace=self.trace,
        )

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with a row a point.

        Returns
        -------
        pandas.DataFrame
            Columns `capacity`, `value`, `bound`, `gap`, `status`, `price`, and `usage_0`, `usage_1`, ...

        Raises
        ------
        MissingPackageError
            If pandas is not installed; the message says how to install it.
        """
        require("pandas", "Frontier.to_frame", "pip install pandas")
        import pandas

        rows = []
        for point in self.points:
            known = {key: getattr(point, key) for key in ("capacity", "value", "bound", "gap")}
            price = np.nan if point.price is None else point.price
            used = {f"usage_{i}": amount for i, amount in enumerate(point.usage)}
            rows.append({**known, "status": str(point.status), "price": price, **used})
        return pandas.DataFrame(rows)

    def __repr__(self) -> str:
        header = f"Frontier(resource={self.resource}, {len(self)} points, {self.proved} proved, {self.seconds:.3g} s)"
        places = range(len(self))
        if len(self) > SHOWN:
            places = np.unique(np.linspace(0, len(self) - 1, SHOWN).astype(int)).tolist()
        lines = [f"  {key}: {text}" for key, text in self._rows(places)]
        more = [f"  {len(self) - len(lines)} more points between them"] if len(self) > len(lines) else []
        return "\n".join([header, *lines, *more])

    def _repr_html_(self) -> str:
        return contents.as_html(self._rows(range(len(self))), f"Value at each capacity of resource {self.resource}")

    @property
    def proved(self) -> int:
        """How many points are proved."""
        return sum(point.status in (Status.OPTIMAL, Status.INFEASIBLE) for point in self.points)

    def _rows(self, places: Any) -> list[tuple[str, str]]:
        rows = []
        for place in places:
            point = self.points[place]
            price = "" if point.price is None else f", price {point.price:.6g}"
            short = "" if point.status is not Status.FEASIBLE else f", gap {point.gap:.2g}"
            rows.append((f"{point.capacity:.12g}", f"value {point.value:.12g}{price}, {point.status}{short}"))
        return rows


def at(problem: Knapsack, resource: int, capacity: Any) -> Knapsack:
    """Return the problem with another capacity of one resource."""
    capacities = [capacity if i == resource else own for i, own in enumerate(problem.capacities.tolist())]
    return problem.with_capacities(capacities)


@dataclass(frozen=True, eq=False)
class Packed:
    """A selection, a bit an item."""

    bits: NDArray[np.uint8]

    def selected(self, problem: Knapsack) -> NDArray[np.bool_]:
        """Return it, bool, shape (n,)."""
        return np.unpackbits(self.bits, count=problem.n).astype(np.bool_)
