"""DSP use of what hls4ml generates for Quartus and oneAPI: estimates only, no project of theirs is counted.

Read in hls4ml 1.3 (``backends/{quartus,oneapi}``, ``templates/*/nnet_utils/nnet_dense*.h``): there are ceil(size / RF)
multipliers, whatever was asked for, and a zero weight saves none, because the loop issues every product. There is no
other strategy than ``resource``. The *memory* of a Dense layer of more than 2048 weights is padded to powers of two
(``passes/resource_strategy.py``); the loop keeps its reuse factor. Where weights are stored (M20K, registers,
constants) is for the compiler to decide, so no memory is estimated.

An Intel variable-precision DSP block does one product of 27 x 27 bits or two of 18 x 19 (Agilex 7 device overview;
Arria 10 and Stratix 10 are taken to be alike). Agilex 7 also does four of 9 x 9, which is not counted on here. Wider
products are cut into tiles of 27 x 27, each further piece one bit less.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from knapprune.hardware.dsp import MultiplierTable
from knapprune.hardware.hardware_model import LabelCosts
from knapprune.network.layers import Layer

#: One product of a whole block; every operand width takes one.
_WHOLE = MultiplierTable(27, 27, in_logic=())
_HALF_WIDE, _HALF_NARROW = 19, 18


class IntelHardware:
    """The DSP estimate of hls4ml's Quartus and oneAPI backends.

    Parameters
    ----------
    part
        The device or family; the DSP blocks of Arria 10, Stratix 10 and Agilex 7 take the same widths.
    """

    resources: tuple[str, ...] = ("dsp",)

    def __init__(self, part: str = "Arria10") -> None:
        self.part = part

    def use(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> dict[str, int]:
        multipliers = -(-layer.size // layer.reuse_factor) * layer.copies
        beside = sum(blocks(group.multipliers, group.first_bits, group.second_bits) for group in layer.products)
        return {"dsp": blocks(multipliers, layer.weight_bits, layer.data_bits) + beside}

    def costs(self, layer: Layer, labels: npt.NDArray[np.int64], kernel: npt.NDArray[np.generic]) -> LabelCosts:
        count = int(labels.max(initial=-1)) + 1
        return LabelCosts(np.zeros(count, np.int64), np.zeros((1, 1), np.int64), self.use(layer, kernel))

    def structure(self, layer: Layer, resources: tuple[str, ...]) -> str:
        return "unstructured"

    def advice(self, layer: Layer, resource: str) -> str:
        return (
            "hls4ml's Quartus and oneAPI backends issue every product, zero or not; a larger reuse factor can save dsp "
            "(choose={'reuse_factor': 'legal'})"
        )


def blocks(multipliers: int, first_bits: int, second_bits: int) -> int:
    """Count the variable-precision DSP blocks of some products.

    Examples
    --------
    >>> blocks(5, 16, 18), blocks(5, 20, 20), blocks(5, 32, 16)
    (3, 5, 10)
    """
    narrow, wide = sorted((first_bits, second_bits))
    if narrow <= _HALF_NARROW and wide <= _HALF_WIDE:
        return -(-multipliers // 2)
    return multipliers * _WHOLE.blocks(narrow, wide)
