"""A whole network as da4ml builds it: what it costs by da4ml's own count, and what it answers, bit by bit.

All methods are counted here, and in the same way: da4ml's options are those that hls4ml gives it, each ReLU stands at
the width that is read from it, and the half that rounds to nearest goes into the bias.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
Bits = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Kind:
    """Fixed-point types, one for each value of a row of data; all round to nearest.

    Parameters
    ----------
    signed
        1 where there is a sign bit.
    integer
        Bits before the binary point, without the sign.
    fraction
        Bits behind it; negative for steps of more than 1.
    saturates
        Whether values beyond the range become its ends; else they wrap around.
    """

    signed: Bits
    integer: Bits
    fraction: Bits
    saturates: bool = False

    @classmethod
    def of(cls, size: int, signed: int, integer: int, fraction: int, saturates: bool = False) -> Kind:
        """Give all values of a row one type."""
        return cls(np.full(size, signed), np.full(size, integer), np.full(size, fraction), saturates)

    def repeated(self, size: int) -> Kind:
        """Give all values of a row the first one's type."""
        return Kind.of(size, int(self.signed[0]), int(self.integer[0]), int(self.fraction[0]), self.saturates)

    @property
    def width(self) -> Bits:
        """All bits; none where nothing is left."""
        width: Bits = np.maximum(self.signed + self.integer + self.fraction, 0)
        return width

    def __call__(self, values: Array) -> npt.NDArray[np.float64]:
        """Bring values into their types."""
        whole = np.floor(np.ldexp(values.astype(np.float64), self.fraction) + 0.5)
        span = np.ldexp(1.0, self.integer + self.fraction)
        low = -span * self.signed
        inside = np.clip(whole, low, span - 1) if self.saturates else (whole - low) % (span - low) + low
        return np.where(self.width > 0, np.ldexp(inside, -self.fraction), 0.0)


@dataclass(frozen=True)
class Stage:
    """A Dense layer, with a ReLU and the rounding of its results where it is not the last.

    Parameters
    ----------
    kernel
        Of shape (inputs, outputs).
    bias
        One for each output.
    result
        What its rectified results are rounded to; None leaves the sums as they are, for the last layer.
    """

    kernel: Array
    bias: Array
    result: Kind | None = None

    def __call__(self, data: Array) -> npt.NDArray[np.float64]:
        """Compute its results."""
        sums = data.astype(np.float64) @ self.kernel + self.bias
        return sums if self.result is None else self.result(np.maximum(sums, 0))


@dataclass(frozen=True)
class Design:
    """A network in hardware.

    Parameters
    ----------
    inputs
        Types of what comes in.
    stages
        Its layers in order.
    """

    inputs: Kind
    stages: Sequence[Stage]

    def logic(self) -> Any:
        """Have da4ml build it: a ``CombLogic``."""
        from da4ml.trace import FixedVariableArray, HWConfig, comb_trace

        options = {"hard_dc": int(os.environ.get("DA_HARD_DC", "2")), "search_all_decompose_dc": True}
        kind = self.inputs
        entering = FixedVariableArray.from_kif(
            kind.signed, kind.integer, kind.fraction, HWConfig(1, -1, -1), solver_options=options
        )
        data = entering
        for stage in self.stages:
            data = data @ stage.kernel + stage.bias
            if stage.result is not None:
                data = _rectified(data, stage.result)
        return comb_trace(entering, data)


def _rectified(sums: Any, kind: Kind) -> Any:
    """Rectify and round sums."""
    from da4ml.trace import FixedVariableArray

    results = []
    for value, integer, fraction in zip(sums.ravel(), kind.integer, kind.fraction, strict=True):
        if integer + fraction <= 0:
            results.append(value.quantize(0, 0, 0))
        elif kind.saturates:
            results.append(value.relu(None, int(fraction), "RND").quantize(0, int(integer), int(fraction), "SAT"))
        else:
            results.append(value.relu(int(integer), int(fraction), "RND"))
    return FixedVariableArray(np.array(results), sums.solver_options, hwconf=sums.hwconf)


def answers(logic: Any, inputs: Kind, data: Array) -> npt.NDArray[np.float64]:
    """Run the logic on data, which come in rounded to their types."""
    return np.asarray(logic.predict(inputs(data), n_threads=1), dtype=np.float64)


def accuracy(answered: Array, classes: npt.NDArray[np.int64]) -> float:
    """Say which share of the classes is right; the first of equal answers counts."""
    return float(np.mean(answered.argmax(axis=1) == classes))


def synthesised(logic: Any) -> int:
    """Count the look-up tables that Yosys takes for it, as da4ml writes it in Verilog."""
    from importlib.resources import files

    from da4ml.codegen.rtl.verilog.comb import comb_logic_gen

    from knapprune.verification.yosys import synthesise

    parts = files("da4ml.codegen.rtl.verilog") / "source"
    # No table is in these networks, and its module reads a file that is not there.
    named = sorted(part.name for part in parts.iterdir() if part.name.endswith(".v") and "table" not in part.name)
    modules = [(parts / name).read_text(encoding="utf-8") for name in named]
    return synthesise("\n".join([*modules, comb_logic_gen(logic, "network")]), "network", dsp=False).lut
