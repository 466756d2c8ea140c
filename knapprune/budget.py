"""Budgets: what the pruned model may use, as caps on one resource of the whole model or of one layer."""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from knapprune.estimation import Resources

Amount = float
Budget = Mapping[str, Amount | Mapping[str, Amount]]


class BudgetError(ValueError):
    """A budget that is malformed, or that no selection can keep."""


@dataclass(frozen=True)
class Cap:
    """At most this much of a resource.

    Parameters
    ----------
    resource
        Such as ``"dsp"``.
    limit
        Absolute count.
    layer
        The layer it is on, or None for the whole model.
    """

    resource: str
    limit: int
    layer: str | None = None

    def __str__(self) -> str:
        of_layer = f"[{self.layer!r}]" if self.layer is not None else ""
        return f"budget{of_layer}[{self.resource!r}] = {self.limit}"

    def covers(self, layer: str) -> bool:
        """Say whether a layer's use counts towards this cap.

        Parameters
        ----------
        layer
            Its name.

        Returns
        -------
        bool
            True for all layers where the cap is on the whole model.
        """
        return self.layer is None or self.layer == layer

    def use(self, resources: Resources) -> int:
        """Look up what counts towards this cap.

        Parameters
        ----------
        resources
            Resources by layer.

        Returns
        -------
        int
            The count.
        """
        return sum(use[self.resource] for name, use in resources.by_layer.items() if self.covers(name))


def parse_budget(budget: Budget, today: Resources) -> tuple[Cap, ...]:
    """Turn a budget into caps.

    Parameters
    ----------
    budget
        By resource: a fraction of today's use (a float from 0 to 1) or an absolute count (an int, or a whole float
        above 1). A layer's name as key, with such a mapping as value, adds caps on that layer alone.
    today
        What the model uses now.

    Returns
    -------
    tuple of Cap
        In the budget's order.

    Raises
    ------
    BudgetError
        For an empty budget, an unknown resource or layer, or an amount that is neither a fraction nor a count.
    """
    if not isinstance(budget, Mapping) or not budget:
        raise BudgetError(f"budget: got {budget!r}, expected a mapping such as {{'dsp': 0.25, 'bram': 40}}")
    caps: list[Cap] = []
    for key, amount in budget.items():
        if not isinstance(amount, Mapping):
            caps.append(_cap(str(key), None, amount, today.total, today))
        elif key not in today.by_layer:
            raise BudgetError(
                f"budget: no layer {key!r} to cap, expected one of {list(today.by_layer)}{_hint(key, today)}"
            )
        elif not amount:
            raise BudgetError(f"budget[{key!r}]: got an empty mapping, expected resources such as {{'dsp': 8}}")
        else:
            caps.extend(_cap(str(name), key, value, today.by_layer[key], today) for name, value in amount.items())
    return tuple(caps)


def _cap(resource: str, layer: str | None, amount: Any, use: Mapping[str, int], today: Resources) -> Cap:
    where = f"budget[{layer!r}]" if layer is not None else "budget"
    if resource not in use:
        extra = (
            f"; for a layer, give a mapping such as {{{resource!r}: {{'dsp': 8}}}}"
            if resource in today.by_layer
            else "; latency follows from the reuse factors: let select choose them, choose={'reuse_factor': 'legal'}"
            if resource == "latency"
            else ""
        )
        raise BudgetError(f"{where}: unknown resource {resource!r}, expected one of {list(use)}{extra}")
    problem = f"{where}[{resource!r}]: got {amount!r}, expected a fraction from 0.0 to 1.0 or a whole count >= 0"
    if isinstance(amount, bool) or not isinstance(amount, numbers.Real):
        raise BudgetError(problem)
    if isinstance(amount, numbers.Integral):
        limit = int(amount)
    else:
        number = float(amount)
        if not math.isfinite(number) or (number > 1 and not number.is_integer()):
            raise BudgetError(problem)
        # The margin keeps 0.29 * 100 from being 28.
        limit = int(number) if number > 1 else math.floor(number * use[resource] + 1e-9) if number >= 0 else -1
    if limit < 0:
        raise BudgetError(problem)
    return Cap(resource, limit, layer)


def _hint(key: str, today: Resources) -> str:
    near = difflib.get_close_matches(str(key), list(today.by_layer), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
