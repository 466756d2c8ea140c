"""How fast a budget tightens over the pruning steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

Schedule = Callable[[int, int], float]
"""Maps (step, steps), step from 1 to steps, to the share of the way from today's use to the budget, 0 to 1."""


def constant(step: int, steps: int) -> float:
    """Ask for the whole budget from the first step on; later steps recover accuracy."""
    return 1.0


def polynomial(step: int, steps: int, power: float = 3.0) -> float:
    """Go fast while the network is redundant and slow down towards the end.

    Source: Zhu and Gupta, "To prune, or not to prune", arXiv 1710.01878, equation 1 (there with power 3).
    """
    return 1.0 - float((1.0 - step / steps) ** power)


SCHEDULES: dict[str, Schedule] = {"constant": constant, "polynomial": polynomial}

BINARY_SEARCH = "binary-search"

Tried = Sequence[tuple[float, bool]]
"""The steps so far: the share of each, and whether its model was within the tolerance."""


class Plan(Protocol):
    """Which share of the way to the budget comes next; a function of what was tried and of nothing else."""

    @property
    def steps(self) -> int:
        """How many steps there are at most."""

    @property
    def goes_back(self) -> bool:
        """Whether a step that missed the tolerance is undone before the next."""

    def next(self, tried: Tried) -> float | None:
        """Return the next step's share, or None after the last."""


@dataclass(frozen=True)
class Course:
    """Shares that are known before.

    Parameters
    ----------
    shares
        Of each step.
    patience
        How many steps in a row may miss the tolerance before pruning stops; None for any number.
    """

    shares: tuple[float, ...]
    patience: int | None
    goes_back = False

    @property
    def steps(self) -> int:
        """How many steps there are at most."""
        return len(self.shares)

    def next(self, tried: Tried) -> float | None:
        """Return the next step's share."""
        late = [accepted for _, accepted in tried[-self.patience :]] if self.patience else []
        lost = bool(late) and len(late) == self.patience and not any(late)
        return None if lost or len(tried) == len(self.shares) else self.shares[len(tried)]


@dataclass(frozen=True)
class BinarySearch:
    """Search for the largest share whose model is within the tolerance: the whole budget first, then by halves.

    Parameters
    ----------
    steps
        How many steps there are at most; the share is found within ``2 ** (1 - steps)``.
    """

    steps: int
    goes_back = True

    def next(self, tried: Tried) -> float | None:
        """Return the next step's share."""
        kept = max((share for share, accepted in tried if accepted), default=0.0)
        missed = min((share for share, accepted in tried if not accepted), default=None)
        if kept == 1.0 or len(tried) == self.steps:
            return None
        return 1.0 if missed is None else (kept + missed) / 2


def plan_of(schedule: str | Schedule, steps: int, patience: int | None) -> Plan:
    """Find out which shares to try."""
    if schedule == BINARY_SEARCH:
        return BinarySearch(steps)
    if isinstance(schedule, str) and schedule not in SCHEDULES:
        names = sorted([*SCHEDULES, BINARY_SEARCH])
        raise ValueError(f"schedule: got {schedule!r}, expected one of {names} or a function")
    function = SCHEDULES[schedule] if isinstance(schedule, str) else schedule
    return Course(tuple(shares(function, steps)), patience)


def shares(schedule: Schedule, steps: int) -> list[float]:
    """Evaluate a schedule at every step."""
    course = [float(schedule(step, steps)) for step in range(1, steps + 1)]
    ordered = all(0.0 <= a <= b <= 1.0 for a, b in zip([0.0, *course], course, strict=False))
    if not ordered or abs(course[-1] - 1.0) > 1e-9:
        raise ValueError(f"schedule: got the shares {course}, expected ones that rise from 0 to end at 1")
    return [*course[:-1], 1.0]
