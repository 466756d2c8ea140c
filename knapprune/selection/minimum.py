"""The smallest budget that can be kept, said by resource before anything is solved or trained."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from knapprune.hardware.hardware_model import HardwareModel
from knapprune.hardware.resources import LATENCY, Resources
from knapprune.hardware.structures import KEPT
from knapprune.network.rules.strategy import HardwareWarning
from knapprune.selection.budget import BudgetError, Cap, written
from knapprune.selection.candidates import Candidates, could_save

SECONDS_FOR_A_MINIMUM = 2.0
"""Time to find out how far one cap would have to be raised beside the others; without a proof nothing is said."""


@dataclass(frozen=True)
class Need:
    """What a cap must leave.

    Parameters
    ----------
    cap
        The cap that was asked for.
    least
        The smallest limit that can be kept.
    today
        What is in use now.
    details
        Lines that say where it comes from.
    """

    cap: Cap
    least: int
    today: int
    details: tuple[str, ...] = ()


def refuse_below(needs: Iterable[Need], why: str) -> None:
    """Refuse a budget that is below what stays in use."""
    known = list(needs)
    short = [need for need in known if need.cap.limit < need.least]
    if not short:
        return
    lines = []
    for need in short:
        lines += [f"{need.cap}: at least {need.least} (today {need.today}) stay in use {why}", *need.details]
    minimum = tuple(replace(need.cap, limit=max(need.least, need.cap.limit)) for need in known)
    lines.append(
        f"the smallest budget that can be kept: {written(replace(need.cap, limit=need.least) for need in short)}"
    )
    raise BudgetError("\n".join(lines), minimum)


def check_caps(
    resource_model: HardwareModel,
    groups: Sequence[Candidates],
    caps: tuple[Cap, ...],
    before: Resources,
    in_steps: bool = False,
) -> None:
    """Refuse a budget that cannot be kept, and one on something that pruning cannot save here."""
    needs, refused, told = [], [], []
    for cap in caps:
        if not cap.asks(before):
            continue
        covered = [group for group in groups if cap.covers(group.layer.name)]
        stuck = [group for group in covered if not group.saves(cap)]
        least = {group.layer.name: _least(resource_model, group, cap, in_steps) for group in covered}
        reasons = [
            f"  {group.layer.name}: {_advice(resource_model, group, cap)}" for group in stuck if group.structure != KEPT
        ]
        if len(stuck) == len(covered) and not any(could_save(resource_model, group, cap) for group in covered):
            refused += [f"{cap}: pruning saves no {cap.resource} here, {cap.use(before)} in use stay in use", *reasons]
            continue
        unit = "" if cap.counted == cap.resource else f" {cap.counted}"
        staying = tuple(
            f"  {group.layer.name}: {least[group.layer.name]}{unit}; {_advice(resource_model, group, cap)}"
            for group in covered
            if least[group.layer.name]
        )
        needs.append(Need(cap, cap.of_counted(sum(least.values())), cap.use(before), staying))
        costly = ", ".join(
            repr(group.layer.name) for group in stuck if least[group.layer.name] and group.structure != KEPT
        )
        if costly and not in_steps and cap.limit < cap.use(before):
            told.append("\n".join([f"{cap}: cannot be saved in {costly}, counted there as fixed", *reasons]))
    if refused:
        raise BudgetError("\n".join(refused))
    refuse_below(needs, "whatever is pruned")
    for sentence in told:
        warnings.warn(sentence, HardwareWarning, stacklevel=5)  # the line that calls `select`


def _advice(resource_model: HardwareModel, group: Candidates, cap: Cap) -> str:
    """Say why a layer uses what it does."""
    return "it is kept whole" if group.structure == KEPT else resource_model.advice(group.layer, cap.counted)


def check_choice(fixed: Sequence[npt.NDArray[np.int64]], caps: tuple[Cap, ...], before: Resources) -> None:
    """Refuse a budget that is below what every choice uses, each cap by itself.

    Parameters
    ----------
    fixed
        By layer, shape (variants, caps): what stays in use of each cap whatever is pruned.
    caps, before
        What is capped, and what is in use now.
    """
    least = sum((own.min(axis=0) for own in fixed), np.zeros(len(caps), dtype=np.int64))
    needs = [Need(cap, cap.of_counted(int(used)), cap.use(before)) for cap, used in zip(caps, least, strict=True)]
    # Variants that take too long are left out already, so beside a latency that is too small nothing else is certain.
    late = [need for need in needs if need.cap.resource == LATENCY and need.cap.limit < need.least]
    beside = [str(cap) for cap in caps if cap.resource == LATENCY and not late]
    refuse_below(late or needs, " beside ".join(["whatever is chosen and pruned", *beside]))


def contradiction(fixed: Sequence[npt.NDArray[np.int64]], caps: tuple[Cap, ...]) -> BudgetError:
    """Say how far each cap has to be raised so that some choice keeps all of them; `fixed` as in `check_choice`."""
    lines = [f"{'; '.join(map(str, caps))}: no choice keeps all of these"]
    for row, cap in enumerate(caps):
        least = _least_beside(fixed, caps, row)
        if least is not None:
            lines.append(f"  the others allow {written([replace(cap, limit=cap.of_counted(least))])} at least")
    return BudgetError("\n".join(lines))


def _least_beside(fixed: Sequence[npt.NDArray[np.int64]], caps: tuple[Cap, ...], row: int) -> int | None:
    """Find the least that stays in use for one cap while all others are kept; None where it cannot be proved."""
    from knapsolve import Knapsack, Status, solve

    others = [number for number in range(len(caps)) if number != row]
    if not others:
        return None
    used = np.concatenate(fixed)
    solution = solve(
        Knapsack(
            (used[:, row].max() - used[:, row]).astype(np.float64),
            used[:, others].T,
            [caps[number].capacity for number in others],
            choices=np.repeat(np.arange(len(fixed)), [len(own) for own in fixed]),
            exactly_one=True,
        ),
        time_limit=SECONDS_FOR_A_MINIMUM,
    )
    return int(used[solution.selected, row].sum()) if solution.status == Status.OPTIMAL else None


def _least(resource_model: HardwareModel, group: Candidates, cap: Cap, in_steps: bool) -> int:
    if in_steps and group.prunable:
        return resource_model.use(group.layer, np.zeros(group.layer.kernel_shape, dtype=bool))[cap.counted]
    return group.fixed(cap)
