"""The network that is pruned, as it was given, and what its hardware is counted by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from knapprune.adapters.adapter import written_kernels
from knapprune.adapters.data_types import with_data_types
from knapprune.adapters.training_adapter import TrainingAdapter
from knapprune.adapters.types_adapter import RoundsData
from knapprune.estimation import estimate
from knapprune.hardware.hardware_model import HardwareModel
from knapprune.hardware.resources import Resources, with_logic
from knapprune.network.hls_config import HlsConfig
from knapprune.network.layers import Kernels
from knapprune.selection.channels.counting import count_smaller
from knapprune.selection.request import adder_logic


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
    logic
        Whether look-up tables are counted too.
    sized
        Whether parameters and multiplications are.
    smaller
        Whether it is counted without what is dead in it.
    """

    framework: TrainingAdapter
    model: Any
    config: HlsConfig
    hardware: HardwareModel
    logic: bool = False
    sized: bool = False
    smaller: bool = False

    @cached_property
    def before(self) -> Resources:
        """What the model uses."""
        return self.resources(self.model)

    def resources(self, model: Any) -> Resources:
        """Say what a copy of the model uses."""
        config = self.config_of(model)
        if self.smaller:
            return count_smaller(self.framework, model, config, self.hardware, sized=self.sized)
        used = estimate(model, config, hardware=self.hardware)
        if not self.logic:
            return used
        graphs = adder_logic(self.framework, model, config, used.layers)
        return with_logic(used, self.hardware, self.written(model), graphs)

    def config_of(self, model: Any) -> HlsConfig:
        """Return the configuration with the types to which a copy of the model rounds its data."""
        types = self.framework.data_types(model) if isinstance(self.framework, RoundsData) else {}
        return with_data_types(self.framework, model, self.config, types)

    def written(self, model: Any) -> Kernels:
        """Return the kernels of a copy of the model as hls4ml will write them."""
        return written_kernels(self.framework, model, self.framework.kernels(model), self.config)
