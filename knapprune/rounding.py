"""Weights as the chip holds them: rounded to a fixed-point type, in the mode the type names.

The modes and what they do are those of the ``ap_fixed`` types (Vitis HLS user guide UG1399, "Arbitrary Precision
Fixed-Point Data Types"): by default bits behind the last are dropped and bits before the first wrap around.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knapprune.hls_config import HlsConfig
from knapprune.layers import Layer
from knapprune.precision import FixedPoint, parse_precision

_ROUNDING = ("TRN", "TRN_ZERO", "RND", "RND_ZERO", "RND_INF", "RND_MIN_INF", "RND_CONV")
_HLS_CLASSES = {
    "dense": "Dense",
    "conv1d": "Conv1D",
    "conv2d": "Conv2D",
    "depthwise_conv1d": "DepthwiseConv1D",
    "depthwise_conv2d": "DepthwiseConv2D",
    "einsum_dense": "EinsumDense",
    "lstm": "LSTM",
    "gru": "GRU",
}
_OVERFLOW = ("WRAP", "SAT", "SAT_ZERO", "SAT_SYM")


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
        """Read a type such as ``fixed<16,6>`` or ``ap_ufixed<8,0,AP_RND,AP_SAT>``.

        Parameters
        ----------
        text
            A string, or one of hls4ml's own types.

        Returns
        -------
        Rounding
            The type with its modes.

        Raises
        ------
        ValueError
            If it is no such type, or names an unknown mode.
        """
        fixed = parse_precision(text)
        named = [name.removeprefix("AP_") for name in re.findall(r"[A-Z]+(?:_[A-Z]+)*", str(text).split("<", 1)[1])]
        unknown = [name for name in named if name not in (*_ROUNDING, *_OVERFLOW)]
        if unknown:
            raise ValueError(f"precision: got {str(text)!r}, expected modes among {[*_ROUNDING, *_OVERFLOW]}")
        rounding = next((name for name in named if name in _ROUNDING), "TRN")
        return cls(fixed, rounding, next((name for name in named if name in _OVERFLOW), "WRAP"))

    def __call__(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
        """Bring numbers into the type.

        Parameters
        ----------
        values
            Any shape.

        Returns
        -------
        numpy.ndarray
            Multiples of the type's last bit, in its range.
        """
        step = 2.0**-self.type.fraction
        scaled = np.asarray(values, dtype=np.float64) / step
        return self._inside(_whole(scaled, self.rounding)) * step

    def _inside(self, whole: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        signed, states = self.type.signed, 2.0**self.type.width
        low, high = (-states / 2, states / 2 - 1) if signed else (0.0, states - 1)
        if self.overflow == "WRAP":
            return (whole - low) % states + low
        if self.overflow == "SAT_ZERO":
            return np.where((whole < low) | (whole > high), 0.0, whole)
        return np.clip(whole, -high if self.overflow == "SAT_SYM" and signed else low, high)


def _whole(scaled: npt.NDArray[np.float64], mode: str) -> npt.NDArray[np.float64]:
    if mode == "TRN":
        return np.floor(scaled)
    if mode == "TRN_ZERO":
        return np.trunc(scaled)
    if mode == "RND_CONV":
        return np.rint(scaled)
    if mode == "RND":
        return np.floor(scaled + 0.5)
    if mode == "RND_MIN_INF":
        return np.ceil(scaled - 0.5)
    away = np.floor(np.abs(scaled) + 0.5) if mode == "RND_INF" else np.ceil(np.abs(scaled) - 0.5)
    return np.copysign(away, scaled)


def weight_types(config: HlsConfig, layers: Sequence[Layer]) -> dict[str, Rounding]:
    """Look up what each kernel is rounded to.

    Parameters
    ----------
    config
        The hls4ml configuration.
    layers
        The layers.

    Returns
    -------
    dict of Rounding
        By layer name. A type that hls4ml would infer is the model's default.
    """
    found = {}
    for layer in layers:
        if layer.kind not in _HLS_CLASSES:
            continue  # a layer that only scales has no kernel
        name, recurrent, _ = layer.name.partition("/recurrent")
        text = config.precision_text("recurrent_weight" if recurrent else "weight", name, _HLS_CLASSES[layer.kind])
        named = text is not None and str(text).strip().lower() != "auto"
        found[layer.name] = Rounding.parse(text) if named else Rounding(config.default_precision)
    return found
