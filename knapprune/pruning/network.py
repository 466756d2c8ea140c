"""The network that is pruned, as it was given, and what its hardware is counted by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from knapprune.adapters.adapter import TrainingAdapter, written_kernels
from knapprune.estimation import estimate
from knapprune.hardware.hardware_model import HardwareModel
from knapprune.hardware.resources import Resources
from knapprune.network.hls_config import HlsConfig
from knapprune.network.layers import Kernels


@dataclass(frozen=True)
class Network:
    """A network.

    Parameters
    ----------
    framework
        The adapter of the model's framework.
    model
        The model as it was given.
    config
        The hls4ml configuration.
    hardware
        The resource model.
    before
        What the model uses.
    """

    framework: TrainingAdapter
    model: Any
    config: HlsConfig
    hardware: HardwareModel
    before: Resources

    def resources(self, model: Any) -> Resources:
        """Say what a copy of the model uses."""
        return estimate(model, self.config, hardware=self.hardware)

    def written(self, model: Any) -> Kernels:
        """Return the kernels of a copy of the model as hls4ml will write them."""
        return written_kernels(self.framework, model, self.framework.kernels(model), self.config)
