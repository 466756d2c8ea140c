"""DSP use of what hls4ml generates for Catapult: an estimate only, no project of its is counted.

Read in hls4ml 1.3 (``backends/catapult``, ``templates/catapult/nnet_utils/nnet_dense*.h``):

========  ==========================================  ========================
strategy  multipliers                                 what a zero weight saves
========  ==========================================  ========================
resource  ceil(size / RF)                             nothing
latency   one a non-zero weight at RF 1; above, a     its multiplier at RF 1
          cap: floor(size / RF) - floor(zeros / RF)
========  ==========================================  ========================

Where weights are stored is for the tool's memory map to decide, so no memory is estimated.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from knapprune.hardware.dsp import MultiplierTable
from knapprune.hardware.hardware_model import LabelCosts, use_of_one_label
from knapprune.hardware.hls4ml import Hls4mlHardware
from knapprune.network.layers import Layer


class CatapultHardware:
    """The DSP estimate of hls4ml's Catapult backend, on the FPGA that ``part`` names.

    Parameters
    ----------
    part
        The device; it decides the width of a DSP block.
    multipliers
        DSP blocks by operand width, in place of the part's own table.
    """

    resources: tuple[str, ...] = ("dsp",)

    def __init__(self, part: str = "xcvu13p-flga2577-2-e", multipliers: MultiplierTable | None = None) -> None:
        self.products = Hls4mlHardware(part, multipliers)

    def use(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> dict[str, int]:
        return use_of_one_label(self, layer, kernel)

    def costs(self, layer: Layer, labels: npt.NDArray[np.int64], kernel: npt.NDArray[np.generic]) -> LabelCosts:
        # What Catapult makes of a constant is not known, so each weight is one that needs a multiplier.
        costs = self.products.costs(replace(layer, weight_type=None), labels, kernel)
        fixed = costs.fixed["dsp"]
        if layer.strategy == "latency" and layer.reuse_factor > 1:
            # Catapult's multiplier_limit rounds down where Vivado's rounds up; no layer has less than one multiplier.
            zeros = int(np.count_nonzero(np.asarray(kernel) == 0))
            cap = layer.size // layer.reuse_factor - zeros // layer.reuse_factor
            fixed = max(cap, int(zeros < layer.size)) * self.products.dsp_per_multiplier(layer)
        return LabelCosts(costs.label_type, costs.type_costs[:1], {"dsp": fixed})

    def structure(self, layer: Layer, resources: tuple[str, ...]) -> str:
        return "unstructured"

    def advice(self, layer: Layer, resource: str) -> str:
        if self.products.dsp_per_multiplier(layer) == 0:
            return f"products of {layer.weight_bits} x {layer.data_bits} bits take no DSP"
        why = "only caps its multipliers" if layer.strategy == "latency" else "spends the same on zeros"
        return (
            f"{layer.strategy} with reuse factor {layer.reuse_factor} {why} in Catapult; 'latency' with reuse factor 1 "
            "can save dsp"
        )
