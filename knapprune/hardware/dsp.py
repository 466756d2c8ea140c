"""How many DSP blocks one multiplier takes, by the widths of both operands.

No public rule says when a vendor tool leaves a product to look-up tables, so the limits are one small table by tool,
from the multipliers in published synthesis reports (``docs/benchmarks/vendor.md``). A user can replace it after
looking at a report: ``Hls4mlHardware(multipliers=MultiplierTable(...))``, or a file
(:mod:`knapprune.hardware.multiplier_file`).

====================  ==================================================  ============================================
tool                  left to look-up tables                              widths of the operands
====================  ==================================================  ============================================
Vivado HLS to 2020.1  both up to 8 bits, or one up to 4                   of a memory's weights: of their type, but for
                                                                          the last multiplier's; of a constant above 0:
                                                                          without a sign
Vitis HLS             one up to 8 bits and the other up to 10, or one     of a memory's weights: what all their values
                      up to 4                                             need; of a constant: with a sign
====================  ==================================================  ============================================

Seen in reports of Vitis HLS: 10 x 8 bits and below in logic, 11 x 7, 12 x 6, 13 x 6, 16 x 5 and above in DSP blocks;
10 x 9 and 10 x 10 were not seen, and a block is counted. Vivado HLS leaves the constants 11 and 13 to logic, which
have four bits and three signed digits, and not -11 and -13; where 6-bit weights are within 4 bits, 20-bit ones within
18 or 32-bit ones within 25, its reports have one multiplier a layer that takes what these values take, and all others
what the type takes: it cuts the memory's word at the top, where the last multiplier's weights are.

The signed port widths are those of Xilinx UG479 (DSP48E1, 25 x 18), UG579 (DSP48E2, 27 x 18) and AM004 (DSP58, 27 x
24). A wide product is tiled: every further block adds one bit less than its port, because the lower parts are
unsigned. This gives what Yosys reports for square products: one up to 18 bits, two up to 27, four from 28.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from knapprune.hardware.parts import family


@dataclass(frozen=True)
class MultiplierTable:
    """DSP blocks per multiplier.

    Parameters
    ----------
    wide_port, narrow_port
        Signed widths in bits of the block's two multiplier ports, the wider one first.
    in_logic
        Pairs ``(narrow, wide)``: a product whose narrower operand has at most ``narrow`` bits and whose wider one has
        at most ``wide`` bits takes no DSP block.
    narrows_memories
        Whether all multipliers of a memory's weights are as wide as the values in it need; else the last one alone is.
    signs_constants
        Whether a constant above 0 is as wide as with a sign.
    """

    wide_port: int
    narrow_port: int
    in_logic: tuple[tuple[int, int], ...] = ((8, 10), (4, 1024))
    narrows_memories: bool = True
    signs_constants: bool = True

    def __post_init__(self) -> None:
        if not 2 <= self.narrow_port <= self.wide_port:
            raise ValueError(
                f"wide_port, narrow_port: got {self.wide_port}, {self.narrow_port}, expected wide >= narrow >= 2 bits"
            )

    def blocks(self, first_bits: int, second_bits: int) -> int:
        """Count the DSP blocks of one product."""
        narrow, wide = sorted((first_bits, second_bits))
        if any(narrow <= narrow_limit and wide <= wide_limit for narrow_limit, wide_limit in self.in_logic):
            return 0
        return min(
            _tiles(wide, self.wide_port) * _tiles(narrow, self.narrow_port),
            _tiles(narrow, self.wide_port) * _tiles(wide, self.narrow_port),
        )


DSP48E1 = MultiplierTable(25, 18)
DSP48E2 = MultiplierTable(27, 18)
DSP58 = MultiplierTable(27, 24)

#: The blocks by the name that the catalogue of parts has for them, as Vitis HLS uses them.
TABLES = {"DSP48E1": DSP48E1, "DSP48E2": DSP48E2, "DSP58": DSP58}


def of_vivado_hls(table: MultiplierTable) -> MultiplierTable:
    """Say what Vivado HLS (up to 2020.1) makes of a block."""
    return replace(table, in_logic=((8, 8), (4, 1024)), narrows_memories=False, signs_constants=False)


def table_of_part(part: str, backend: str = "Vitis") -> MultiplierTable:
    """Find the DSP block of a device, and what the tool makes of it."""
    known = family(part)
    table = TABLES[known.dsp] if known is not None else DSP48E2
    return of_vivado_hls(table) if backend == "Vivado" else table


def _tiles(bits: int, port: int) -> int:
    """Pieces of an operand: one signed piece of the port's width, the others unsigned and so one bit narrower."""
    return 1 if bits <= port else 1 + -(-(bits - port) // (port - 1))
