"""Weights as the chip holds them: rounded to a fixed-point type, in the mode the type names.

The modes and what they do are those of the ``ap_fixed`` types (Vitis HLS user guide UG1399, "Arbitrary Precision
Fixed-Point Data Types"): by default bits behind the last are dropped and bits before the first wrap around.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knapprune.network.precision import OVERFLOW, ROUNDING, FixedPoint, bare_mode, parse_precision

#: Bits of the widest type: whole numbers of more do not fit a signed integer of 64 bits beside their products by 3.
WIDEST = 60
#: Decimals up to which writing a number down can change it: beyond, they are finer than a number of 32 bits is.
_MOST_DECIMALS = 14


@dataclass(frozen=True)
class Rounding:
    """A fixed-point type and how numbers are brought into it.

    Parameters
    ----------
    type
        Width, integer bits and sign.
    rounding
        What happens behind the last bit, such as ``"TRN"`` or ``"RND_CONV"``.
    overflow
        What happens before the first, such as ``"WRAP"`` or ``"SAT"``.
    """

    type: FixedPoint
    rounding: str = "TRN"
    overflow: str = "WRAP"

    @classmethod
    def parse(cls, text: object) -> Rounding:
        """Read a type such as ``fixed<16,6>`` or ``ap_ufixed<8,0,AP_RND,AP_SAT>``."""
        fixed = parse_precision(text)
        named = [bare_mode(word) for word in str(text).rstrip("> ").split("<", 1)[1].split(",")]
        rounding = next((name for name in named if name in ROUNDING), "TRN")
        return cls(fixed, rounding, next((name for name in named if name in OVERFLOW), "WRAP"))

    def __call__(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
        """Bring numbers into the type."""
        whole = self._integers(values, 0.0)[0].astype(np.float64)
        return np.ldexp(whole, -self.type.fraction)

    def integers(self, values: npt.NDArray[np.generic]) -> tuple[npt.NDArray[np.int64], int]:
        """Bring weights into the type as hls4ml does: written down in decimals, and read by the C++ compiler.

        hls4ml writes as many decimals as the type has bits behind the point (``WeightVariable`` in
        ``model/types.py``), so a number just below a multiple of the last bit can become that multiple.
        """
        decimals = max(self.type.fraction, 0)
        return self._integers(values, 10.0**decimals if decimals <= _MOST_DECIMALS else 0.0)

    def _integers(self, values: npt.NDArray[np.generic], decimals: float) -> tuple[npt.NDArray[np.int64], int]:
        """Round in one pass; `decimals` is the power of ten to write with, 0 for numbers that are not written."""
        from knapprune.network.rounding_loop import round_into  # the compiler takes its time to load

        width, signed = self.type.width, self.type.signed
        if width > WIDEST:
            raise ValueError(f"precision: got {self.type}, expected at most {WIDEST} bits")
        low, high = (-(2.0 ** (width - 1)), 2.0 ** (width - 1) - 1) if signed else (0.0, 2.0**width - 1)
        array = np.ascontiguousarray(values)
        flat = array.reshape(-1)
        if flat.dtype not in (np.float32, np.float64):
            flat = flat.astype(np.float64)
        out = np.empty(flat.shape, np.int64)
        modes = ROUNDING.index(self.rounding), OVERFLOW.index(self.overflow)
        overflows = round_into(flat, decimals, 2.0**self.type.fraction, *modes, low, high, signed, out)
        return out.reshape(array.shape), int(overflows)
