"""Look-up tables and flip-flops as C synthesis reports them: sums of a few terms, fitted to published reports.

What a layer needs is written as a sum over things that are there: an addition for each non-zero weight, a place for
each bit that a multiplier chooses among its inputs. Each term has one coefficient, never negative, fitted to published
synthesis reports (Vivado HLS 2019.1 to Vitis HLS 2025.1, collected from public repositories) so that the logarithm of
estimate over report is small, large deviations counting less (soft L1). ``bench/networks/vendor/fit.py`` does it again
from the rows, prints the coefficients below, and how far off the same form is on shapes, widths and sources that were
left out of the fit. Beside each estimate stands how far off it is on the rows it was fitted to.

The tools' own estimates are what is fitted: a 16-bit multiplexer of 32 words counts as 150 look-up tables in a report
of C synthesis, needed or not. After Vivado's logic synthesis a design is about half as large; where reports say how
large, that has a form of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, log2

from knapprune.hardware.parts import family


@dataclass(frozen=True)
class Quantities:
    """What an estimate of a layer is made of; no kernel, no network.

    Parameters
    ----------
    strategy
        ``"latency"``, ``"resource"`` or ``"resource_unrolled"``.
    reuse_factor
        Products per multiplier.
    n_in, n_out
        Products summed into one output, and outputs.
    weight_bits, data_bits
        Widths of a weight's and an input's type.
    nonzero
        Weights that are not zero; None where it is not known, for strategies that do not drop zeros.
    constants
        Distinct pairs of input and weight with three signed digits or more: what HLS multiplies.
    multipliers
        Multipliers that are built above a reuse factor of 1; None for one each `reuse_factor` weights.
    part
        The device.
    clock_period
        In nanoseconds.
    alone
        Whether the layer is the whole design. Its inputs are then wires of the top function, with no registers in
        front of them; within a network they are registers.
    """

    strategy: str
    reuse_factor: int
    n_in: int
    n_out: int
    weight_bits: int
    data_bits: int
    nonzero: int | None = None
    constants: int | None = None
    multipliers: int | None = None
    part: str = ""
    clock_period: float = 5.0
    alone: bool = False

    @property
    def known_nonzero(self) -> int:
        """Weights that are not zero, all of them where nobody said."""
        return self.n_in * self.n_out if self.nonzero is None else self.nonzero

    @property
    def multiplied(self) -> int:
        """Constants that are multiplied; the weights of one input that hold one value count once."""
        return min(self.known_nonzero, self.constants or 0)

    @property
    def built(self) -> int:
        """Multipliers above a reuse factor of 1."""
        return -(-self.n_in * self.n_out // self.reuse_factor) if self.multipliers is None else self.multipliers


def slow_fabric(part: str) -> bool:
    """Say whether a device is of the 7 series, whose adders take several times as long as those of UltraScale+."""
    known = family(part)
    return known is not None and known.dsp == "DSP48E1"


def _outputs_to_choose_among(of: Quantities) -> int:
    # A multiplier that serves two outputs has a select; one that serves more has a multiplexer as wide as all outputs,
    # because HLS does not see that the index stays within a few of them.
    return 2 if of.reuse_factor <= 2 * of.n_in else 1 << ceil(log2(max(of.n_out, 2)))


#: The terms, by what one of them is.
TERMS: Mapping[str, Callable[[Quantities], float]] = {
    "layer": lambda of: 1,
    "input": lambda of: of.n_in,
    "output": lambda of: of.n_out,
    "bit of an input": lambda of: of.n_in * of.data_bits,
    "bit of an output": lambda of: of.n_out * of.data_bits,
    "bit of an input or output": lambda of: (of.n_in + of.n_out) * of.data_bits,
    "non-zero weight": lambda of: of.known_nonzero,
    "bit of a non-zero weight": lambda of: of.known_nonzero * of.weight_bits,
    "non-zero weight, UltraScale+": lambda of: 0 if slow_fabric(of.part) else of.known_nonzero,
    "non-zero weight, 7 series, times 5 ns over the clock period": lambda of: (
        of.known_nonzero * 5 / of.clock_period if slow_fabric(of.part) else 0
    ),
    "bit of a weight by bit of an input, 7 series, times 5 ns over the clock period": lambda of: (
        of.known_nonzero * of.weight_bits * of.data_bits * 5 / of.clock_period if slow_fabric(of.part) else 0
    ),
    "constant that is multiplied": lambda of: of.multiplied,
    "constant that is multiplied, resource": lambda of: of.multiplied * (of.strategy != "latency"),
    "bit of a weight that is shifted and added": lambda of: (of.known_nonzero - of.multiplied) * of.weight_bits,
    "multiplier": lambda of: of.built,
    "bit of a multiplier's weight": lambda of: of.built * of.weight_bits,
    "bit of a multiplier that chooses its input": lambda of: (
        of.built * of.data_bits if 1 < of.reuse_factor < of.n_in else 0
    ),
    "bit of an output that a multiplier chooses among": lambda of: (
        of.built * of.data_bits * _outputs_to_choose_among(of)
    ),
}


@dataclass(frozen=True)
class Error:
    """How far off an estimate is on the rows it was fitted to.

    Parameters
    ----------
    rows
        How many there are.
    factor
        In nine of ten of them (in all, where they are fewer), the larger of estimate and report over the smaller is at
        most this.
    """

    rows: int
    factor: float

    def __str__(self) -> str:
        near = f"{self.factor - 1:.0%}" if self.factor < 2 else f"a factor of {self.factor:.1f}"
        return (
            f"9 in 10 of {self.rows} reports within {near}" if self.rows >= 10 else f"{self.rows} reports within {near}"
        )


@dataclass(frozen=True)
class Sum:
    """One estimate.

    Parameters
    ----------
    coefficients
        By term in :data:`TERMS`.
    error
        How far off it is.
    """

    coefficients: Mapping[str, float]
    error: Error

    def of(self, quantities: Quantities) -> int:
        """Evaluate the sum."""
        return round(sum(each * TERMS[term](quantities) for term, each in self.coefficients.items()))


@dataclass(frozen=True)
class Form:
    """Both estimates of the layers that are built in one way.

    Parameters
    ----------
    name
        Which layers.
    lut, ff
        Look-up tables and flip-flops.
    """

    name: str
    lut: Sum
    ff: Sum


def _scaled(known: Sum, share: float, error: Error) -> Sum:
    return Sum({term: float(f"{each * share:.3g}") for term, each in known.coefficients.items()}, error)


#: Every product at once, of a constant: ``latency`` and ``resource`` at reuse factor 1.
UNROLLED = Form(
    "reuse factor 1",
    lut=Sum(
        {
            "non-zero weight": 13.1,
            "constant that is multiplied": 10.6,
            "bit of a weight that is shifted and added": 1.77,
        },
        Error(90, 1.31),
    ),
    ff=Sum(
        {
            "non-zero weight, UltraScale+": 1.91,
            "bit of a weight by bit of an input, 7 series, times 5 ns over the clock period": 0.31,
            "constant that is multiplied": 3.29,
            "constant that is multiplied, resource": 5.12,
        },
        Error(90, 2.67),
    ),
)

#: ``latency`` above reuse factor 1: constants take turns at fewer multipliers, additions stay.
SHARED = Form(
    "latency above reuse factor 1",
    lut=Sum({"non-zero weight": 14.0, "bit of a non-zero weight": 1.12}, Error(63, 1.33)),
    ff=Sum(
        {
            "non-zero weight, UltraScale+": 1.32,
            "non-zero weight, 7 series, times 5 ns over the clock period": 9.96,
            "constant that is multiplied": 15.3,
        },
        Error(63, 2.09),
    ),
)

#: ``resource`` within a network, reuse factor up to the inputs (``dense_resource_rf_leq_nin``): a multiplier stays with
#: one output and chooses its input, unless all take the same one.
LOOPED = Form(
    "resource up to the inputs",
    lut=Sum({"layer": 1650, "bit of a multiplier that chooses its input": 25.3}, Error(15, 1.50)),
    ff=Sum({"bit of an input": 2.63, "multiplier": 139}, Error(15, 1.47)),
)

#: ``resource`` within a network, reuse factor above the inputs (``dense_resource_rf_gt_nin*``): all multipliers take
#: the same input, and each chooses its output.
ABOVE = Form(
    "resource above the inputs",
    lut=Sum({"output": 146, "bit of an output that a multiplier chooses among": 0.408}, Error(6, 1.24)),
    ff=Sum({"bit of an input or output": 3.47}, Error(6, 3.37)),
)

#: The same where the layer is the whole design.
ABOVE_ALONE = Form(
    "resource above the inputs, the layer alone",
    lut=Sum(
        {
            "layer": 4640,
            "input": 31.0,
            "output": 23.2,
            "multiplier": 36.5,
            "bit of an output that a multiplier chooses among": 0.330,
        },
        Error(620, 1.02),
    ),
    ff=Sum({"layer": 121, "bit of an output": 1.02, "bit of a multiplier's weight": 1.03}, Error(620, 1.09)),
)

#: ``resource`` above the inputs, after Vivado's logic synthesis; the designs are of two layers each.
ABOVE_SYNTHESISED = Form(
    "resource above the inputs, after logic synthesis",
    lut=Sum(
        {"input": 31.6, "output": 84.6, "bit of an output that a multiplier chooses among": 0.219}, Error(93, 1.18)
    ),
    ff=Sum({"bit of an input": 2.62, "bit of an output": 2.82}, Error(93, 1.11)),
)

#: What is left of a whole design at reuse factor 1 after logic synthesis, in two published ones (0.48 and 0.54 of the
#: look-up tables, 0.68 and 0.97 of the flip-flops).
SHARE_SYNTHESISED = {"lut": 0.51, "ff": 0.82}
UNROLLED_SYNTHESISED = Form(
    "reuse factor 1, after logic synthesis",
    lut=_scaled(UNROLLED.lut, SHARE_SYNTHESISED["lut"], Error(2, 1.07)),
    ff=_scaled(UNROLLED.ff, SHARE_SYNTHESISED["ff"], Error(2, 1.20)),
)

#: Those that are fitted.
FORMS = (UNROLLED, SHARED, LOOPED, ABOVE, ABOVE_ALONE, ABOVE_SYNTHESISED)


def form_of(quantities: Quantities) -> Form:
    """Find which layers a layer is built like, for what C synthesis reports."""
    if quantities.reuse_factor == 1:
        return UNROLLED
    if quantities.strategy == "latency":
        return SHARED
    if quantities.reuse_factor <= quantities.n_in:
        return LOOPED
    return ABOVE_ALONE if quantities.alone else ABOVE


def synthesised(quantities: Quantities) -> Form | None:
    """Find the form of what is left after logic synthesis."""
    if quantities.reuse_factor == 1:
        return UNROLLED_SYNTHESISED
    return ABOVE_SYNTHESISED if quantities.reuse_factor > quantities.n_in and quantities.strategy != "latency" else None
