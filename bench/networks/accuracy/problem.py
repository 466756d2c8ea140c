"""What every method is given to prune."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.networks.accuracy.data import Data
from bench.networks.accuracy.networks import Network


@dataclass(frozen=True)
class Problem:
    """What every method is given.

    Parameters
    ----------
    network
        Which.
    model
        Its unpruned version of this seed, compiled.
    data
        To train on and to validate by.
    budget
        Absolute counts by resource.
    seed
        Of the order of the data.
    checkpoint
        A folder of this run alone, to go on from.
    """

    network: Network
    model: Any
    data: Data
    budget: dict[str, int]
    seed: int
    checkpoint: Path
