"""Budgets: what the pruned model may use, as caps on one resource of the whole model or of one layer."""

from __future__ import annotations

import difflib
import math
import numbers
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from knapprune.hardware import parts
from knapprune.hardware.resources import Resources
from knapprune.hardware.units import counted_as, size_of, with_blocks
from knapprune.network.hls_config import Overrides

Amount = float

MANY = 1000
"""Use of a resource from which a budget of one unit is most probably meant as all of it."""


class BudgetWarning(UserWarning):
    """A budget that says something else than was most probably meant."""


class BudgetError(ValueError):
    """A budget that is malformed, or that no selection can keep.

    Parameters
    ----------
    message
        What is wrong.
    minimum
        The caps, raised to the smallest limits that can be kept where they were below: a budget for the next try. Empty
        where the budget is malformed or no limit would do.
    """

    def __init__(self, message: str, minimum: tuple[Cap, ...] = ()) -> None:
        super().__init__(message)
        self.minimum = minimum


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
    part
        The chip that the limit is taken from, or None where it was given as such.
    counted
        The resource that is counted, by default the same; of ``"bram"``, blocks of 36 Kb, ``"bram18"``, their halves.
    share, whole
        The fraction that was asked for, and what it is of, where the limit was given as one. A cap of another limit has
        none.
    """

    resource: str
    limit: int
    layer: str | None = None
    part: str | None = None
    counted: str = field(default="", repr=False)
    share: float | None = field(default=None, compare=False)
    whole: int | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.counted:
            object.__setattr__(self, "counted", counted_as(self.resource, ()))
        if self.share is not None and (self.whole is None or _share(self.share, self.whole) != self.limit):
            object.__setattr__(self, "share", None)  # a copy with another limit
            object.__setattr__(self, "whole", None)

    def __str__(self) -> str:
        where = self.layer if self.part is None else self.part
        return f"budget{'' if where is None else f'[{where!r}]'}[{self.resource!r}] = {self.limit} ({self._origin})"

    @property
    def understood(self) -> str:
        """What the budget was understood to be.

        Examples
        --------
        >>> Cap("dsp", 404, share=0.25, whole=1616).understood, Cap("dsp", 1, layer="fc1").understood
        ('dsp 404 (0.25 of 1616)', 'fc1.dsp 1 (a count)')
        """
        return f"{'' if self.layer is None else f'{self.layer}.'}{self.resource} {self.limit} ({self._origin})"

    @property
    def _origin(self) -> str:
        """Say what the limit was taken from."""
        if self.share is None:
            return "a count"
        amount = "all" if self.share == 1 else f"{self.share:.6g}"
        return f"{amount} of {self.whole}" if self.part is None else f"{amount} of the {self.whole} of {self.part}"

    def covers(self, layer: str) -> bool:
        """Say whether a layer's use counts towards this cap."""
        return self.layer is None or self.layer == layer

    def use(self, resources: Resources) -> int:
        """Look up what counts towards this cap."""
        return self.of_counted(self.counted_use(resources))

    @property
    def capacity(self) -> int:
        """The limit in the unit that is counted."""
        return self.limit * size_of(self.resource, self.counted)

    def counted_use(self, resources: Resources) -> int:
        """Look up what counts towards this cap, in the unit that is counted."""
        return sum(use[self.counted] for name, use in resources.by_layer.items() if self.covers(name))

    def of_counted(self, count: int) -> int:
        """Say how much of the limit a count takes."""
        return -(-count // size_of(self.resource, self.counted))

    def asks(self, today: Resources) -> bool:
        """Say whether there is anything to save for this cap."""
        return self.part is None or self.limit < self.use(today)


#: A mapping as :func:`parse_budget` takes it, or caps ready made.
Budget = Mapping[str, Amount | str | Mapping[str, Amount]] | tuple[Cap, ...]


def parse_budget(budget: Budget, today: Resources) -> tuple[Cap, ...]:
    """Turn a budget into caps."""
    if isinstance(budget, tuple) and budget and all(isinstance(cap, Cap) for cap in budget):
        return tuple(replace(cap, counted=counted_as(cap.resource, today.counted)) for cap in budget)
    if not isinstance(budget, Mapping) or not budget:
        raise BudgetError(f"budget: got {budget!r}, expected a mapping such as {{'dsp': 0.25, 'bram': 40}}")
    chip = {key: budget[key] for key in ("part", "share") if not isinstance(budget.get(key, {}), Mapping)}
    caps = _caps_of_chip(chip, today) if chip else []
    for key, amount in budget.items():
        if key in chip:
            continue
        if not isinstance(amount, Mapping):
            caps.append(_cap(str(key), None, amount, today.total, today))
        elif key not in today.by_layer:
            raise BudgetError(
                f"budget: no layer {key!r} to cap, expected one of {list(today.by_layer)}{_hint(key, today)}"
            )
        elif not amount:
            raise BudgetError(f"budget[{key!r}]: got an empty mapping, expected resources such as {{'dsp': 8}}")
        else:
            use = with_blocks(today.by_layer[key])
            caps.extend(_cap(str(name), key, value, use, today) for name, value in amount.items())
    return tuple(caps)


def budgets(budget: Budget | None, resource: str) -> bool:
    """Say whether a budget, as the user gave it, caps a resource anywhere."""
    if isinstance(budget, Mapping):
        return resource in budget or any(resource in own for own in budget.values() if isinstance(own, Mapping))
    return any(getattr(cap, "counted", None) == resource for cap in budget or ())


def asking(caps: tuple[Cap, ...], today: Resources) -> tuple[Cap, ...]:
    """Take the caps that ask for anything: those that a selection is made for."""
    return tuple(cap for cap in caps if cap.asks(today)) or caps


def with_part(overrides: Overrides, budget: Budget | None) -> Overrides:
    """Let the part that a budget names be the one that resources are counted for."""
    part = budget.get("part") if isinstance(budget, Mapping) else None
    if not isinstance(part, str):
        return overrides
    given = overrides.get("part", part)
    if given != part:
        raise BudgetError(f"budget['part']: got {part!r}, and {given!r} as keyword; expected one part")
    return {**overrides, "part": part}


def written(caps: Iterable[Cap]) -> str:
    """Write caps as the command line takes them."""
    return ", ".join(f"{'' if cap.layer is None else cap.layer + '.'}{cap.resource}={cap.limit}" for cap in caps)


def _caps_of_chip(chip: Mapping[str, Any], today: Resources) -> list[Cap]:
    number = chip.get("part", today.part)
    if not isinstance(number, str):
        raise BudgetError(f"budget['part']: got {number!r}, expected a part number such as 'xcku115-flvb2104-2-i'")
    share = chip.get("share", 1.0)
    if isinstance(share, bool) or not isinstance(share, numbers.Real) or not 0 < float(share) <= 1:
        raise BudgetError(f"budget['share']: got {share!r}, expected a share of the chip above 0, up to 1.0")
    part = parts.find(number)
    if part is None:
        raise BudgetError(f"budget: {parts.unknown(number)}; or give counts, such as {{'dsp': 2000, 'bram': 300}}")
    caps = [
        Cap(name, _share(float(share), count), part=part.name, counted=name, share=float(share), whole=count)
        for name, count in part.resources.items()
        if name in today.counted
    ]
    if not caps:
        raise BudgetError(f"budget: {part.name!r} has no {' or '.join(today.counted)} to cap; cap those by name")
    return caps


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
    share = None
    if isinstance(amount, numbers.Integral):
        limit = int(amount)
        if limit == 1 and use[resource] >= MANY:
            warnings.warn(
                f"{where}[{resource!r}]: got the whole number 1, a count, where {use[resource]} are in use; "
                "expected 1.0 for all of them, or a larger count",
                BudgetWarning,
                stacklevel=5,  # the line that calls `select`
            )
    else:
        number = float(amount)
        if not math.isfinite(number) or (number > 1 and not number.is_integer()):
            raise BudgetError(problem)
        share = None if number > 1 else number
        limit = int(number) if share is None else _share(share, use[resource]) if share >= 0 else -1
    if limit < 0:
        raise BudgetError(problem)
    whole = None if share is None else use[resource]
    return Cap(resource, limit, layer, counted=counted_as(resource, today.counted), share=share, whole=whole)


def _share(share: float, count: int) -> int:
    """Round a share of a count down; the margin keeps 0.29 * 100 from being 28."""
    return math.floor(share * count + 1e-9)


def _hint(key: str, today: Resources) -> str:
    near = difflib.get_close_matches(str(key), list(today.by_layer), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
