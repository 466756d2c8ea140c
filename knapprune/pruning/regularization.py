"""Training with a price: groups of weights that cost much hardware are pulled towards zero before they are cut.

The penalty is ``sum over groups of strength_g * ||w_g||_2`` (group lasso: Yuan and Lin, "Model selection and estimation
in regression with grouped variables", 2006; for groups that share hardware: Ramhorst et al., arXiv 2308.05170), over
the same groups that are pruned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from knapprune.adapters.objective import GroupPenalty, Strengths
from knapprune.hardware.fetch_groups import fetch_group
from knapprune.selection.budget import Cap
from knapprune.selection.candidates import Candidates


@dataclass(frozen=True)
class Regularization:
    """How strongly groups are pulled towards zero while the network trains.

    Parameters
    ----------
    strength
        The strength of a group of one weight (``"layer"``) or of the average price (``"price"``).
    form
        ``"layer"``: as published, one strength for each layer, times the square root of the group's size.
        ``"price"``: each group by what it costs, in the resources' shadow prices of the last selection: what no budget
        binds on is free, and a group that takes more of what is scarce is pulled harder.

    Raises
    ------
    ValueError
        If a value is out of its range.
    """

    strength: float
    form: Literal["layer", "price"] = "layer"

    def __post_init__(self) -> None:
        if not 0 <= self.strength < float("inf"):
            raise ValueError(f"regularization: got the strength {self.strength!r}, expected a number, 0 or more")
        if self.form not in ("layer", "price"):
            raise ValueError(f"regularization: got the form {self.form!r}, expected 'layer' or 'price'")

    def penalties(
        self, groups: Sequence[Candidates], caps: Sequence[Cap], prices: Sequence[float] | None
    ) -> dict[str, GroupPenalty]:
        """Say what each group is penalised by.

        Parameters
        ----------
        groups
            What can be pruned in each layer.
        caps
            The budget that was selected for.
        prices
            Dual price of one unit of each cap.

        Returns
        -------
        dict of GroupPenalty
            By layer name; layers in which nothing can be saved are left out.

        Raises
        ------
        ValueError
            If prices are needed and there are none.
        """
        prunable = [group for group in groups if group.prunable]
        if self.form == "layer":
            return {group.layer.name: GroupPenalty(group.labels, self.strength * _roots(group)) for group in prunable}
        if not prunable:  # nothing is left, and so nothing has a price
            return {}
        if prices is None or len(prices) != len(caps):
            raise ValueError(
                "regularization: the solver gave no prices, expected another solver, such as 'auto', or form 'layer'"
            )
        priced = {group.layer.name: _price(group, caps, prices) for group in prunable}
        total = sum(float(price.sum()) for price in priced.values())
        mean = total / max(1, sum(int(np.count_nonzero(price)) for price in priced.values()))
        scale = self.strength / mean if mean > 0 else 0.0
        return {group.layer.name: GroupPenalty(group.labels, scale * priced[group.layer.name]) for group in prunable}


def regularization_of(given: float | Regularization | None) -> Regularization | None:
    """Read the argument."""
    if given is None or isinstance(given, Regularization):
        return given
    if not isinstance(given, int | float | np.integer | np.floating):
        raise ValueError(f"regularization: got {given!r}, expected a number, a Regularization or None")
    return Regularization(float(given))


def check_structure(structure: Any) -> None:
    """Refuse groups that cannot be penalised."""
    wanted = structure.values() if isinstance(structure, Mapping) else [structure]
    if any(fetch_group(own) is not None for own in wanted):
        raise ValueError("regularization: got fetch groups as structure, expected one whose groups die together")


def _roots(group: Candidates) -> Strengths:
    return np.sqrt(np.bincount(group.labels.ravel(), minlength=len(group.alive)).astype(np.float64))


def _price(group: Candidates, caps: Sequence[Cap], prices: Sequence[float]) -> Strengths:
    """Price each group: its own costs, and its part of the words that it shares with others that live."""
    priced = np.zeros(len(group.alive))
    for cap, price in zip(caps, prices, strict=True):
        priced += price * group.cost_of_types(cap)[group.costs.label_type]
        if group.words is not None and group.cost_of_words(cap):
            words = group.words.of(np.flatnonzero(group.alive))
            ends = np.zeros(len(words.cost) + 1)
            np.add.at(ends, words.first, 1)
            np.add.at(ends, words.last + 1, -1)
            members = np.maximum(np.cumsum(ends)[:-1], 1)
            parts = np.concatenate([[0.0], np.cumsum(words.cost / members)])
            priced[group.alive] += price * (parts[words.last + 1] - parts[words.first])
    return priced
