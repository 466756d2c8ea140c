"""What a method is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.networks.accuracy.data import Data
from bench.networks.digits.networks import NETWORKS, Network

Setting = Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """What a method is given.

    Parameters
    ----------
    network
        By name.
    data
        To train on and to choose by.
    seed
        Of the weights and of the order of the data.
    setting
        What this run of the method is asked for.
    folder
        For its files.
    """

    network: str
    data: Data
    seed: int
    setting: Setting
    folder: Path

    @property
    def of(self) -> Network:
        """The network itself."""
        return NETWORKS[self.network]
