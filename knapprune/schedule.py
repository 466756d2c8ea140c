"""How fast a budget tightens over the pruning steps."""

from __future__ import annotations

from collections.abc import Callable

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


def schedule_of(schedule: str | Schedule) -> Schedule:
    """Look a schedule up by name; a function is taken as it is.

    Parameters
    ----------
    schedule
        ``"constant"``, ``"polynomial"``, or a function of step and steps.

    Raises
    ------
    ValueError
        For an unknown name; the message lists those there are.
    """
    if callable(schedule):
        return schedule
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule: got {schedule!r}, expected one of {sorted(SCHEDULES)} or a function")
    return SCHEDULES[schedule]


def shares(schedule: Schedule, steps: int) -> list[float]:
    """Evaluate a schedule at every step.

    Parameters
    ----------
    schedule
        The schedule.
    steps
        How many steps.

    Returns
    -------
    list of float
        One share for each step.

    Raises
    ------
    ValueError
        If a share is not in 0..1, decreases, or the last one is not 1.
    """
    found = [float(schedule(step, steps)) for step in range(1, steps + 1)]
    ordered = all(0.0 <= a <= b <= 1.0 for a, b in zip([0.0, *found], found, strict=False))
    if not ordered or abs(found[-1] - 1.0) > 1e-9:
        raise ValueError(f"schedule: got the shares {found}, expected ones that rise from 0 to end at 1")
    return [*found[:-1], 1.0]
